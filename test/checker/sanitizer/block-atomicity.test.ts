import { describe, expect, it } from "vitest";
import { atomic, downgrade, feed, found, holding, isHeld, lock, read, readOnce, trylock, trylockFails, unlock, write, writeOnce, type Script } from "./block-script.ts";

const only = { rules: ["atomicity"] } as const;
const atomicity = (...blocks: Script[]): string[] => found(blocks, only);

/** Another thread that writes mm.flag and mm.other, each in a block of its own. */
const writers: Script[] = [{ actor: 1, does: [writeOnce("mm.flag")] }, { actor: 1, does: [writeOnce("mm.other")] }];

describe("a block of right movers, one non-mover and left movers", () => {
  it("is atomic: take, read and write under the lock, release", () => {
    const section: Script[] = [0, 1].map((actor) => ({ actor, does: [lock("page[1].lock"), read("page.state", 1), write("page.state", 1), unlock("page[1].lock")] }));
    expect(atomicity(...section)).toEqual([]);
  });

  it("may read one racy field at any place between its acquisitions and its releases", () => {
    expect(atomicity(...writers, { actor: 0, does: [lock("pool.lock"), read("page.slot", 1), readOnce("mm.flag"), write("page.slot", 1), unlock("pool.lock")] })).toEqual([]);
  });

  it("is atomic for one thread alone, whatever it does", () => {
    expect(atomicity({ actor: 0, does: [read("mm.flag"), write("mm.flag"), lock("pool.lock"), unlock("pool.lock"), lock("pool.lock"), atomic("mm.users"), atomic("mm.users")] }))
      .toEqual(["atomicity 105 104"]); // a lock is a lock: even alone, release before acquire is out of order
    expect(atomicity({ actor: 0, does: [read("mm.flag"), write("mm.flag"), atomic("mm.users"), atomic("mm.users")] })).toEqual([]);
  });
});

describe("accesses without a declared lock", () => {
  it("two reads of one field that another thread writes do not commute with the write", () => {
    expect(atomicity(...writers, { actor: 0, does: [read("mm.flag"), read("mm.flag")] })).toEqual(["atomicity 302 301"]);
    expect(atomicity(...writers, { actor: 0, does: [readOnce("mm.flag"), readOnce("mm.other")] })).toEqual(["atomicity 302 301"]);
  });

  it("condemns a block that ran before the other thread's access was met", () => {
    expect(atomicity({ actor: 0, does: [read("mm.flag"), read("mm.flag")] }, ...writers)).toEqual(["atomicity 102 101"]);
  });

  it("only reads on both sides commute", () => {
    expect(atomicity(...[0, 1].map((actor) => ({ actor, does: [read("mm.flag"), read("mm.other")] })))).toEqual([]);
  });

  it("a read-modify-write of an atomic field in one operation is atomic, in two it is not", () => {
    expect(atomicity(...[0, 1].map((actor) => ({ actor, does: [atomic("mm.users")] })))).toEqual([]);
    expect(atomicity({ actor: 0, does: [atomic("mm.users")] }, { actor: 1, does: [atomic("mm.users"), atomic("mm.users")] })).toEqual(["atomicity 202 201"]);
  });

  it("different objects of a table are different", () => {
    const touch = (actor: number, page: number): Script => ({ actor, does: [writeOnce("page.state", page), writeOnce("page.state", page)] });
    expect(atomicity(touch(0, 1), touch(1, 2))).toEqual([]);
    expect(atomicity(touch(0, 1), touch(1, 1))).toEqual(["atomicity 102 101", "atomicity 202 201"]);
    const entry = (actor: number, j: number): Script => ({ actor, does: [writeOnce("page.ptes", 1, j), writeOnce("page.ptes", 1, j)] });
    expect(atomicity(entry(0, 1), entry(1, 2))).toEqual([]);
    expect(atomicity(entry(0, 1), entry(1, 1))).toHaveLength(2);
  });

  it("ghosts and statistics do not count", () => {
    const counting = (actor: number): Script => ({ actor, does: [write("mm.log"), write("mm.faults"), write("mm.log"), write("mm.faults")] });
    expect(atomicity(counting(0), counting(1))).toEqual([]);
  });
});

describe("a declared lock that others disregard", () => {
  const twoStores: Script = { actor: 0, does: [lock("page[1].lock"), write("page.state", 1), write("page.state", 1), unlock("page[1].lock")] };

  it("does not hide the state between two stores from a READ_ONCE without it", () => {
    expect(atomicity(twoStores)).toEqual([]);
    expect(atomicity(twoStores, { actor: 1, does: [readOnce("page.state", 1)] })).toEqual(["atomicity 103 102"]);
  });

  it("one store under it is one atomic change for those who look from outside", () => {
    const oneStore: Script = { actor: 0, does: [lock("page[1].lock"), read("page.state", 1), write("page.state", 1), unlock("page[1].lock")] };
    expect(atomicity(oneStore, { actor: 1, does: [readOnce("page.state", 1)] })).toEqual([]);
  });

  it("of another object is not held", () => {
    const wrongLock: Script = { actor: 1, does: [lock("page[2].lock"), read("page.state", 1), read("page.state", 1), unlock("page[2].lock")] };
    expect(atomicity(twoStores, wrongLock)).toEqual(["atomicity 103 102", "atomicity 203 202"]);
  });
});

describe("semaphores and singleton locks", () => {
  it("a shared hold covers reads and not writes", () => {
    const reader: Script = { actor: 0, does: [lock("mm.sem", "shared"), read("mm.brk"), read("mm.brk"), unlock("mm.sem", "shared")] };
    const writer: Script = { actor: 1, does: [lock("mm.sem"), write("mm.brk"), write("mm.brk"), unlock("mm.sem")] };
    expect(atomicity(reader, writer)).toEqual([]);
    const badWriter: Script = { actor: 2, does: [lock("mm.sem", "shared"), write("mm.brk"), write("mm.brk"), unlock("mm.sem", "shared")] };
    expect(atomicity(reader, badWriter)).toEqual(["atomicity 103 102", "atomicity 203 202"]);
  });

  it("a singleton lock guards every object of a table", () => {
    const section = (actor: number): Script => ({ actor, does: [lock("pool.lock"), write("page.slot", 0), write("page.slot", 3), unlock("pool.lock")] });
    expect(atomicity(section(0), section(1))).toEqual([]);
  });

  it("a lock held since an earlier block covers too", () => {
    const section = (actor: number): Script => ({ actor, holding: [holding("pool.lock")], does: [write("page.slot", 0), write("page.slot", 3), unlock("pool.lock")] });
    expect(atomicity(section(0), section(1))).toEqual([]);
    const shared: Script = { actor: 2, holding: [holding("mm.sem", "shared")], does: [write("mm.brk"), read("mm.brk")] };
    expect(atomicity(shared, { ...shared, actor: 0 })).toHaveLength(2);
  });

  it("a downgrade is a left mover, after which reads are still covered", () => {
    const writer: Script = { actor: 0, does: [lock("mm.sem"), write("mm.brk"), downgrade("mm.sem"), read("mm.brk"), unlock("mm.sem", "shared")] };
    expect(atomicity(writer, { ...writer, actor: 1 })).toEqual([]);
    expect(atomicity({ ...writer, does: [...writer.does, lock("pool.lock")] })).toEqual(["atomicity 106 103"]);
  });
});

describe("locks out of order", () => {
  it("taking a lock after a release is not atomic", () => {
    expect(atomicity({ actor: 0, does: [lock("pool.lock"), unlock("pool.lock"), lock("page[0].lock"), unlock("page[0].lock")] })).toEqual(["atomicity 103 102"]);
  });

  it("taking a lock after a racy read is not atomic", () => {
    expect(atomicity(...writers, { actor: 0, does: [read("mm.flag"), lock("pool.lock")] })).toEqual(["atomicity 302 301"]);
  });

  it("releasing one lock after another is", () => {
    expect(atomicity({ actor: 0, does: [lock("pool.lock"), lock("page[0].lock"), unlock("pool.lock"), unlock("page[0].lock")] })).toEqual([]);
  });
});

describe("trylocks", () => {
  const section: Script = { actor: 0, does: [lock("pool.lock"), write("page.slot", 0), unlock("pool.lock")] };

  it("make holding the lock visible: it must not begin and end in one block of another thread", () => {
    expect(atomicity(section)).toEqual([]);
    expect(atomicity(section, { actor: 1, does: [trylockFails("pool.lock")] })).toEqual(["atomicity 103 101"]);
    // In the search a trylock never fails because of a section that is one block: its success says as much.
    expect(atomicity(section, { actor: 1, does: [trylock("pool.lock")] })).toEqual(["atomicity 103 101"]);
    expect(atomicity(section, { actor: 1, does: [isHeld("pool.lock")] })).toEqual(["atomicity 103 101"]);
  });

  it("by the holder itself tell it nothing new", () => {
    expect(atomicity(section, { actor: 0, does: [trylock("pool.lock"), isHeld("pool.lock"), write("page.slot", 0), unlock("pool.lock")] })).toEqual([]);
  });

  it("succeeding are right movers, failing are non-movers", () => {
    const held: Script[] = [{ actor: 0, does: [lock("pool.lock")] }, { actor: 0, holding: [holding("pool.lock")], does: [unlock("pool.lock")] }];
    expect(atomicity(...held, { actor: 1, does: [trylock("pool.lock"), write("page.slot", 1)] })).toEqual([]);
    expect(atomicity(...held, ...writers, { actor: 1, does: [trylockFails("pool.lock"), trylockFails("pool.lock")] })).toEqual(["atomicity 502 501"]);
    expect(atomicity(...held, ...writers, { actor: 0, does: [read("mm.flag"), trylock("page[0].lock")] })).toEqual(["atomicity 502 501"]);
  });

  it("of readers do not see readers", () => {
    const reader = (sem: string): Script => ({ actor: 0, does: [lock(sem, "shared"), read("mm.brk"), unlock(sem, "shared")] });
    for (const sem of ["mm.sem", "mm.queuedSem"]) {
      expect(atomicity(reader(sem), { actor: 1, does: [trylock(sem, "shared")] })).toEqual([]);
      expect(atomicity(reader(sem), { actor: 1, does: [trylock(sem)] })).toEqual(["atomicity 103 101"]);
    }
  });

  it("of readers see whether writers queue, and these see readers", () => {
    const blocks = (sem: string): Script[] => [
      { actor: 0, does: [lock(sem, "shared"), unlock(sem, "shared")] },
      { actor: 0, does: [trylock(sem, "shared")] },
      { actor: 1, does: [lock(sem)] },
    ];
    expect(atomicity(...blocks("mm.queuedSem"))).toEqual(["atomicity 102 101"]);
    expect(atomicity(...blocks("mm.sem"))).toEqual([]);
    expect(atomicity(...blocks("mm.queuedSem").slice(0, 2))).toEqual([]);
  });
});

describe("fields that are set once", () => {
  const publish: Script = { actor: 0, does: [write("page.order", 1), writeOnce("mm.flag")] };
  const use: Script = { actor: 1, set: true, does: [readOnce("mm.flag"), read("page.order", 1), read("page.order", 1)] };

  it("are set before publication and read freely after it", () => {
    expect(atomicity(publish, use)).toEqual([]);
  });

  it("are set before the block commits, not after", () => {
    expect(atomicity({ actor: 0, does: [writeOnce("mm.flag"), write("page.order", 1)] }, use)).toEqual(["atomicity 102 101"]);
    expect(atomicity({ actor: 0, does: [lock("pool.lock"), unlock("pool.lock"), write("page.order", 1)] }, use)).toEqual(["atomicity 103 102"]);
    const elsewhere: Script = { actor: 1, does: [readOnce("mm.flag")] }; // page.order is used by one thread only
    expect(atomicity({ actor: 0, does: [writeOnce("mm.flag"), write("page.order", 1)] }, elsewhere)).toEqual([]);
  });

  it("are racy for those who read them unset", () => {
    expect(atomicity(publish, { ...use, set: false })).toEqual(["atomicity 102 101", "atomicity 202 201"]);
  });

  it("lose their promise when a set value is overwritten", () => {
    expect(atomicity(publish, use, { actor: 0, set: true, does: [write("page.order", 1)] })).toEqual(["atomicity 202 201"]);
  });

  it("never written, are constants", () => {
    expect(atomicity(...[0, 1].map((actor) => ({ actor, does: [read("page.order", 1), read("page.order", 1)] })))).toEqual([]);
  });
});

describe("the report", () => {
  it("names both lines, the block, and the other thread's side", () => {
    const [finding] = feed([...writers, { actor: 0, does: [read("mm.flag"), read("mm.other")] }], only).findings();
    expect(finding!.source).toBe("script.ts:302");
    expect(finding!.message).toBe(
      'block "block 3" of anna is not atomic: at script.ts:302 it reads mm.other (ben writes mm.other (marked) at script.ts:201), ' +
      "after it reads mm.flag (ben writes mm.flag (marked) at script.ts:101) at script.ts:301; other threads can run between the two. " +
      "Put a yield before script.ts:302, or hold a declared lock over both");
  });
});
