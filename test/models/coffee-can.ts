/**
 * coffee-can-100: a can of up to 100 black and white beans, drawn in pairs until one is left (Scholten, Dijkstra, Gries).
 *
 * Source: TLA+ Examples, `specifications/CoffeeCan` (100 beans: 5,150 states, every one of them initial; 20,002
 * generated). TLC's number contains the 5,150 initial states and a stuttering step in each of the two end states.
 */
import { choose, holds, int, scenario, struct, type World } from "thpcheck";

const BEANS = 100;

const structs = {
  can: struct({
    black: int(0, BEANS, "black beans"),
    white: int(0, BEANS, "white beans"),
  }),
};
type K = World<typeof structs>;

export default scenario({
  name: `coffee-can-${BEANS}`,
  why: "many initial states",
  tier: "quick",
  config: { beans: BEANS },
  model: {
    structs,
    init: (k: K) => {
      const beans = 1 + choose(k, "beans", BEANS);
      const black = choose(k, "black", beans + 1);
      k.can.black.set(black);
      k.can.white.set(beans - black);
    },
    actors: [
      {
        name: "two-black",
        step: (k: K) => {
          if (k.can.black.get() < 2) return null;
          k.can.black.add(-1);
          return "two black: put a black one back";
        },
        atRest: () => true,
      },
      {
        name: "two-white",
        step: (k: K) => {
          if (k.can.white.get() < 2) return null;
          k.can.white.add(-2);
          k.can.black.add(1);
          return "two white: put a black one in";
        },
        atRest: () => true,
      },
      {
        name: "one-of-each",
        step: (k: K) => {
          if (k.can.black.get() < 1 || k.can.white.get() < 1) return null;
          k.can.black.add(-1);
          return "one of each: put the white one back";
        },
        atRest: () => true,
      },
    ],
  },
  step: {
    "a bean fewer each time": (before: K, after: K) => after.can.black.get() + after.can.white.get() === before.can.black.get() + before.can.white.get() - 1,
    "white beans stay odd or even": (before: K, after: K) => before.can.white.get() % 2 === after.can.white.get() % 2,
  },
  finally: { "one bean is left": (k: K) => k.can.black.get() + k.can.white.get() === 1 },
  expect: holds({ states: 5_150, transitions: 14_850, depth: 1 }),
});
