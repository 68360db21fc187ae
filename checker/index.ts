/** What a scenario, a specification or an implementation may import from "thpcheck". */
export {
  NONE, array, bitset, bool, int, mutex, names, oneOf, queue, ref, rwsem, spinlock, struct, table,
} from "./program/layout.ts";
export type { Names, Structs } from "./program/layout.ts";
export { isAt, took } from "./program/positions.ts";
export { at, bugOn, choose, current, emit, record } from "./program/routine.ts";
export type { Bool, Int, Mask, Ref, Routine, U, U16, U32, U8, UpTo, YieldPoint } from "./program/routine.ts";
export {
  downRead, downReadTrylock, downWrite, downWriteTrylock, downgradeWrite, mutexLock, mutexTrylock, mutexUnlock,
  spinLock, spinTrylock, spinUnlock, upRead, upWrite,
} from "./program/locks.ts";
export type { LockId, World } from "./program/world.ts";
export { holds, isScenario, scenario, violated } from "./scenario.ts";
export type {
  Expectation, GivenScenario, LeadsTo, Model, ModelActor, ModelScenario, OutsideCall, ProgramScenario, PropertyResult, RunProperty,
  Scenario, Thread,
} from "./scenario.ts";
export { REFUSED } from "./refinement-plan.ts";
export type { Refinement } from "./refinement.ts";
export { StepFault } from "./fault.ts";
export { defineConfig } from "./config.ts";
export type { Config, ExtraCommand, TracedRun } from "./config.ts";
export type { Drawing, DrawnValue, Figure, Picture, Scene } from "./page/picture.ts";
export { UsageError } from "./usage-error.ts";
