/** One small program for each sanitizer, in which it fires; and its repaired twin, in which it stays silent. */
import { NONE, at, bool, bugOn, current, downWrite, holds, int, mutex, mutexLock, mutexUnlock, rwsem, scenario, spinlock, spinLock, spinTrylock, spinUnlock, struct, upRead, violated, type Int, type Routine, type World } from "thpcheck";

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

const shop = {
  box: struct({
    content: int(0, 7, "no lock protects it while it is its maker's own", { guard: "lock" }),
    lock: spinlock("protects it from then on"),
    owner: int(NONE, 1, "who has the box to itself", { role: "ghost", guard: "owner" }),
    on: bool("the box is on the shelf, where others find it", { guard: "atomic" }),
    made: bool("somebody makes it", { guard: "atomic" }),
  }),
};
type Shop = World<typeof shop>;

/** Makes the box in peace, and puts it on the shelf. */
function* maker(k: Shop): Routine {
  yield at("begin");
  k.box.made.set(true);
  k.box.owner.set(current(k));
  yield at("fill");
  k.box.content.set(1);
  k.box.content.set(2);
  yield at("put on the shelf");
  k.box.on.set(true);
  k.box.owner.set(NONE);
}
/** The same, but fills it at once. */
function* quickMaker(k: Shop): Routine {
  yield at("begin");
  k.box.made.set(true);
  k.box.owner.set(current(k));
  yield at("fill");
  k.box.content.set(2);
  yield at("put on the shelf");
  k.box.on.set(true);
  k.box.owner.set(NONE);
}
function* buyer(k: Shop): Routine {
  yield at("wait for the box", () => k.box.on.get());
  yield* spinLock(k, k.box.lock.at());
  const seen: Int<0, 7> = k.box.content.get();
  k.box.content.set(seen + 1);
  spinUnlock(k, k.box.lock.at());
}
/** Does not wait for the shelf. */
function* thief(k: Shop): Routine {
  yield at("wait for the maker", () => k.box.made.get());
  yield at("look into the box");
  const seen: Int<0, 7> = k.box.content.get();
  bugOn(seen === 7, "nobody puts so much into the box");
}
/** Tells that the box is to be had, and has still a look into it. */
function* lastLook(k: Shop): Routine {
  yield* spinLock(k, k.box.lock.at());
  k.box.made.set(true);
  const seen: Int<0, 7> = k.box.content.get();
  bugOn(seen === 7, "nobody puts so much into the box");
  spinUnlock(k, k.box.lock.at());
}
function* takesAtOnce(k: Shop): Routine {
  yield at("wait for the box", () => k.box.made.get());
  k.box.owner.set(current(k));
  k.box.content.set(2);
  k.box.content.set(3);
}
function* takesUnderTheLock(k: Shop): Routine {
  yield at("wait for the box", () => k.box.made.get());
  yield* spinLock(k, k.box.lock.at());
  k.box.owner.set(current(k));
  k.box.content.set(2);
  k.box.content.set(3);
  spinUnlock(k, k.box.lock.at());
}
/** One instruction of a machine that does two things at once, beside a thread that does one of them. */
function* addsAndRaises(k: K): Routine {
  yield at("add and raise", null, { instruction: true });
  k.s.counter.cmpxchg(0, 1);
  k.s.flag.set(true);
}

const base = { tier: "quick", structs, sanitize: true } as const;
export default [
  scenario({ ...base, name: "atomicity-fires", why: "two atomic accesses in one block: another thread may come between", threads: twice(twoAtomicsInOneBlock), expect: violated("atomicity", { length: 1 }) }),
  scenario({ ...base, name: "atomicity-silent", why: "one atomic access in each block", threads: twice(oneAtomicEach), expect: holds({ states: 9 }) }),
  scenario({ ...base, name: "data-race-fires", why: "a read and a write without the declared lock", threads: twice(unlockedWrites), expect: violated("data-race", { length: 1 }) }),
  scenario({ ...base, name: "data-race-silent", why: "the same under the lock", threads: twice(lockedWrites), expect: holds({ states: 4 }) }),
  scenario({ ...base, name: "ownership-fires", why: "a look at a box that its maker has to itself", structs: shop, threads: [{ name: "maker", run: quickMaker }, { name: "thief", run: thief }], expect: violated("data-race", { length: 3 }) }),
  scenario({ ...base, name: "ownership-silent", why: "made without a lock, published, then used under it", structs: shop, threads: [{ name: "maker", run: maker }, { name: "buyer", run: buyer }], expect: holds({ states: 6 }) }),
  scenario({ ...base, name: "ownership-taken-fires", why: "a box is taken from under a thread that is still looking into it", structs: shop, threads: [{ name: "looker", run: lastLook }, { name: "taker", run: takesAtOnce }], expect: violated("atomicity", { length: 2 }) }),
  scenario({ ...base, name: "ownership-taken-silent", why: "the same, but the box is taken under the lock under which it is looked into", structs: shop, threads: [{ name: "looker", run: lastLook }, { name: "taker", run: takesUnderTheLock }], expect: holds({ states: 4 }) }),
  scenario({ ...base, name: "instruction-silent", why: "two accesses in one block which is said to be one instruction", threads: [{ name: "t0", run: addsAndRaises }, { name: "t1", run: oneAtomicEach }], expect: holds({ states: 6 }) }),
  scenario({ ...base, name: "lock-order-fires", why: "a before b and b before a, though no schedule of these two deadlocks", threads: [{ name: "t0", run: aThenBThenRaise }, { name: "t1", run: bThenALater }], expect: violated("lock-order", { length: 2 }) }),
  scenario({ ...base, name: "lock-order-silent", why: "a before b, always", threads: twice(aThenB), expect: holds({ states: 8 }) }),
  scenario({ ...base, name: "lock-cycle-deadlocks", why: "a before b against b before a: the schedule that deadlocks", threads: [{ name: "t0", run: aThenB }, { name: "t1", run: bThenA }], expect: violated("deadlock", { length: 2 }) }),
  scenario({ ...base, name: "sleep-in-atomic-fires", why: "a mutex under a spinlock", threads: [{ name: "t0", run: sleepsUnderSpinlock }], expect: violated("sleep-in-atomic", { length: 2 }) }),
  scenario({ ...base, name: "sleep-in-atomic-silent", why: "a spinlock under a mutex", threads: twice(spinsUnderMutex), expect: holds({ states: 8 }) }),
  scenario({ ...base, name: "lock-ownership-fires", why: "released in a mode in which it is not held", threads: [{ name: "t0", run: releasesWhatItDoesNotHold }], expect: violated("lock-ownership", { length: 1 }) }),
  scenario({ ...base, name: "rest-with-lock-deadlocks", why: "who rests for ever with a lock keeps everyone else out", threads: [{ name: "t0", run: restsWithALock }], expect: violated("deadlock", { length: 1 }) }),
  scenario({ ...base, name: "rest-without-lock-silent", why: "waiting for work with empty hands is rest", threads: [{ name: "t0", run: restsWithoutALock }], expect: holds({ states: 2 }) }),
  scenario({ ...base, name: "lock-held-at-exit-fires", why: "the thread ends while it holds a lock", threads: [{ name: "t0", run: endsWithALock }], expect: violated("lock-held-at-exit", { length: 1 }) }),
];
