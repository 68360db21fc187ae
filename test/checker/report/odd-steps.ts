/** A scenario that formats of graphs and traces find hard: signs in names, steps that go wrong, promises about steps. */
import {
  NONE, array, at, bitset, bool, choose, downRead, downWrite, holds, int, mutex, mutexLock, mutexUnlock, ref, rwsem, scenario, spinLock,
  spinUnlock, spinlock, struct, table, upRead, upWrite, type Routine, type Scenario, type UpTo, type World,
} from "thpcheck";

const structs = { c: struct({ value: int(0, 3, "a count") }) };
type K = World<typeof structs>;

/** Signs that mean something in a label of DOT, in XML or in AUT. */
function* hard(k: K): Routine {
  yield at('take "a" <b> & \\N \\');
  k.c.value.add(1);
  yield at("and on");
  k.c.value.add(1);
}
/** Two steps lead from each state to the same other one; the third one of both goes wrong; a step breaks a promise. */
export const odd = scenario({
  name: "odd", why: "what formats find hard", tier: "quick", structs, threads: [{ name: "x", run: hard }, { name: "y", run: hard }],
  always: { 'not "three"': (k) => k.c.value.get() < 3 },
  step: { "no second step": (before, after) => before.c.value.get() !== 1 || after.c.value.get() !== 2 },
  expect: holds(),
}) as unknown as Scenario;

const kinds = {
  thing: table(3, {
    flag: bool("a flag"), next: ref("thing", "another one"), members: bitset(5, "a set"), small: int(-5, 7, "a number"),
    large: int(-2_000_000_000, 2_000_000_000, "a large number"), lock: spinlock("guards all"), row: array(2, ref("thing", "two of them")),
    owner: int(NONE, 1, "who has it", { guard: "owner", role: "ghost" }), seen: int(0, 9, "counted", { role: "statistic" }),
  }),
  all: struct({ sem: rwsem("for readers", { queued: true }), mutex: mutex("for one") }),
};
type Kinds = World<typeof kinds>;

function* reads(k: Kinds): Routine {
  yield* downRead(k, k.all.sem.at());
  yield at("own");
  k.thing.owner.set(1, 0);
  k.thing.next.set(1, 2);
  k.thing.row.set(0, 1, 2);
  k.thing.flag.set(2, true);
  yield at("give up");
  k.thing.owner.set(1, NONE);
  upRead(k, k.all.sem.at());
}
function* writes(k: Kinds): Routine {
  yield* downWrite(k, k.all.sem.at());
  const index: UpTo<"last"> = choose(k, "which", 3);
  yield at("store");
  k.thing.members.insert(index, 4);
  k.thing.small.set(index, -5);
  k.thing.large.set(index, 1_999_999_999);
  yield* mutexLock(k, k.all.mutex.at());
  yield* spinLock(k, k.thing.lock.at(0));
  k.thing.next.set(1, NONE);
  spinUnlock(k, k.thing.lock.at(0));
  mutexUnlock(k, k.all.mutex.at());
  upWrite(k, k.all.sem.at());
}
/** Fields and locks of every kind, locals, and a thread that waits. */
export const everyKind = scenario({
  name: "every-kind", why: "what a state can hold", tier: "quick", structs: kinds, config: { last: 2 },
  threads: [{ name: "reader", run: reads }, { name: "writer", run: writes }], expect: holds(),
}) as unknown as Scenario;
