/**
 * refcount: a lockless look-up that takes a reference unless the count is zero, and a freer that waits for a grace
 * period before it frees. `refcount-NK`: N threads, K objects.
 *
 * Every yield is one atomic step of the same model in TLA+ (`../bench/Refcount.tla`) and in Promela
 * (`../bench/refcount.pml`); TLC and Spin (exact) agree on the counts, which include dead locals: see `thp-resv.ts`.
 * A use after free is asserted at the access itself, as in Promela; the TLA+ model reports the state before it.
 */
import { NONE, at, bitset, bool, bugOn, choose, holds, int, scenario, struct, table, violated, type Expectation, type Int, type Ref, type Routine, type Scenario, type Thread, type World } from "thpcheck";

const NO_BUG = 0;
const NO_GRACE_PERIOD = 1;
const PLAIN_GET = 2;

interface Bounds {
  /** Threads that look objects up, at most 4. */
  readonly threads: number;
  readonly objects: number;
  readonly bug: number;
}

function structs(bounds: Bounds) {
  return {
    object: table(bounds.objects, {
      // One more than the invariant allows on both sides, so that a wrong count is a state that can be reported.
      refs: int(-1, bounds.threads + 2, "reference count", { init: 1 }),
      alive: bool("the object's memory has not been freed", { init: true }),
    }),
    objects: struct({
      published: bitset(bounds.objects, "objects that look-ups find; each holds one reference", { init: 2 ** bounds.objects - 1 }),
      queued: bitset(bounds.objects, "objects whose count became zero and that the freer has yet to take"),
    }),
    rcu: struct({
      readers: bitset(bounds.threads, "threads inside a read section"),
      gracePeriod: bitset(bounds.threads, "readers that the current grace period still waits for"),
    }),
  };
}
type RefcountStructs = ReturnType<typeof structs>;
type K = World<RefcountStructs>;

/** 0..threads + 1 */
type Count = Int<0, 5>;

function rcuReadUnlock(k: K, thread: number): void {
  k.rcu.readers.remove(thread);
  k.rcu.gracePeriod.remove(thread);
}

/** A thread that looks objects up, uses them and drops its reference, for ever. */
function user(thread: number, bug: number): Thread<RefcountStructs>["run"] {
  return function* lookUpAndUse(k: K): Routine {
    let object: Ref<"object"> = NONE;
    let old: Count = 0;
    users: while (true) {
      yield at("rcu_read_lock");
      k.rcu.readers.insert(thread);
      object = choose(k, "object", k.object.count);

      yield at("look up");
      if (!k.objects.published.has(object)) {
        rcuReadUnlock(k, thread);
        object = NONE;
        continue;
      }

      let got = false;
      while (!got) {
        yield at("read count");
        bugOn(!k.object.alive.get(object), "use after free: the count is read");
        old = k.object.refs.get(object);
        if (old === 0 && bug !== PLAIN_GET) {
          rcuReadUnlock(k, thread);
          object = NONE;
          continue users;
        }

        yield at("cmpxchg count");
        bugOn(!k.object.alive.get(object), "use after free: the count is exchanged");
        got = k.object.refs.cmpxchg(object, old, old + 1);
        old = 0;
      }

      yield at("rcu_read_unlock");
      bugOn(!k.object.alive.get(object), "use after free: the object is held");
      bugOn(k.object.refs.get(object) <= 0, "the object is held, but its count is not positive");
      rcuReadUnlock(k, thread);

      yield at("use");
      bugOn(!k.object.alive.get(object), "use after free: the object is used");
      bugOn(k.object.refs.get(object) <= 0, "the object is used, but its count is not positive");

      yield at("put");
      bugOn(!k.object.alive.get(object), "use after free: the reference is dropped");
      bugOn(k.object.refs.get(object) <= 0, "the reference is dropped, but the count is not positive");
      k.object.refs.add(object, -1);
      if (k.object.refs.get(object) === 0) {
        yield at("queue for the freer");
        k.objects.queued.insert(object);
      }
      object = NONE;
    }
  };
}

/** The n-th smallest member of a set, from 0; the set must have more than n. */
function nthMember(set: number, n: number): number {
  let rest = set;
  for (let i = 0; i < n; i++) rest &= rest - 1;
  return 31 - Math.clz32(rest & -rest);
}

/** Withdraws published objects and frees queued ones, which are published anew at once. */
function freer(bug: number): Thread<RefcountStructs>["run"] {
  return function* withdrawAndFree(k: K): Routine {
    let object: Ref<"object"> = NONE;
    while (true) {
      yield at("take work", () => k.objects.published.size() + k.objects.queued.size() > 0);
      const publishedCount = k.objects.published.size();
      const work = choose(k, "work", publishedCount + k.objects.queued.size());
      if (work < publishedCount) {
        object = nthMember(k.objects.published.get(), work);
        k.objects.published.remove(object);

        yield at("put the publisher's reference");
        k.object.refs.add(object, -1);
        if (k.object.refs.get(object) === 0) {
          yield at("queue for the freer");
          k.objects.queued.insert(object);
        }
      } else {
        object = nthMember(k.objects.queued.get(), work - publishedCount);
        k.objects.queued.remove(object);

        if (bug !== NO_GRACE_PERIOD) {
          yield at("start grace period");
          k.rcu.gracePeriod.set(k.rcu.readers.get());
        }

        yield at("free", () => k.rcu.gracePeriod.get() === 0);
        k.object.alive.set(object, false);

        yield at("allocate and publish");
        k.object.alive.set(object, true);
        k.object.refs.set(object, 1);
        k.objects.published.insert(object);
      }
      object = NONE;
    }
  };
}

function countsInRange(k: K, most: number): boolean {
  for (let o = 0; o < k.object.count; o++) {
    if (k.object.refs.get(o) < 0 || k.object.refs.get(o) > most) return false;
  }
  return true;
}

function freedIsUnreachable(k: K): boolean {
  for (let o = 0; o < k.object.count; o++) {
    if (!k.object.alive.get(o) && (k.object.refs.get(o) !== 0 || k.objects.published.has(o) || k.objects.queued.has(o))) return false;
  }
  return true;
}

function refcount(name: string, why: string, tier: "quick" | "full" | "nightly", b: Bounds, expect: Expectation): Scenario<RefcountStructs> {
  const mostReferences = b.threads + 1;
  return scenario({
    sanitize: "its steps are those of the published model",
    name, why, tier,
    clearDeadLocals: false,
    config: { ...b },
    structs: structs(b),
    threads: [
      ...Array.from({ length: b.threads }, (_, t) => ({ name: `user${t}`, run: user(t, b.bug) })),
      { name: "freer", run: freer(b.bug) },
    ],
    always: {
      /** Every reference is somebody's: the threads' and the publisher's. */
      Range: (k: K) => countsInRange(k, mostReferences),
      /** Nothing leads to a freed object. */
      Dead: (k: K) => freedIsUnreachable(k),
    },
    endless: true,
    expect,
  });
}

const row = (threads: number, objects: number, tier: "quick" | "full" | "nightly", states: number, transitions: number, depth: number): Scenario<RefcountStructs> =>
  refcount(`refcount-${threads}${objects}`, "the same count as TLC and Spin", tier, { threads, objects, bug: NO_BUG }, holds({ states, transitions, depth }));

export default [
  row(2, 1, "quick", 286, 778, 19),
  row(2, 2, "quick", 4_362, 13_464, 25),
  row(3, 1, "quick", 2_925, 10_779, 29),
  row(4, 1, "quick", 36_988, 172_762, 41),
  row(3, 2, "quick", 89_388, 362_484, 42),
  row(3, 3, "quick", 939_416, 3_909_564, 45),
  row(4, 2, "nightly", 2_278_944, 11_466_132, 66),
  // The access that is wrong is itself the last step; the TLA+ model stops in the state before it, after 7.
  refcount("refcount-bug1", "without a grace period a reader meets freed memory", "quick", { threads: 3, objects: 2, bug: NO_GRACE_PERIOD }, violated("assertion", { length: 8 })),
  refcount("refcount-bug2", "a plain get resurrects an object whose count was zero", "quick", { threads: 3, objects: 2, bug: PLAIN_GET }, violated("Dead", { length: 11 })),
];
