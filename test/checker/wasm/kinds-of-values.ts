/** A program whose values are of every kind: quotients, null, undefined, values of && and ||, records handed back, tables. */
import { at, bugOn, choose, holds, int, record, scenario, struct, type Int, type Routine, type World } from "thpcheck";

const structs = {
  sum: struct({
    total: int(-400, 400, "of all that came out", { init: -7 }), last: int(-60, 60, "what came out last"),
    odd: int(0, 1, "whether it was odd"),
  }),
};
type K = World<typeof structs>;
interface Half { up: Int<-60, 60>; down: Int<-60, 60> }

const STEPS = [3, -5, 8, -13];
const WAYS = [
  "floor", "trunc", "least and most", "nothing", "null", "either", "both", "halves", "table", "left out", "not assigned", "no bug",
];

const nothing = (_k: K): void => {};
const isOdd = (k: K): boolean => k.sum.total.get() % 2 !== 0;
const complaint = (k: K): string | null => (k.sum.total.get() > 350 ? "too much" : null);
/** A number, or `undefined` where control reaches the end. */
function positive(k: K): number | undefined {
  if (k.sum.total.get() > 0) return k.sum.total.get();
}
/** What is left out does not count as true, also behind `false`. */
function sumOf(_k: K, from: number, all: boolean, more?: number): number {
  return from + (more ? 2 : 1) + (all ? 1 : 0);
}
function halves(k: K): Half {
  const total = k.sum.total.get();
  return record({ up: Math.ceil(total / 16), down: Math.floor(total / 16) });
}
function* halved(k: K): Routine<Half> {
  yield at("halve");
  const half = halves(k);
  return half;
}
function* passed(k: K): Routine<boolean> {
  yield at("pass");
  return isOdd(k);
}

function* work(k: K): Routine {
  for (let round: Int<0, 3> = 0; round < 3; round++) {
    yield at("work");
    const way: Int<0, 11> = choose(k, "way", WAYS);
    const total = k.sum.total.get();
    let out = 0;
    let isEven!: boolean;
    if (way === 0) out = Math.floor(total / (round - 4)) % 50;
    else if (way === 1) out = Math.trunc((total * 3) / 7) % 50;
    else if (way === 2) out = Math.max(Math.min(total, 40, 7 * round), -40);
    else if (way === 3) out = nothing(k) === undefined ? 4 : 5;
    else if (way === 4) out = complaint(k) === null ? -11 : 12;
    else if (way === 5) out = ((total & 3) || 17) % 50;
    else if (way === 6) out = positive(k) === undefined ? -1 : 1;
    else if (way === 9) out = sumOf(k, total, false) % 50 + sumOf(k, total, true, 3) % 5;
    else if (way === 10) {
      if (total % 3 === 0) isEven = total % 2 === 0;
      out = isEven === false ? 6 : 9;
    } else if (way === 11) out = (bugOn(total > 1000, "far too much") as unknown) === undefined ? 21 : 22;
    else if (way === 8) out = STEPS[total & 3]!;
    else {
      const half = yield* halved(k);
      out = half.up - half.down;
    }
    k.sum.last.set(out);
    k.sum.total.add(out);
    const odd = yield* passed(k);
    k.sum.odd.set(odd === true ? 1 : 0);
  }
}

export default scenario({
  name: "kinds-of-values", why: "what an operator makes of each kind of value", tier: "quick", structs,
  threads: [{ name: "a", run: work }, { name: "b", run: work }],
  always: { "not too much": (k) => complaint(k) === null && k.sum.total.get() > -200 },
  sometimes: { "odd": (k) => k.sum.odd.get() === 1 },
  expect: holds(),
});
