/** A program that runs into every kind of fault which fields have, and to the edges of numbers. */
import { at, bitset, bugOn, choose, holds, int, scenario, struct, table, type Int, type Routine, type World } from "thpcheck";

const structs = {
  edge: struct({
    byte: int(0, 200, "a byte, not all of it", { init: 130 }),
    signed: int(-70_000, 70_000, "wide, with a sign", { init: -9 }),
    wide: int(0, 2 ** 32 - 1, "a whole word", { init: 4_000_000_000 }),
    round: int(-3, 12, "goes round", { wrapping: true }), seen: int(0, 2 ** 31, "counted", { role: "statistic" }),
  }),
  cell: table(3, { value: int(0, 5, "small"), set: bitset(7, "members") }),
};
type K = World<typeof structs>;

const works = (me: number) => function* work(k: K): Routine {
  for (let round: Int<0, 4> = 0; round < 4; round++) {
    yield at("work");
    const how: Int<0, 13> = choose(k, "how", 14);
    if (how === 0) k.edge.byte.set((k.edge.byte.get() * 3 + 7) & 255);
    else if (how === 1) k.edge.signed.set((k.edge.signed.get() - 9_999) * (me === 0 ? 1 : -1));
    else if (how === 2) k.edge.wide.set((k.edge.wide.get() * 5 + 3_000_000_000) >>> 1);
    else if (how === 3) k.edge.round.set(k.edge.round.get() + 11 * (1 - 2 * me));
    else if (how === 4) k.cell.value.add(round, 1 + me);
    else if (how === 5) k.cell.set.insert(round % 3, k.edge.signed.get() & 7);
    else if (how === 6) k.edge.byte.set((((k.edge.signed.get() << 13) >> 3) ^ k.edge.wide.get()) & 127);
    else if (how === 7) bugOn(k.edge.signed.get() < -15_000, "low");
    else if (how === 8) k.edge.signed.set((k.edge.signed.get() % 7) - (k.cell.set.has(1, 2) ? 1 : 0));
    else if (how === 9) k.edge.signed.set(k.edge.signed.get() >> 1);
    else if (how === 10) k.edge.signed.set((k.edge.wide.get() << 4) >> 20);
    else if (how === 11) k.edge.byte.set(k.edge.byte.get() ^ 85);
    else if (how === 12) k.edge.byte.set(k.edge.wide.get() > 3_999_999_999 ? 1 : k.edge.wide.get() % 97);
    else k.edge.seen.add(3 * (k.edge.wide.get() >>> 4) + 1);
  }
};

export default scenario({
  name: "edges-of-numbers", why: "all kinds of fields, faults and operators", tier: "quick", structs,
  threads: [{ name: "a", run: works(0) }, { name: "b", run: works(1) }],
  always: {
    "few members": (k) => k.cell.set.size(0) + k.cell.set.size(1) <= 1 || k.edge.byte.get() < 60,
    "not low": (k) => k.edge.signed.get() >= -60_000 && (k.edge.wide.get() > 2_147_483_648 || k.edge.signed.get() < 20_000),
  },
  finally: { "even": (k) => k.edge.byte.get() % 2 === 0 },
  expect: holds(),
});
