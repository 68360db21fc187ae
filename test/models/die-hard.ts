/**
 * die-hard: measure 4 gallons with a jug of 3 and a jug of 5.
 *
 * Source: TLA+ Examples, `specifications/DieHard` (16 states; the shortest answer has 7 states, so 6 steps). Every one
 * of the six actions is possible in every state, even where it changes nothing: 16 x 6 transitions.
 */
import { choose, holds, int, scenario, struct, violated, type Model, type World } from "thpcheck";

const structs = {
  jug: struct({
    small: int(0, 3, "gallons in the small jug"),
    big: int(0, 5, "gallons in the big jug"),
  }),
};
type K = World<typeof structs>;

const hero: Model<typeof structs> = {
  structs,
  actors: [{
    name: "hero",
    step: (k: K) => {
      const small = k.jug.small.get();
      const big = k.jug.big.get();
      switch (choose(k, "action", 6)) {
        case 0:
          k.jug.small.set(3);
          return "fill small";
        case 1:
          k.jug.big.set(5);
          return "fill big";
        case 2:
          k.jug.small.set(0);
          return "empty small";
        case 3:
          k.jug.big.set(0);
          return "empty big";
        case 4:
          k.jug.big.set(Math.min(big + small, 5));
          k.jug.small.set(small - (k.jug.big.get() - big));
          return "small to big";
        default:
          k.jug.small.set(Math.min(big + small, 3));
          k.jug.big.set(big - (k.jug.small.get() - small));
          return "big to small";
      }
    },
    atRest: () => false,
  }],
};

export default [
  scenario({
    name: "die-hard",
    why: "16 states in TLC",
    tier: "quick",
    model: hero,
    sometimes: { "4 gallons": (k: K) => k.jug.big.get() === 4 },
    endless: true,
    expect: holds({ states: 16, transitions: 96, depth: 8 }),
  }),
  scenario({
    name: "die-hard-answer",
    why: "the counterexample is the answer to the riddle",
    tier: "quick",
    model: hero,
    always: { "not solved": (k: K) => k.jug.big.get() !== 4 },
    endless: true,
    expect: violated("not solved", { length: 6 }),
  }),
];
