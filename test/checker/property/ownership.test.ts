import { describe, expect, it } from "vitest";
import { Elements } from "../../../checker/property/guard.ts";
import { int, planLayout, table, NONE, type Structs } from "../../../checker/program/layout.ts";
import { atomic, found, lock, read, readOnce, unlock, write, type Script } from "./block-script.ts";

const owned = (actor: number): NonNullable<Script["references"]> => ({ "thing[0].owner": actor });
const becomesOwner = write("thing.owner");
const uses: Script = { actor: 0, references: owned(0), does: [write("thing.value"), write("thing.value"), read("thing.value")] };

describe("who has an object to itself", () => {
  it("uses it freely, though others use it at other times", () => {
    expect(found([uses, { actor: 1, does: [write("thing.value")] }])).toEqual([]);
    expect(found([{ ...uses, references: {} }, { actor: 1, does: [write("thing.value")] }])).not.toEqual([]);
  });

  it("is told of a plain access by another thread, even one that is alone in its block", () => {
    expect(found([{ actor: 1, references: owned(0), does: [read("thing.value")] }])).toEqual(["data-race 101 101"]);
  });

  it("no longer uses it freely when another thread looks at it, marked, meanwhile", () => {
    const looks: Script = { actor: 1, references: owned(0), does: [readOnce("thing.value")] };
    expect(found([uses, looks])).toEqual(["atomicity 102 101"]);
  });

  it("takes it from nobody, leaves it to nobody", () => {
    expect(found([{ actor: 1, references: owned(0), does: [becomesOwner] }])).toContain("data-race 101 101");
    expect(found([{ actor: 0, references: {}, does: [becomesOwner] }])).toEqual([]);
  });

  it("takes it or gives it up in the instant of the operation before, which commits the block", () => {
    const rival: Script = { actor: 1, does: [write("thing.value")] };
    const others: Script = { actor: 1, does: [atomic("mm.users")] };
    expect(found([{ actor: 0, does: [atomic("mm.users"), becomesOwner] }, rival, others])).toEqual([]);
    expect(found([{ actor: 0, does: [atomic("mm.users"), lock("pool.lock"), becomesOwner, unlock("pool.lock")] }, rival, others])).not.toEqual([]);
  });

  it("finds others past their commit no longer there: their uses are not moved before it takes the object", () => {
    const takes: Script = { actor: 0, does: [becomesOwner] };
    const late: Script = { actor: 1, does: [atomic("mm.users"), read("thing.value")] };
    expect(found([takes, { actor: 0, does: [atomic("mm.users")] }, late])).toEqual(["atomicity 302 301"]);
  });
});

describe("one bit of an atomic set", () => {
  const bit = (n: number, actor: number): Script => ({ actor, does: [atomic("thing.bits", 0, 1 + n), atomic("thing.bits", 0, 1 + n)] });
  it("conflicts with itself and with the whole set, not with other bits", () => {
    expect(found([bit(0, 0), bit(1, 1)])).toEqual([]);
    expect(found([bit(0, 0), bit(0, 1)])).toEqual(["atomicity 102 101", "atomicity 202 201"]);
    expect(found([bit(0, 0), { actor: 1, does: [atomic("thing.bits")] }])).toEqual(["atomicity 102 101"]);
  });
});

describe("accesses that are one operation", () => {
  const pair: Script = { actor: 0, does: [atomic("thing.one"), atomic("thing.other")] };
  const rivals: Script[] = [{ actor: 1, does: [atomic("thing.one")] }, { actor: 1, does: [atomic("thing.other")] }, { actor: 1, does: [atomic("mm.users")] }];
  it("are those of one group, with nothing but both-movers between", () => {
    expect(found([pair, ...rivals])).toEqual([]);
    expect(found([{ actor: 0, does: [atomic("thing.one"), read("thing.value"), atomic("thing.other")] }, ...rivals])).toEqual([]);
    expect(found([{ actor: 0, does: [atomic("thing.one"), atomic("mm.users"), atomic("thing.other")] }, ...rivals])).not.toEqual([]);
  });
  it("are those of one instruction", () => {
    const two: Script = { actor: 0, does: [atomic("thing.one"), atomic("mm.users")] };
    expect(found([two, ...rivals])).toEqual(["atomicity 102 101"]);
    expect(found([{ ...two, instruction: true }, ...rivals])).toEqual([]);
  });
});

describe("an owner field", () => {
  const make = (fields: Structs[string]["fields"]) => () => new Elements(planLayout({ s: table(2, fields) }, 2));
  it("is one ghost that names an actor", () => {
    expect(make({ owner: int(0, 1, "o", { role: "ghost", guard: "owner" }) })).toThrow('guard "owner" is for a ghost that names an actor');
    expect(make({ owner: int(NONE, 1, "o", { guard: "owner" }) })).toThrow('guard "owner" is for a ghost that names an actor');
    expect(make({ a: int(NONE, 1, "o", { role: "ghost", guard: "owner" }), b: int(NONE, 1, "o", { role: "ghost", guard: "owner(referenced)" }) })).toThrow("an object has one owner");
  });
});
