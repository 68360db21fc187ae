/** The smallest race: two threads increment a counter, each by a read and a later write. And the same under a lock. */
import { at, holds, int, scenario, spinLock, spinUnlock, spinlock, struct, violated, type Int, type Routine, type World } from "thpcheck";

const structs = {
  counter: struct({
    value: int(0, 2, "increments that were not lost"),
    lock: spinlock("held around read and write in the fixed version"),
  }),
};
type K = World<typeof structs>;

function* racyIncrement(k: K): Routine {
  yield at("read");
  const seen: Int<0, 2> = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
}

function* lockedIncrement(k: K): Routine {
  yield* spinLock(k, k.counter.lock.at());
  const seen: Int<0, 2> = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
  spinUnlock(k, k.counter.lock.at());
}

const bothCount = { "both increments count": (k: K) => k.counter.value.get() === 2 };

export default [
  scenario({
    name: "lost-update",
    why: "both threads may read before either writes",
    tier: "quick",
    structs,
    threads: [{ name: "a", run: racyIncrement }, { name: "b", run: racyIncrement }],
    finally: bothCount,
    expect: violated("both increments count", { length: 4 }),
  }),
  scenario({
    name: "lost-update-fixed",
    why: "the lock makes read and write one",
    tier: "quick",
    structs,
    threads: [{ name: "a", run: lockedIncrement }, { name: "b", run: lockedIncrement }],
    finally: bothCount,
    expect: holds({ states: 8 }),
  }),
];
