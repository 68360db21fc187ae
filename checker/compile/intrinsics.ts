/** The vocabulary functions that the compiler has built in, by identity. */
import {
  downgradeWrite, downRead, downReadTrylock, downWrite, downWriteTrylock, mutexLock, mutexTrylock, mutexUnlock, spinLock, spinTrylock,
  spinUnlock, upRead, upWrite,
} from "../program/locks.ts";
import { isAt, took } from "../program/positions.ts";
import { at, bugOn, choose, current, emit, record } from "../program/routine.ts";

/** Operations of the emitted lock runtime (`lock-runtime.ts`). */
export type LockOperation =
  | "spinTrylock" | "spinUnlock" | "mutexTrylock" | "mutexUnlock"
  | "downReadTrylock" | "upRead" | "downWriteTrylock" | "upWrite" | "downgradeWrite";

/** What a call gives: `k` is the world, a question mark says that it may be left out, dots that any number follow. */
interface Called {
  readonly parameters: readonly string[];
}

export type Intrinsic = Called & (
  | { readonly kind: "at" | "choose" | "current" | "bugOn" | "emit" | "record" | "isAt" | "took" }
  /** Waits: a yield point. */
  | {
    readonly kind: "lock";
    readonly label: string;
    readonly lockKind: "spinlock" | "mutex" | "rwsem";
    readonly mode: "exclusive" | "shared";
  }
  /** Does not wait. */
  | { readonly kind: "lockNow"; readonly operation: LockOperation });

const LOCK = ["k", "lock"];

export const INTRINSICS: ReadonlyMap<unknown, Intrinsic> = new Map<unknown, Intrinsic>([
  [at, { kind: "at", parameters: ["label", "guard?", "options?"] }],
  [choose, { kind: "choose", parameters: ["k", "name", "options"] }],
  [current, { kind: "current", parameters: ["k"] }],
  [bugOn, { kind: "bugOn", parameters: ["condition", "message"] }],
  [emit, { kind: "emit", parameters: ["k", "event", "...instances"] }],
  [isAt, { kind: "isAt", parameters: ["k", "thread", "label"] }],
  [took, { kind: "took", parameters: ["k", "actor", "label?"] }],
  [record, { kind: "record", parameters: ["members"] }],
  [spinLock, { kind: "lock", parameters: LOCK, label: "spin_lock", lockKind: "spinlock", mode: "exclusive" }],
  [mutexLock, { kind: "lock", parameters: LOCK, label: "mutex_lock", lockKind: "mutex", mode: "exclusive" }],
  [downRead, { kind: "lock", parameters: LOCK, label: "down_read", lockKind: "rwsem", mode: "shared" }],
  [downWrite, { kind: "lock", parameters: LOCK, label: "down_write", lockKind: "rwsem", mode: "exclusive" }],
  [spinTrylock, { kind: "lockNow", parameters: LOCK, operation: "spinTrylock" }],
  [spinUnlock, { kind: "lockNow", parameters: LOCK, operation: "spinUnlock" }],
  [mutexTrylock, { kind: "lockNow", parameters: LOCK, operation: "mutexTrylock" }],
  [mutexUnlock, { kind: "lockNow", parameters: LOCK, operation: "mutexUnlock" }],
  [downReadTrylock, { kind: "lockNow", parameters: LOCK, operation: "downReadTrylock" }],
  [upRead, { kind: "lockNow", parameters: LOCK, operation: "upRead" }],
  [downWriteTrylock, { kind: "lockNow", parameters: LOCK, operation: "downWriteTrylock" }],
  [upWrite, { kind: "lockNow", parameters: LOCK, operation: "upWrite" }],
  [downgradeWrite, { kind: "lockNow", parameters: LOCK, operation: "downgradeWrite" }],
]);
