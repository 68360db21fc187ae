/** A lock: what is between taking and releasing it cannot be overtaken by another thread that takes it. */
import { at, holds, int, scenario, spinLock, spinUnlock, spinlock, struct, type Int, type Routine, type World } from "thpcheck";

const structs = { counter: struct({ value: int(0, 2, "increments"), lock: spinlock("guards value") }) };
type K = World<typeof structs>;

function* increment(k: K): Routine {
  yield* spinLock(k, k.counter.lock.at());
  const seen: Int<0, 2> = k.counter.value.get();
  yield at("write"); // the other thread may run here, but it waits for the lock
  k.counter.value.set(seen + 1);
  spinUnlock(k, k.counter.lock.at());
}

export default scenario({
  name: "example-lock", why: "no increment is lost", tier: "quick", structs,
  threads: [{ name: "a", run: increment }, { name: "b", run: increment }],
  finally: { "both count": (k) => k.counter.value.get() === 2 },
  expect: holds({ states: 8 }),
});
