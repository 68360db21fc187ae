/** A program whose states are looked at in every way: promises, excuses, witnesses, calls, choices, daemons, a promise that throws. */
import {
  at, bugOn, choose, holds, int, scenario, struct, table, violated, type Expectation, type Int, type Routine, type World,
} from "thpcheck";

const structs = {
  sum: struct({
    total: int(0, 60, "of all cells"), rounds: int(0, 9, "of the daemon"), seen: int(0, 2 ** 20, "steps", { role: "statistic" }),
  }),
  cell: table(4, { value: int(0, 9, "small") }),
};
type K = World<typeof structs>;

const adds = (me: number) => function* add(k: K): Routine {
  for (let round: Int<0, 3> = 0; round < 3; round++) {
    yield at("choose a cell");
    const cell: Int<0, 3> = choose(k, "cell", 4);
    k.cell.value.add(cell, 1 + me);
    k.sum.seen.add(1);
    yield at("add to the sum");
    k.sum.total.add(1 + me);
  }
};

/** The other threads end with a sum of 9: this one turns for ever then, and no state is the last. */
const turns = (full: number) => function* turn(k: K): Routine {
  for (;;) {
    yield at("turn", () => k.sum.total.get() % 4 === 1);
    bugOn(k.cell.value.get(3) > full, "the last cell is full");
    k.sum.rounds.set((k.sum.rounds.get() + 1) % 10);
  }
};

const fewTurns = (k: K): boolean => k.sum.rounds.get() > 3 || k.cell.value.get(0) < 6;
const excused = Object.assign((k: K) => k.sum.total.get() < 7, { excuse: fewTurns });
const small = (most: number) => (k: K) => k.cell.value.get(0) + k.cell.value.get(1) + k.cell.value.get(2) <= most;
/** Of a cell that there is not, where the sum is large. */
const cellOfSum = (room: number) => (k: K) => k.sum.total.get() < room || k.cell.value.get(k.sum.total.get() - 5) <= 9;

type Promises = Readonly<Record<string, (k: K) => boolean>>;
const looks = (name: string, always: Promises, expect: Expectation, full = 9) => scenario({
  name, why: "every way to look at a state", tier: "quick", structs, always, expect,
  threads: [{ name: "a", run: adds(0) }, { name: "b", run: adds(1) }, { name: "turns", run: turns(full), daemon: true }],
  sometimes: { "an even sum": (k) => k.sum.total.get() === 6, "turned": (k) => k.sum.rounds.get() === 2 },
});

export default [
  looks("looks-and-holds", { "cells are small": small(9) }, holds()),
  looks("looks-at-an-assertion", { "cells are small": small(9) }, violated("assertion"), 8),
  looks("looks-at-the-first", { "cells are small": small(4), "a small sum": excused }, violated("cells are small")),
  looks(
    "looks-at-what-throws", { "cells are small": small(9), "a small sum": excused, "a cell for each sum": cellOfSum(8) },
    violated("a cell for each sum"),
  ),
];
