/** The vocabulary functions that the compiler has built in, by identity. */
import {
  downgradeWrite, downRead, downReadTrylock, downWrite, downWriteTrylock, mutexLock, mutexTrylock, mutexUnlock, spinLock, spinTrylock,
  spinUnlock, upRead, upWrite,
} from "../program/locks.ts";
import { at, bugOn, choose, current, emit, record } from "../program/routine.ts";

/** Operations of the emitted lock runtime (`lock-runtime.ts`). */
export type LockOperation =
  | "spinTrylock" | "spinUnlock" | "mutexTrylock" | "mutexUnlock"
  | "downReadTrylock" | "upRead" | "downWriteTrylock" | "upWrite" | "downgradeWrite";

export type Intrinsic =
  | { readonly kind: "at" | "choose" | "current" | "bugOn" | "emit" | "record" }
  /** Waits: a yield point. */
  | {
    readonly kind: "lock";
    readonly label: string;
    readonly lockKind: "spinlock" | "mutex" | "rwsem";
    readonly mode: "exclusive" | "shared";
  }
  /** Does not wait. */
  | { readonly kind: "lockNow"; readonly operation: LockOperation };

export const INTRINSICS: ReadonlyMap<unknown, Intrinsic> = new Map<unknown, Intrinsic>([
  [at, { kind: "at" }],
  [choose, { kind: "choose" }],
  [current, { kind: "current" }],
  [bugOn, { kind: "bugOn" }],
  [emit, { kind: "emit" }],
  [record, { kind: "record" }],
  [spinLock, { kind: "lock", label: "spin_lock", lockKind: "spinlock", mode: "exclusive" }],
  [mutexLock, { kind: "lock", label: "mutex_lock", lockKind: "mutex", mode: "exclusive" }],
  [downRead, { kind: "lock", label: "down_read", lockKind: "rwsem", mode: "shared" }],
  [downWrite, { kind: "lock", label: "down_write", lockKind: "rwsem", mode: "exclusive" }],
  [spinTrylock, { kind: "lockNow", operation: "spinTrylock" }],
  [spinUnlock, { kind: "lockNow", operation: "spinUnlock" }],
  [mutexTrylock, { kind: "lockNow", operation: "mutexTrylock" }],
  [mutexUnlock, { kind: "lockNow", operation: "mutexUnlock" }],
  [downReadTrylock, { kind: "lockNow", operation: "downReadTrylock" }],
  [upRead, { kind: "lockNow", operation: "upRead" }],
  [downWriteTrylock, { kind: "lockNow", operation: "downWriteTrylock" }],
  [upWrite, { kind: "lockNow", operation: "upWrite" }],
  [downgradeWrite, { kind: "lockNow", operation: "downgradeWrite" }],
]);
