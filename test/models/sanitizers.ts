/** One small program for each sanitizer, in which it fires; and its repaired twin, in which it stays silent. */
import { at, bool, bugOn, downWrite, holds, int, mutex, mutexLock, mutexUnlock, rwsem, scenario, spinlock, spinLock, spinTrylock, spinUnlock, struct, upRead, violated, type Int, type Routine, type World } from "thpcheck";

const structs = {
  s: struct({
    a: spinlock("lock a"),
    b: spinlock("lock b"),
    sleeping: mutex("may sleep"),
    sem: rwsem("read or write"),
    guarded: int(0, 7, "protected by a", { guard: "a" }),
    counter: int(0, 7, "an atomic_t", { guard: "atomic" }),
    flag: bool("another atomic", { guard: "atomic" }),
  }),
};
type K = World<typeof structs>;
const twice = (run: (k: K) => Routine) => [{ name: "t0", run }, { name: "t1", run }];

function* twoAtomicsInOneBlock(k: K): Routine {
  yield at("bump and raise");
  k.s.counter.cmpxchg(0, 1);
  k.s.flag.set(true);
}
function* oneAtomicEach(k: K): Routine {
  yield at("bump");
  k.s.counter.cmpxchg(0, 1);
  yield at("raise");
  k.s.flag.set(true);
}

function* unlockedWrites(k: K): Routine {
  yield at("write twice");
  const seen: Int<0, 7> = k.s.guarded.get();
  k.s.guarded.set(seen === 7 ? 0 : seen + 1);
}
function* lockedWrites(k: K): Routine {
  yield* spinLock(k, k.s.a.at());
  const seen: Int<0, 7> = k.s.guarded.get();
  k.s.guarded.set(seen === 7 ? 0 : seen + 1);
  spinUnlock(k, k.s.a.at());
}

function* aThenB(k: K): Routine {
  yield* spinLock(k, k.s.a.at());
  yield* spinLock(k, k.s.b.at());
  spinUnlock(k, k.s.b.at());
  spinUnlock(k, k.s.a.at());
}
function* bThenA(k: K): Routine {
  yield* spinLock(k, k.s.b.at());
  yield* spinLock(k, k.s.a.at());
  spinUnlock(k, k.s.a.at());
  spinUnlock(k, k.s.b.at());
}
/** Waits until the other thread is through, so that no schedule deadlocks: the order is wrong all the same. */
function* bThenALater(k: K): Routine {
  yield at("wait", () => k.s.flag.get());
  yield* spinLock(k, k.s.b.at());
  yield* spinLock(k, k.s.a.at());
  spinUnlock(k, k.s.a.at());
  spinUnlock(k, k.s.b.at());
}
function* aThenBThenRaise(k: K): Routine {
  yield* spinLock(k, k.s.a.at());
  yield* spinLock(k, k.s.b.at());
  spinUnlock(k, k.s.b.at());
  spinUnlock(k, k.s.a.at());
  yield at("raise");
  k.s.flag.set(true);
}

function* sleepsUnderSpinlock(k: K): Routine {
  yield* spinLock(k, k.s.a.at());
  yield* mutexLock(k, k.s.sleeping.at());
  mutexUnlock(k, k.s.sleeping.at());
  spinUnlock(k, k.s.a.at());
}
function* spinsUnderMutex(k: K): Routine {
  yield* mutexLock(k, k.s.sleeping.at());
  yield* spinLock(k, k.s.a.at());
  spinUnlock(k, k.s.a.at());
  mutexUnlock(k, k.s.sleeping.at());
}

function* releasesWhatItDoesNotHold(k: K): Routine {
  yield* downWrite(k, k.s.sem.at());
  upRead(k, k.s.sem.at());
}
function* endsWithALock(k: K): Routine {
  yield at("try");
  bugOn(!spinTrylock(k, k.s.b.at()), "nobody else takes b");
}

function* restsWithALock(k: K): Routine {
  yield* mutexLock(k, k.s.sleeping.at());
  yield at("wait for work", () => k.s.flag.get(), { idle: true });
  mutexUnlock(k, k.s.sleeping.at());
}
function* restsWithoutALock(k: K): Routine {
  yield* mutexLock(k, k.s.sleeping.at());
  mutexUnlock(k, k.s.sleeping.at());
  yield at("wait for work", () => k.s.flag.get(), { idle: true });
}

const base = { tier: "quick", structs, sanitize: true } as const;
export default [
  scenario({ ...base, name: "atomicity-fires", why: "two atomic accesses in one block: another thread may come between", threads: twice(twoAtomicsInOneBlock), expect: violated("atomicity") }),
  scenario({ ...base, name: "atomicity-silent", why: "one atomic access in each block", threads: twice(oneAtomicEach), expect: holds() }),
  scenario({ ...base, name: "data-race-fires", why: "a read and a write without the declared lock", threads: twice(unlockedWrites), expect: violated("data-race") }),
  scenario({ ...base, name: "data-race-silent", why: "the same under the lock", threads: twice(lockedWrites), expect: holds() }),
  scenario({ ...base, name: "lock-order-fires", why: "a before b and b before a, though no schedule of these two deadlocks", threads: [{ name: "t0", run: aThenBThenRaise }, { name: "t1", run: bThenALater }], expect: violated("lock-order") }),
  scenario({ ...base, name: "lock-order-silent", why: "a before b, always", threads: twice(aThenB), expect: holds() }),
  scenario({ ...base, name: "lock-cycle-deadlocks", why: "a before b against b before a: the schedule that deadlocks", threads: [{ name: "t0", run: aThenB }, { name: "t1", run: bThenA }], expect: violated("deadlock") }),
  scenario({ ...base, name: "sleep-in-atomic-fires", why: "a mutex under a spinlock", threads: [{ name: "t0", run: sleepsUnderSpinlock }], expect: violated("sleep-in-atomic") }),
  scenario({ ...base, name: "sleep-in-atomic-silent", why: "a spinlock under a mutex", threads: twice(spinsUnderMutex), expect: holds() }),
  scenario({ ...base, name: "lock-ownership-fires", why: "released in a mode in which it is not held", threads: [{ name: "t0", run: releasesWhatItDoesNotHold }], expect: violated("lock-ownership") }),
  scenario({ ...base, name: "rest-with-lock-deadlocks", why: "who rests for ever with a lock keeps everyone else out", threads: [{ name: "t0", run: restsWithALock }], expect: violated("deadlock") }),
  scenario({ ...base, name: "rest-without-lock-silent", why: "waiting for work with empty hands is rest", threads: [{ name: "t0", run: restsWithoutALock }], expect: holds() }),
  scenario({ ...base, name: "lock-held-at-exit-fires", why: "the thread ends while it holds a lock", threads: [{ name: "t0", run: endsWithALock }], expect: violated("lock-held-at-exit") }),
];
