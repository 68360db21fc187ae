import { describe, expect, it } from "vitest";
import { atomic, feed, found, holding, lock, read, readOnce, unlock, write, writeOnce, type Script } from "./block-script.ts";

const only = { rules: ["data-race"] } as const;
const races = (...blocks: Script[]): string[] => found(blocks, only);

describe("a field with a declared lock", () => {
  it("is accessed under it", () => {
    expect(races({ actor: 0, does: [lock("page[1].lock"), read("page.state", 1), write("page.state", 1), unlock("page[1].lock")] })).toEqual([]);
    expect(races({ actor: 0, holding: [holding("pool.lock")], does: [write("page.slot", 1), write("page.slot", 2)] })).toEqual([]);
  });

  it("or else the plain access is alone in its block", () => {
    expect(races({ actor: 0, does: [write("page.state", 1)] })).toEqual([]);
    expect(races({ actor: 0, does: [lock("pool.lock"), write("page.state", 1), unlock("pool.lock")] })).toEqual([]);
    expect(races({ actor: 0, does: [write("page.state", 1), write("mm.faults"), write("mm.log")] })).toEqual([]);
  });

  it("a plain access without it beside another access is a race, whichever comes first", () => {
    expect(races({ actor: 0, does: [write("page.state", 1), read("mm.flag")] })).toEqual(["data-race 101 102"]);
    expect(races({ actor: 0, does: [read("mm.flag"), write("page.state", 1)] })).toEqual(["data-race 102 101"]);
    expect(races({ actor: 0, does: [read("page.state", 1), write("page.state", 1)] })).toEqual(["data-race 101 102", "data-race 102 101"]);
  });

  it("after the release is without it", () => {
    expect(races({ actor: 0, does: [lock("page[1].lock"), read("page.state", 1), unlock("page[1].lock"), read("page.state", 1)] })).toEqual(["data-race 104 102"]);
  });

  it("the lock of another object is not the lock", () => {
    expect(races({ actor: 0, holding: [holding("page[2].lock")], does: [read("page.state", 2), read("page.state", 1)] })).toEqual(["data-race 102 101"]);
  });

  it("a reader's hold covers reads and not writes", () => {
    const shared = [holding("mm.sem", "shared")];
    expect(races({ actor: 0, holding: shared, does: [read("mm.brk"), read("mm.brk")] })).toEqual([]);
    expect(races({ actor: 0, holding: shared, does: [read("mm.brk"), write("mm.brk")] })).toEqual(["data-race 102 101"]);
  });

  it("a marked access is racy on purpose", () => {
    expect(races({ actor: 0, does: [readOnce("page.state", 1), writeOnce("page.state", 1), atomic("page.state", 1)] })).toEqual([]);
  });
});

describe("a field without a declared lock", () => {
  const both: Script = { actor: 0, does: [read("mm.flag"), read("mm.other")] };

  it("races only with another thread's conflicting access", () => {
    expect(races(both)).toEqual([]);
    expect(races(both, { actor: 1, does: [read("mm.flag")] })).toEqual([]);
    expect(races(both, { actor: 0, does: [write("mm.flag")] })).toEqual([]);
    expect(races(both, { actor: 1, does: [write("mm.flag")] })).toEqual(["data-race 101 102"]);
  });

  it("does not race when it is atomic", () => {
    expect(races(...[0, 1].map((actor) => ({ actor, does: [read("mm.users"), write("mm.users")] })))).toEqual([]);
  });

  it("set once, races when it is read unset or overwritten", () => {
    const setter: Script = { actor: 0, does: [write("page.order", 1), writeOnce("mm.flag")] };
    const reader: Script = { actor: 1, set: true, does: [readOnce("mm.flag"), read("page.order", 1)] };
    expect(races(setter, reader)).toEqual([]);
    expect(races(setter, { ...reader, set: false })).toEqual(["data-race 202 201"]);
    expect(races(setter, reader, { ...setter, set: true })).toEqual(["data-race 301 302"]);
  });
});

describe("the report", () => {
  it("names field, lock wanted, locks held, company and the other thread", () => {
    const [finding] = feed([
      { actor: 0, holding: [holding("mm.sem", "shared")], does: [read("mm.flag"), write("page.slot", 2)] },
      { actor: 1, does: [lock("pool.lock"), read("page.slot", 2), unlock("pool.lock")] },
    ], only).findings();
    expect(finding!.source).toBe("script.ts:102");
    expect(finding!.message).toBe(
      "anna writes page[2].slot at script.ts:102 plainly and without pool.lock held exclusively (it holds mm.sem (shared)), " +
      'and not alone in block "block 1", which also reads mm.flag at script.ts:101; ben reads page[2].slot at script.ts:202. ' +
      "Take the lock, mark the access (once, setOnce), or give it a block of its own");
  });
});
