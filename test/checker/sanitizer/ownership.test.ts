import { describe, expect, it } from "vitest";
import { Elements } from "../../../checker/sanitizer/guard.ts";
import { int, planLayout, table, NONE, type Structs } from "../../../checker/program/layout.ts";
import { atomic, feed, found, gives, holding, lock, read, readOnce, takes, unlock, write, type Script } from "./block-script.ts";

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
    // Nor does the other look freely.
    expect(found([uses, { actor: 0, does: [atomic("mm.users")] }, { ...looks, does: [atomic("mm.users"), readOnce("thing.value")] }])).toEqual(["atomicity 102 101", "atomicity 302 301"]);
  });

  it("takes it from nobody, leaves it to nobody", () => {
    expect(found([{ actor: 1, references: owned(0), does: [becomesOwner] }])).toContain("data-race 101 101");
    expect(found([{ actor: 0, references: {}, does: [becomesOwner] }])).toEqual([]);
    // Whoever steals it has written all of it.
    expect(found([uses, { actor: 1, references: owned(0), does: [becomesOwner] }], { rules: ["atomicity"] })).toEqual(["atomicity 102 101"]);
  });

  it("takes it or gives it up in the instant of the operation before, which commits the block", () => {
    const rival: Script = { actor: 1, does: [write("thing.value")] };
    const others: Script = { actor: 1, does: [atomic("mm.users")] };
    expect(found([{ actor: 0, does: [atomic("mm.users"), becomesOwner] }, rival, others])).toEqual([]);
    expect(found([{ actor: 0, does: [atomic("mm.users"), lock("pool.lock"), becomesOwner, unlock("pool.lock")] }, rival, others])).not.toEqual([]);
  });

  it("conflicts with another that takes it, though neither looks into it", () => {
    const borrows = (actor: number): Script => ({ actor, does: [read("mm.flag"), takes("thing"), read("mm.other"), gives("thing")] });
    expect(found([borrows(0)])).toEqual([]);
    expect(found([borrows(0), borrows(1)])).toEqual(["atomicity 104 101", "atomicity 204 201"]);
  });
});

describe("an object that is taken while another thread is past its commit and has still a use to make", () => {
  const counts: Script = { actor: 0, does: [atomic("mm.users")] };
  const taker: Script = { actor: 0, does: [takes("thing")] };
  const late: Script = { actor: 1, does: [atomic("mm.users"), read("thing.value")] };

  it("is a finding, at both lines", () => {
    expect(found([taker, counts, late])).toEqual(["atomicity 302 101"]);
    const [finding] = feed([taker, counts, late]).findings();
    expect(finding!.message).toBe(
      'block "block 3" of ben reads thing[0].value at script.ts:302 (it holds no lock), after what makes the block visible to others; ' +
      'just before that anna can have taken the object for itself, at script.ts:101 in block "block 1" (it holds no lock). Put a yield before script.ts:302, or hold one lock over both');
  });

  it("is none where the use comes first, or the taker is the user itself", () => {
    expect(found([taker, counts, { actor: 1, does: [read("thing.value"), atomic("mm.users")] }])).toEqual([]);
    expect(found([taker, counts, { actor: 0, does: [atomic("mm.users"), read("thing.value")] }, { actor: 1, does: [atomic("mm.users")] }])).toEqual([]);
  });

  it("is none where the thread never stands there while the object is taken", () => {
    expect(found([taker, counts, { ...late, endsAt: 1 }])).toEqual([]);
    expect(found([{ ...taker, besides: { 1: 1 } }, counts, late])).toEqual([]);
    expect(found([{ ...taker, besides: { 1: 1 } }, counts, { ...late, endsAt: 1 }])).toEqual(["atomicity 302 101"]);
  });

  it("unites where threads stood over equal blocks", () => {
    const standsElsewhere = feed([{ ...taker, besides: { 1: 2 } }, counts, { ...late, endsAt: 1 }]);
    expect(standsElsewhere.findings()).toEqual([]);
    standsElsewhere.merge(feed([{ ...taker, besides: { 1: 1 } }]).blocks());
    expect(standsElsewhere.findings()).toHaveLength(1);
    const endsElsewhere = feed([{ ...taker, besides: { 1: 1 } }, counts, { ...late, endsAt: 2 }, { ...late, endsAt: 1 }]);
    expect(endsElsewhere.findings()).toHaveLength(1);
  });

  it("is none where both hold one lock, one of them exclusively", () => {
    const under = (name: string, mode: "shared" | "exclusive", b: Script): Script => ({ ...b, holding: [holding(name, mode)] });
    expect(found([under("pool.lock", "exclusive", taker), counts, under("pool.lock", "exclusive", late)])).toEqual([]);
    expect(found([under("mm.sem", "exclusive", taker), counts, under("mm.sem", "shared", late)])).toEqual([]);
    expect(found([under("mm.sem", "shared", taker), counts, under("mm.sem", "exclusive", late)])).toEqual([]);
    expect(found([under("mm.sem", "shared", taker), counts, under("mm.sem", "shared", late)])).toHaveLength(1);
    expect(found([under("task[0].lock", "exclusive", taker), counts, under("task[1].lock", "exclusive", late)])).toHaveLength(1);
    // The taker has released the lock when it takes the object.
    expect(found([{ actor: 0, holding: [holding("pool.lock")], does: [unlock("pool.lock"), takes("thing")] }, counts, under("pool.lock", "exclusive", late)])).toHaveLength(1);
  });

  it("is raised where it is taken, with the knowledge of a first exploration", () => {
    const knowledge = feed([{ ...taker, besides: { 1: 1 } }, counts, { ...late, endsAt: 1 }]).blocks();
    expect(() => feed([taker, counts, late], { raise: true, knowledge })).not.toThrow();
    expect(() => feed([{ ...taker, besides: { 1: 1 } }], { raise: true, knowledge })).toThrow("just before that anna can have taken the object for itself");
  });

  it("is taken on trust of an object that is counted, and the lines are named", () => {
    const counted = feed([{ actor: 0, does: [takes("ticket")] }, counts, { actor: 1, does: [atomic("mm.users"), read("ticket.value")] }]);
    expect(counted.findings()).toEqual([]);
    expect(counted.trusted()).toEqual(["The sanitizers take on trust that nobody takes an object for itself (ticket.owner at script.ts:101) while another thread, past its block's commit, is about to use it at script.ts:302"]);
    expect(feed([taker, counts, late]).trusted()).toEqual([]);
    expect(feed([{ actor: 0, holding: [holding("pool.lock")], does: [takes("ticket")] }, counts, { actor: 1, holding: [holding("pool.lock")], does: [atomic("mm.users"), read("ticket.value")] }]).trusted()).toEqual([]);
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
    const withLock: Script = { actor: 0, does: [atomic("thing.one"), lock("pool.lock"), unlock("pool.lock")], instruction: true };
    expect(found([withLock, ...rivals])).toEqual(["atomicity 102 101"]);
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
