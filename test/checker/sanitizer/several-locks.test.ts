/** Guards of several locks, of a value that is set once, and values that no write without the lock touches. */
import { describe, expect, it } from "vitest";
import { NONE, int, planLayout, ref, rwsem, spinlock, struct, table } from "../../../checker/program/layout.ts";
import { READ, READ_ONCE, WRITE, WRITE_ONCE, type AccessMode } from "../../../checker/program/observer.ts";
import { Elements } from "../../../checker/sanitizer/guard.ts";
import type { HeldLock } from "../../../checker/sanitizer/held-locks.ts";
import { makeSanitizer, viewOf } from "../../../checker/sanitizer/sanitize.ts";
import { StateBytes } from "../../../checker/program/world.ts";

const PRESENT = 1;
const structs = {
  mm: struct({ lock: rwsem("mmap_lock"), users: int(0, 7, "a count", { guard: "atomic" }) }),
  tree: table(2, { lock: rwsem("of the tree") }),
  edge: table(2, { root: ref("tree", "the tree it is in", { guard: "lifetime" }) }),
  vma: table(2, {
    lock: rwsem("of the area"),
    edges: ref("edge", "the first of its edges", { guard: "lifetime" }),
    start: int(0, 7, "where it begins", { guard: "mm.lock | lock | edges->root->lock" }),
    anonVma: int(NONE, 3, "set once, under mmap_lock", { guard: "once(mm.lock)" }),
  }),
  pt: table(1, {
    lock: spinlock("of the table"),
    pte: int(0, 7, "an entry", { guard: "lock", marks: PRESENT }),
    plain: int(0, 7, "no marks", { guard: "lock" }),
  }),
};
const plan = planLayout(structs, 2);
const field = (path: string): number => plan.fields.find((f) => f.path === path)!.id;
const lockId = (name: string): number => plan.locks.find((l) => l.name === name)!.id;
const shared = (name: string): HeldLock => ({ lock: lockId(name), mode: "shared" });
const excl = (name: string): HeldLock => ({ lock: lockId(name), mode: "exclusive" });

interface Access {
  readonly path: string;
  readonly mode: AccessMode;
}
interface Block {
  readonly actor: number;
  readonly held?: readonly HeldLock[];
  readonly edges?: number;
  readonly values?: Readonly<Record<string, number>>;
  readonly does: readonly Access[];
}

/** Findings, as `rule later earlier`: accesses of block n are on the lines 100 n + 1, ... `edges`: of vma 0, its tree is tree 0. */
function findings(blocks: readonly Block[]): string[] {
  let now: Block = blocks[0]!;
  const valueOf = (f: number): number => now.values?.[plan.fields[f]!.path] ?? plan.fields[f]!.init;
  const lines = Array.from({ length: 1000 }, (_, line) => ({ file: "s.ts", line, column: 0, routine: "s" }));
  const sanitizer = makeSanitizer(plan, lines, {
    heldAt: () => now.held ?? [],
    isInitial: (f) => valueOf(f) === plan.fields[f]!.init,
    isStill: (f) => {
      const { marks, init } = plan.fields[f]!;
      return marks === 0 ? valueOf(f) === init : (valueOf(f) & marks) !== marks;
    },
    reference: (f) => (plan.fields[f]!.path === "vma.edges" ? now.edges ?? NONE : plan.fields[f]!.path === "edge.root" ? 0 : NONE),
    actors: 2, position: () => 0,
  });
  blocks.forEach((b, n) => {
    now = b;
    sanitizer.beginStep(b.actor, `block ${n + 1}`);
    b.does.forEach(({ path, mode }, m) => sanitizer.access(field(path), 0, 0, mode, 100 * (n + 1) + m + 1));
    sanitizer.endStep(b.actor);
  });
  return sanitizer.findings().map((f) => `${f.rule} ${f.sites.join(" ")}`);
}

const twice: readonly Access[] = [{ path: "vma.start", mode: READ }, { path: "vma.start", mode: READ }];

describe("a guard of three locks, one of them through two references", () => {
  const all = [excl("mm.lock"), excl("vma[0].lock"), excl("tree[0].lock")];
  const writer = (held: readonly HeldLock[], edges?: number): Block =>
    ({
      actor: 1, held, ...(edges === undefined ? {} : { edges }),
      does: [{ path: "vma.start", mode: WRITE }, { path: "vma.start", mode: WRITE }],
    });
  const reader = (held: readonly HeldLock[]): Block => ({ actor: 0, held, edges: 0, does: twice });

  it.each([["mm.lock"], ["vma[0].lock"], ["tree[0].lock"]])("lets a reader have %s alone", (name) => {
    expect(findings([reader([shared(name)]), writer(all, 0)])).toEqual([]);
  });
  it("does not take the lock of another tree, or none, for it", () => {
    expect(findings([reader([shared("tree[1].lock")]), writer(all, 0)])).not.toEqual([]);
    expect(findings([reader([]), writer(all, 0)])).not.toEqual([]);
  });
  it("wants all three of a writer, and two where the references lead nowhere", () => {
    const two = [excl("mm.lock"), excl("vma[0].lock")];
    expect(findings([reader([shared("mm.lock")]), writer(two, 0)])).not.toEqual([]);
    expect(findings([reader([shared("mm.lock")]), writer(two)])).toEqual([]);
    expect(findings([reader([shared("mm.lock")]), writer([excl("mm.lock"), excl("tree[0].lock")], 0)])).not.toEqual([]);
  });
  it("is refused where it leads to no lock", () => {
    const vmaWith = (guard: string) => table(2, { lock: rwsem("l"), edges: ref("edge", "e"), start: int(0, 7, "s", { guard }) });
    const wrong = (guard: string) => () => new Elements(planLayout({ ...structs, vma: vmaWith(guard) }, 2));
    expect(wrong("mm.lock | lock | edges->nothing->lock")).toThrow(/the third lock of its guard, "edges->nothing->lock", leads to no lock/);
    expect(wrong("mm.lock | lock | edges->root")).toThrow(/names 3 locks/);
    expect(wrong("mm.lock | lock | edges->root->lock | lock")).toThrow(/names 4 locks/);
  });
});

describe("a value that is set once, by who holds a lock", () => {
  const sets = (held: readonly HeldLock[]): Block => ({ actor: 1, held, does: [{ path: "vma.anonVma", mode: WRITE }] });
  const looksTwice = (held: readonly HeldLock[]): Block =>
    ({ actor: 0, held, does: [{ path: "mm.users", mode: WRITE_ONCE }, { path: "vma.anonVma", mode: READ_ONCE }] });
  const counts: Block = { actor: 1, does: [{ path: "mm.users", mode: READ_ONCE }] };

  it("may be found unset by who keeps the setters out", () => {
    expect(findings([looksTwice([excl("mm.lock")]), counts, sets([shared("mm.lock")])])).toEqual([]);
  });
  it("and by nobody else: a reader beside setters sees it change", () => {
    expect(findings([looksTwice([shared("mm.lock")]), counts, sets([shared("mm.lock")])])).toContain("atomicity 102 101");
  });
  it("is set by who holds the lock: another setter takes the promise from all", () => {
    expect(findings([looksTwice([excl("mm.lock")]), counts, sets([])])).toContain("atomicity 102 101");
  });
});

describe("values that no write without the lock finds or leaves", () => {
  const reads = (value: number, path: string): Block =>
    ({ actor: 0, held: [excl("pt[0].lock")], values: { [path]: value }, does: [{ path, mode: READ }, { path, mode: READ }] });
  const marks = (from: number): Block => ({ actor: 1, values: { "pt.pte": from }, does: [{ path: "pt.pte", mode: WRITE_ONCE }] });

  it("are read twice under the lock beside a writer that has none", () => {
    expect(findings([reads(4, "pt.pte"), marks(1)]).filter((f) => f.startsWith("atomicity 102"))).toEqual([]);
  });
  it("others are not", () => {
    expect(findings([reads(1, "pt.pte"), marks(1)])).toContain("atomicity 102 101");
    const writes: Block = { actor: 1, values: { "pt.plain": 1 }, does: [{ path: "pt.plain", mode: WRITE_ONCE }] };
    expect(findings([reads(4, "pt.plain"), writes])).toContain("atomicity 102 101");
  });
  it("and none is, once a writer without the lock was seen to find one, or to leave one", () => {
    expect(findings([reads(4, "pt.pte"), marks(4)])).toContain("atomicity 102 101");
  });
  it("is what the declaration says of a state", () => {
    const bytes = new StateBytes(new ArrayBuffer(Math.ceil(plan.stateBytes / 4) * 4));
    const view = viewOf(plan, bytes, 2);
    expect(view.isStill(field("pt.pte"), 0, 0)).toBe(true);
    expect(view.isStill(field("pt.plain"), 0, 0)).toBe(true);
  });
});
