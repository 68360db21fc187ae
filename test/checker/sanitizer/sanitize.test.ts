import { describe, expect, it } from "vitest";
import { NONE, array, bool, int, mutex, planLayout, ref, rwsem, spinlock, struct, table, type Structs } from "../../../checker/program/layout.ts";
import { LockTable } from "../../../checker/program/locks.ts";
import { READ, WRITE } from "../../../checker/program/observer.ts";
import { StateBytes, makeWorld, writeInitialValues } from "../../../checker/program/world.ts";
import { StepFault, type FaultRule } from "../../../checker/fault.ts";
import { findingKey } from "../../../checker/sanitizer/evidence.ts";
import { heldInVector } from "../../../checker/sanitizer/held-locks.ts";
import { makeSanitizer, viewOf } from "../../../checker/sanitizer/sanitize.ts";
import { feed, fieldId, holding, lock, read, readOnce, unlock, write, writeOnce, type Script } from "./block-script.ts";

/** The fault that feeding the blocks raises. */
function raised(blocks: readonly Script[], options = {}): { rule: FaultRule; source: string | null } | null {
  try {
    feed(blocks, { raise: true, ...options });
    return null;
  } catch (fault) {
    if (!(fault instanceof StepFault)) throw fault;
    return { rule: fault.rule, source: fault.source };
  }
}

const slot = fieldId("page.slot");
const writer: Script = { actor: 1, does: [writeOnce("mm.flag")] };
const twoReads: Script = { actor: 0, does: [readOnce("mm.flag"), readOnce("mm.flag")] };
const noLock: Script = { actor: 0, does: [readOnce("mm.flag"), write("page.slot", 1)] };
const inversion: Script[] = [
  { actor: 0, does: [lock("pool.lock"), lock("mm.sem"), unlock("mm.sem"), unlock("pool.lock")] },
  { actor: 1, does: [lock("mm.sem"), lock("pool.lock"), unlock("pool.lock"), unlock("mm.sem")] },
];

describe("raising", () => {
  it("throws at the offending operation", () => {
    expect(raised([writer, twoReads])).toEqual({ rule: "atomicity", source: "script.ts:202" });
    expect(raised([writer, noLock])).toEqual({ rule: "data-race", source: "script.ts:202" });
    expect(raised(inversion)).toEqual({ rule: "lock-order", source: "script.ts:202" });
    expect(raised([writer, { actor: 0, does: [readOnce("mm.flag")] }])).toBeNull();
  });

  it("throws at the company when the racing access came first", () => {
    expect(raised([{ actor: 0, does: [write("page.slot", 1), read("mm.other")] }])).toEqual({ rule: "data-race", source: "script.ts:101" });
  });

  it("calls it a missing lock where a lock is declared, a missing yield where none is", () => {
    const others: Script[] = [{ actor: 1, does: [write("mm.flag")] }, { actor: 1, does: [write("page.slot", 1)] }];
    expect(raised([...others, { actor: 0, does: [read("page.slot", 1), write("page.slot", 1)] }])?.rule).toBe("data-race");
    expect(raised([...others, { actor: 0, does: [read("mm.flag"), write("mm.flag")] }])?.rule).toBe("atomicity");
  });

  it("knows from an earlier exploration what it has not met itself", () => {
    expect(raised([twoReads])).toBeNull();
    expect(raised([twoReads], { knowledge: structuredClone(feed([twoReads, writer]).blocks()) })).toEqual({ rule: "atomicity", source: "script.ts:102" });
    expect(raised([inversion[0]!], { knowledge: feed(inversion).blocks() })).toEqual({ rule: "lock-order", source: "script.ts:102" });
  });

  it("raises each finding of an exploration, one at a time, at its line", () => {
    const blocks = [writer, twoReads, noLock, ...inversion];
    const collected = feed(blocks);
    const findings = collected.findings();
    expect(findings.map((f) => f.rule)).toEqual(["atomicity", "data-race", "lock-order"]);
    for (const f of findings) {
      const fault = raised(blocks, { knowledge: collected.blocks(), only: new Set([findingKey(f)]) });
      expect(fault?.rule).toBe(f.rule);
      if (f.rule !== "lock-order") expect(fault?.source).toBe(f.source);
    }
  });

  it("holds to the rules asked for", () => {
    expect(raised([writer, twoReads], { rules: ["data-race", "lock-order"] })).toBeNull();
    expect(raised(inversion, { rules: ["atomicity", "data-race"] })).toBeNull();
  });

  it("still lists what it threw", () => {
    const sanitizer = feed([], { raise: true });
    sanitizer.beginStep(0, "read, then write");
    sanitizer.access(slot, 1, 0, READ, 1);
    expect(() => sanitizer.access(slot, 1, 0, WRITE, 2)).toThrow(/page\[1\]\.slot/);
    expect(sanitizer.findings().map((f) => f.rule)).toEqual(["data-race", "data-race"]);
  });
});

describe("collecting", () => {
  const blocks = [twoReads, noLock, ...inversion, writer];
  const summary = (s: ReturnType<typeof feed>): string[] => s.findings().map((f) => `${f.message} ${f.sites.join(" ")}`);

  it("throws nothing, and repeats nothing", () => {
    expect(feed(blocks).findings()).toHaveLength(3);
    const again = feed(blocks);
    again.merge(structuredClone(feed(blocks).blocks()));
    expect(again.blocks()).toHaveLength(blocks.length);
    expect(summary(again)).toEqual(summary(feed(blocks)));
  });

  it("gives the same findings for any split among workers", () => {
    const all = feed(blocks).blocks();
    for (let split = 0; split < 1 << all.length; split++) {
      const [one, two] = [feed([]), feed([])];
      all.forEach((b, n) => (((split >> n) & 1) === 0 ? one : two).merge([b]));
      two.merge(structuredClone(one.blocks()));
      expect(summary(two)).toEqual(summary(feed(blocks)));
    }
  });

  it("looks only at what was declared to be state, and survives a wild index until the access faults", () => {
    const s = feed([]);
    s.beginStep(0, "wild");
    s.access(slot, 99, 0, WRITE, 1);
    s.access(slot, -1, 0, WRITE, 1);
    s.endStep(0);
    expect(s.blocks()).toEqual([]);
  });

  it("drops the block of a step that another fault cut short", () => {
    const s = feed([]);
    s.beginStep(0, "cut short");
    s.access(slot, 1, 0, WRITE, 1);
    s.beginStep(1, "next");
    s.endStep(1);
    expect(s.blocks()).toEqual([]);
  });

  it("judges nothing that a thread does before its first yield, after a finding was raised too", () => {
    const knowledge = feed([{ actor: 0, does: [read("mm.flag"), read("mm.flag")] }, writer]).blocks();
    const s = feed([], { raise: true, knowledge });
    const reads = (): void => s.access(fieldId("mm.flag"), 0, 0, READ, 7);
    s.beginStep(0, "block 1");
    reads();
    expect(reads).toThrow(expect.objectContaining({ rule: "atomicity" }));
    reads();
    reads();
  });

  it("records blocks longer than its first buffer", () => {
    const s = feed([{ actor: 0, does: Array.from({ length: 90 }, () => read("mm.flag")) }, writer]);
    expect(s.blocks()[0]!.operations).toHaveLength(270);
    expect(s.findings().filter((f) => f.rule === "atomicity")).toHaveLength(1);
  });
});

describe("what is read from the vector", () => {
  const structs = {
    mm: struct({ sem: rwsem("readers and a writer"), lock: mutex("one"), n: int(2, 9, "set once, from 5 on", { guard: "once", init: 5 }), head: ref("page", "set once", { guard: "once" }) }),
    page: table(3, { lock: spinlock("one each"), ready: bool("set once", { guard: "once", init: true }), ptes: array(2, int(0, 300, "set once", { guard: "once" })) }),
  } satisfies Structs;
  const layout = planLayout(structs, 3);
  const bytes = new StateBytes(new ArrayBuffer(Math.ceil(layout.stateBytes / 4) * 4));
  writeInitialValues(layout, bytes, 0);
  const k = makeWorld<typeof structs>(layout, bytes, 0);
  const field = (path: string): number => layout.fields.find((f) => f.path === path)!.id;

  it("are the locks that an actor holds, and how", () => {
    const locks = new LockTable(layout, bytes);
    const byName = (name: string) => layout.locks.find((l) => l.name === name)!;
    locks.setHolder(byName("mm.lock"), 1);
    locks.setReaders(byName("mm.sem"), 0b110);
    locks.setHolder(byName("page[2].lock"), 2);
    const heldAt = heldInVector(layout, bytes);
    const names = (actor: number): string[] => heldAt(actor).map((h) => `${layout.locks[h.lock]!.name} ${h.mode}`);
    expect(names(0)).toEqual([]);
    expect(names(1)).toEqual(["mm.sem shared", "mm.lock exclusive"]);
    expect(names(2)).toEqual(["mm.sem shared", "page[2].lock exclusive"]);
  });

  it("is where a thread stands: a number for the bytes of its frames", () => {
    const frames = new StateBytes(new ArrayBuffer(8));
    const { position } = viewOf(layout, frames, 2, [{ from: 2, to: 4 }, { from: 4, to: 8 }]);
    const first = position(0);
    const second = position(1);
    frames.u8[5] = 1;
    expect(position(0)).toBe(first);
    expect(position(1)).not.toBe(second);
    frames.u8[5] = 0;
    frames.u8[1] = 1;
    expect([position(0), position(1)]).toEqual([first, second]);
    frames.u8[3] = 1;
    expect(position(0)).not.toBe(first);
  });

  it("is whether a value is still the initial one", () => {
    const { isInitial } = viewOf(layout, bytes, 1);
    const all = (): boolean[] => [isInitial(field("mm.n"), 0, 0), isInitial(field("mm.head"), 0, 0), isInitial(field("page.ready"), 1, 0), isInitial(field("page.ptes"), 1, 1)];
    expect(all()).toEqual([true, true, true, true]);
    k.mm.n.set(2);
    k.mm.head.set(0);
    k.page.ready.set(1, false);
    k.page.ptes.set(1, 1, 300);
    expect(all()).toEqual([false, false, false, false]);
    expect(isInitial(field("page.ptes"), 1, 0)).toBe(true);
  });
});

describe("a guard that names no usable lock", () => {
  const make = (guard: string): unknown => makeSanitizer(planLayout({
    mm: struct({ lock: mutex("one"), n: int(0, 1, "guarded", { guard }) }),
    page: table(2, { lock: spinlock("one each") }),
  }, 1), [], { heldAt: () => [], isInitial: () => true, isStill: () => true, reference: () => NONE, actors: 1, position: () => 0 });
  it("is refused", () => {
    expect(make("lock")).toBeDefined();
    expect(() => make("lok")).toThrow('mm.n: its guard "lok" is not a lock of the program; write "atomic", "once", "cpu", "lifetime", "model", "owner", "reference->lock" or one of mm.lock, page.lock');
    expect(() => make("page.lock")).toThrow("one lock per page");
  });
});

describe("two blocks that differ", () => {
  const s = feed([]);
  const block = (actor: number, label: string, field: string, site: number): void => {
    s.beginStep(actor, label);
    s.access(fieldId(field), 0, 0, READ, site);
    s.endStep(actor);
  };
  it("in thread, label, operation, line or locks held are both kept, equal ones once", () => {
    for (let again = 0; again < 3; again++) {
      block(0, "a", "mm.flag", 1);
      block(1, "a", "mm.flag", 1);
      block(0, "b", "mm.flag", 1);
      block(0, "a", "mm.other", 1);
      block(0, "a", "mm.flag", 2);
    }
    expect(s.blocks()).toHaveLength(5);
    const held = feed([{ actor: 0, does: [read("mm.flag")] }, { actor: 0, holding: [holding("pool.lock")], does: [] }]).blocks()[0]!;
    s.merge([held, { ...held, heldAtStart: [holding("pool.lock")] }, { ...held, heldAtStart: [holding("pool.lock")] }]);
    expect(s.blocks()).toHaveLength(7);
  });
});
