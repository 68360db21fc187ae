/** What a declared guard covers: through references, by two locks, and the three that are taken on trust. */
import { describe, expect, it } from "vitest";
import { NONE, array, bool, int, mutex, planLayout, ref, rwsem, struct, table, type Structs } from "../../../checker/program/layout.ts";
import { Elements, trustedFields } from "../../../checker/sanitizer/guard.ts";
import { makeSanitizer, viewOf } from "../../../checker/sanitizer/sanitize.ts";
import { READ, WRITE } from "../../../checker/program/observer.ts";
import { StateBytes, makeWorld } from "../../../checker/program/world.ts";
import { add, atomic, feed, found, holding, lock, plan, read, readOnce, trylock, unlock, write, writeOnce, type Script } from "./block-script.ts";

const races = { rules: ["data-race"] } as const;
const atomicity = { rules: ["atomicity"] } as const;
const ownedBy = (task: number) => ({ references: { "page[1].owner": task } });

describe("a guard through a reference", () => {
  it("is the lock of the object that the reference points to", () => {
    const inBlock = (task: number, taken: string): string[] => found([{ actor: 0, ...ownedBy(task), does: [lock(taken), write("page.name", 1), unlock(taken)] }, { actor: 0, ...ownedBy(task), does: [read("mm.flag"), lock(taken), write("page.name", 1)] }], races);
    expect(inBlock(0, "task[0].lock")).toEqual([]);
    expect(inBlock(1, "task[1].lock")).toEqual([]);
    expect(inBlock(0, "task[1].lock")).toEqual(["data-race 203 201"]);
  });

  it("covers nothing while the reference points nowhere", () => {
    const [finding] = feed([{ actor: 0, holding: [holding("task[0].lock")], does: [read("mm.flag"), write("page.name", 1)] }], races).findings();
    expect(finding!.message).toContain("writes page[1].name at script.ts:102 plainly and without page[1].owner->lock held exclusively (it holds task[0].lock)");
  });

  it("is looked up at each access: the reference may be set on the way", () => {
    let owner: number = NONE;
    const sanitizer = makeSanitizer(plan, [], { heldAt: () => [holding("task[0].lock")], isInitial: () => false, isStill: () => false, reference: () => owner, actors: 1, position: () => 0 }, races);
    const [owns, name] = ["page.owner", "page.name"].map((path) => plan.fields.find((f) => f.path === path)!.id) as [number, number];
    sanitizer.beginStep(0, "init");
    sanitizer.access(owns, 1, 0, WRITE, 1);
    owner = 0;
    sanitizer.access(name, 1, 0, WRITE, 2);
    sanitizer.access(name, 1, 0, READ, 3);
    sanitizer.endStep(0);
    expect(sanitizer.findings()).toEqual([]);
  });

  const holder: Script = { actor: 0, ...ownedBy(0), does: [atomic("mm.users"), lock("task[0].lock"), write("page.name", 1), write("page.name", 1), unlock("task[0].lock")] };
  const inSection: Script = { actor: 0, holding: [holding("task[0].lock")], ...ownedBy(0), does: [atomic("mm.users"), write("page.name", 1)] };
  const other: Script = { actor: 1, does: [atomic("mm.users")] };

  it("is lost when the reference changes without the old lock, for everybody and at the line of the change", () => {
    const moves: Script = { actor: 1, ...ownedBy(0), does: [writeOnce("page.owner", 1)] };
    expect(found([inSection, other], atomicity)).toEqual([]);
    const [finding] = feed([inSection, other, moves], atomicity).findings();
    expect(finding!.message).toContain("ben changes which page[1].owner->lock protects page[1].name at script.ts:301");
    expect(found([inSection, other, { ...moves, holding: [holding("task[0].lock")] }], atomicity)).toEqual([]);
    expect(found([inSection, other, { ...moves, references: {} }], atomicity)).toEqual([]);
  });

  it("is lost in the instant of the change: the change alone is one operation", () => {
    expect(found([holder, { actor: 1, ...ownedBy(0), does: [writeOnce("page.owner", 1)] }, { actor: 2, does: [read("page.owner", 1)] }], atomicity).filter((f) => f.startsWith("atomicity 2"))).toEqual([]);
  });
});

describe("a guard of two locks", () => {
  const block = (held: Script["holding"], operation: typeof read): string[] =>
    found([{ actor: 0, holding: held ?? [], references: { "page[1].owner": 0 }, does: [read("mm.flag"), operation("page.span", 1)] }], races);

  it("lets a reader have either", () => {
    expect(block([holding("task[0].sem", "shared")], read)).toEqual([]);
    expect(block([holding("page[1].sem", "shared")], read)).toEqual([]);
    expect(block([holding("page[2].sem", "shared")], read)).toEqual(["data-race 102 101"]);
    expect(block([], read)).toEqual(["data-race 102 101"]);
  });

  it("wants both of a writer, exclusively", () => {
    expect(block([holding("task[0].sem"), holding("page[1].sem")], write)).toEqual([]);
    expect(block([holding("task[0].sem")], write)).toEqual(["data-race 102 101"]);
    expect(block([holding("task[0].sem"), holding("page[1].sem", "shared")], write)).toEqual(["data-race 102 101"]);
    expect(block([holding("page[1].sem")], write)).toEqual(["data-race 102 101"]);
  });

  it("names both", () => {
    const [finding] = feed([{ actor: 0, references: { "page[1].owner": 0 }, does: [read("mm.flag"), read("page.span", 1)] }], races).findings();
    expect(finding!.message).toContain("without page[1].owner->sem or page[1].sem (it holds no lock)");
  });
});

describe("per-CPU state", () => {
  const mine: Script = { actor: 0, does: [read("cpu.cached", 0), atomic("mm.users"), write("cpu.cached", 0)] };
  const counts: Script = { actor: 1, does: [atomic("mm.users")] };

  it("is its own thread's, and others' by marked accesses", () => {
    expect(found([mine, counts, { actor: 1, does: [readOnce("cpu.cached", 0), writeOnce("cpu.cached", 0)] }])).toEqual([]);
  });

  it("is no way around the rules: a plain access from elsewhere is a race, and denies the owner", () => {
    expect(found([mine, counts, { actor: 1, does: [atomic("mm.users"), read("cpu.cached", 0)] }])).toEqual(["atomicity 103 102", "atomicity 302 301", "data-race 302 301"]);
    const [, , race] = feed([mine, counts, { actor: 1, does: [atomic("mm.users"), read("cpu.cached", 0)] }]).findings();
    expect(race!.message).toContain("ben reads cpu[0].cached at script.ts:302 plainly and from another CPU");
  });

  it("exempts nothing else in the block", () => {
    expect(found([{ actor: 0, does: [read("cpu.cached", 0), atomic("mm.users"), atomic("mm.users")] }, counts], atomicity)).toEqual(["atomicity 103 102"]);
  });
});

describe("what is stable for a lifetime", () => {
  const allocates: Script = { actor: 0, does: [atomic("mm.users"), write("page.kind", 1)] };
  const counts: Script = { actor: 1, does: [atomic("mm.users")] };
  it("is used plainly by those who have a reference", () => {
    expect(found([allocates, counts, { actor: 1, does: [atomic("mm.users"), read("page.kind", 1)] }])).toEqual([]);
  });
  it("is raced for by marked looks, which deny the writers their place", () => {
    expect(found([allocates, counts, { actor: 1, does: [readOnce("page.kind", 1)] }])).toEqual(["atomicity 102 101"]);
  });
});

describe("bookkeeping of the model", () => {
  it("is no operation of a block, and no company for one", () => {
    expect(found([
      { actor: 0, does: [read("page.isFree", 1), read("mm.flag"), write("page.isFree", 1)] },
      { actor: 1, does: [write("page.isFree", 1), write("mm.flag"), write("page.isFree", 2)] },
    ])).toEqual([]);
  });
});

describe("additions whose result nobody looks at", () => {
  it("commute with one another, and with nothing else", () => {
    const two = (actor: number): Script => ({ actor, does: [add("mm.users"), add("mm.users")] });
    expect(found([two(0), two(1)], atomicity)).toEqual([]);
    expect(found([two(0), two(1), { actor: 2, does: [readOnce("mm.users")] }], atomicity)).toEqual(["atomicity 102 101", "atomicity 202 201"]);
  });
});

describe("the condition of an assertion", () => {
  const within = (...operations: Script["does"]): Script["does"] => [(s) => s.assertion!(true), ...operations, (s) => s.assertion!(false)];
  const counts: Script = { actor: 1, does: [atomic("mm.users")] };
  it("reads for the specification: no operation of the block", () => {
    expect(found([{ actor: 0, does: [...within(read("mm.users"), read("page.lock", 1)), atomic("mm.users")] }, counts, { actor: 1, does: [lock("page[1].lock")] }])).toEqual([]);
  });
  it("is part of the block in what it changes", () => {
    expect(found([{ actor: 0, does: [...within(atomic("mm.users")), atomic("mm.users")] }, counts], atomicity)).toEqual(["atomicity 104 102"]);
    expect(found([{ actor: 0, does: [...within(atomic("mm.users"), trylock("page[1].lock"))] }, counts], atomicity)).toEqual(["atomicity 103 102"]);
  });
  it("ends with the step, should a fault have cut it short", () => {
    expect(found([{ actor: 0, does: [(s) => s.assertion!(true)] }, { actor: 0, does: [atomic("mm.users"), readOnce("mm.users")] }, counts], atomicity)).toEqual(["atomicity 202 201"]);
  });
});

describe("guards that fit nothing", () => {
  const refusal = (guard: string): string => {
    const structs: Structs = {
      owner: table(2, { lock: mutex("m"), n: int(0, 3, "n") }),
      item: table(2, { lock: mutex("m"), owner: ref("owner", "o"), owners: array(2, ref("owner", "o")), ghost: ref("owner", "g", { role: "ghost" }), n: int(0, 3, "n"), f: bool("f", { guard }) }),
      one: struct({ sem: rwsem("s") }),
    };
    try {
      new Elements(planLayout(structs, 1));
      return "";
    } catch (e) {
      return (e as Error).message;
    }
  };
  it.each(["owner->lock", "owner->lock | lock", "one.sem|lock", "cpu", "model", "lifetime"])("%s fits", (guard) => expect(refusal(guard)).toBe(""));
  it.each([
    ["n->lock", "before -> write one of owner"], ["owners->lock", "before -> write one of owner"], ["ghost->lock", "before -> write one of owner"], ["owner->n", "after -> write one of lock"],
    ["owner.lock", 'or "reference->lock"'], ["lock | owner->lock", 'the second lock of its guard, "owner->lock"'], ["lock | one.sem", "is no lock of item"], ["lock | lock | lock", "names 3 locks"],
  ])("%s is refused", (guard, why) => expect(refusal(guard)).toContain(why));

  it("per-CPU state of a single object is refused", () => {
    expect(() => new Elements(planLayout({ s: struct({ x: bool("x", { guard: "cpu" }) }) }, 1))).toThrow('guard "cpu" is for a table with one object per CPU; s is a single object');
  });
});

describe("what is read of the state", () => {
  const layout = planLayout({ owner: table(3, { lock: mutex("m") }), item: table(2, { owner: ref("owner", "o"), name: int(0, 3, "n", { guard: "owner->lock" }) }) }, 3);
  it("is where a reference points", () => {
    const bytes = new StateBytes(new ArrayBuffer(Math.ceil(layout.stateBytes / 4) * 4));
    const k = makeWorld<{ item: ReturnType<typeof table<{ owner: ReturnType<typeof ref> }>> }>(layout, bytes, 0);
    const { reference } = viewOf(layout, bytes, 3);
    const field = layout.fields.find((f) => f.path === "item.owner")!.id;
    expect(reference(field, 1)).toBe(NONE);
    k.item.owner.set(1, 2);
    expect([reference(field, 0), reference(field, 1)]).toEqual([NONE, 2]);
  });

  it("is told in words where it is taken on trust", () => {
    expect(trustedFields(layout)).toEqual([]);
    expect(trustedFields(plan)).toEqual([
      "The sanitizers take on trust that accesses to these fields which follow one another are one operation, atomic(pair): thing.one, thing.other",
      "The sanitizers take on trust that an interrupt reaches a CPU's own state between two blocks of its thread: cpu.cached",
      "The sanitizers take on trust that a thread that uses these fields plainly has a reference to the object, or has it for itself: page.kind",
      "The sanitizers take on trust that these are bookkeeping of the model and no memory of the program: page.isFree",
    ]);
  });
});
