/** Every operation on locks, under contention; and every way to use one wrongly. */
import {
  at, choose, downgradeWrite, downRead, downReadTrylock, downWrite, downWriteTrylock, holds, mutex, mutexLock, mutexTrylock, mutexUnlock,
  rwsem, scenario, spinlock, spinLock, spinTrylock, spinUnlock, struct, upRead, upWrite, violated,
  type Expectation, type Int, type Routine, type World,
} from "thpcheck";

const structs = {
  s: struct({ spin: spinlock("spin"), m: mutex("mutex"), sem: rwsem("sem"), queued: rwsem("queued", { queued: true }) }),
};
type K = World<typeof structs>;

function* reader(k: K): Routine {
  yield* downRead(k, k.s.queued.at());
  yield* spinLock(k, k.s.spin.at());
  spinUnlock(k, k.s.spin.at());
  yield* mutexLock(k, k.s.m.at());
  mutexUnlock(k, k.s.m.at());
  upRead(k, k.s.queued.at());
}
function* writer(k: K): Routine {
  yield* downWrite(k, k.s.queued.at());
  yield at("write");
  downgradeWrite(k, k.s.queued.at());
  yield at("read");
  upRead(k, k.s.queued.at());
  yield* downWrite(k, k.s.sem.at());
  yield at("hold");
  upWrite(k, k.s.sem.at());
}
function* tries(k: K): Routine {
  yield at("try");
  if (spinTrylock(k, k.s.spin.at())) {
    yield at("spin is held");
    spinUnlock(k, k.s.spin.at());
  }
  if (mutexTrylock(k, k.s.m.at())) {
    yield at("mutex is held");
    mutexUnlock(k, k.s.m.at());
  }
  if (downReadTrylock(k, k.s.sem.at())) upRead(k, k.s.sem.at());
  if (downWriteTrylock(k, k.s.sem.at())) {
    yield at("sem is held");
    upWrite(k, k.s.sem.at());
  }
}

/** One mistake for each choice. */
function* errs(k: K): Routine {
  yield at("err");
  const how: Int<0, 5> = choose(k, "how", 6);
  if (how === 0) upRead(k, k.s.sem.at());
  else if (how === 1) spinUnlock(k, k.s.spin.at());
  else if (how === 2) downReadTrylock(k, k.s.queued.at());
  else if (how === 3) {
    spinTrylock(k, k.s.spin.at());
    yield* mutexLock(k, k.s.m.at());
  } else if (how === 4) {
    yield* mutexLock(k, k.s.m.at());
    yield* mutexLock(k, k.s.m.at());
  } else downgradeWrite(k, k.s.sem.at());
}

type Run = (k: K) => Routine;
const uses = (name: string, runs: Readonly<Record<string, Run>>, expect: Expectation) => scenario({
  name, why: "every operation on locks", tier: "quick", structs, expect,
  threads: Object.entries(runs).map(([thread, run]) => ({ name: thread, run })),
  always: { "one side": (k) => !(k.s.spin.isHeld() && k.s.m.isHeld() && k.s.sem.isHeld() && k.s.queued.isHeld()) },
});

export default [
  uses("lock-uses", { reader, writer, tries, second: reader }, holds()),
  uses("lock-errors", { reader, errs }, violated("lock-ownership")),
];
