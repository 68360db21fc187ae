/**
 * Whether a thread waits for another one: it has entered a function in which the kernel waits, and makes no progress for a moment.
 * Without the moment, waiting for a worker (lru_add_drain_all()) would count as well.
 */
import type { Symbols } from "./symbols.ts";

/** Where the kernel waits: for a semaphore, a contended spinlock, or anything else, in schedule(). */
const WAITS = ["rwsem_down_read_slowpath", "rwsem_down_write_slowpath", "native_queued_spin_lock_slowpath", "schedule"];
/** @kernel include/linux/sched.h struct task_struct __state, behind thread_info */
const STATE_OFFSET = 24n;

/** Whoever sleeps under one of these waits for a lock. In others, for workers as well, which need their time on a busy machine. */
const LOCKS = /^(rwsem|native_queued_spin_lock|__vma|vma_|rcuwait|rwbase|mutex|__mutex)/;
/** Milliseconds without progress after which a thread that waits for a lock, or for something else, is blocked. */
const GRACE_MS = { lock: 150, other: 900 } as const;

/** Their addresses. */
export const waitingPlaces = (symbols: Symbols): ReadonlySet<bigint> => new Set(WAITS.map((name) => symbols.address(name)));

/** What the thread waits in: for a lock if it has met that first, whatever it calls to sleep. */
export function firstOf(before: Wait | null, now: Wait | null): Wait | null {
  return before?.graceMs === GRACE_MS.lock ? before : now ?? before;
}

export interface Wait {
  /** The function, or the one that has called schedule(). */
  readonly place: string;
  readonly graceMs: number;
}

/** What a thread that stands at a waiting place, called from `from`, waits in; null: it is only preempted. */
export async function waitsIn(
  symbols: Symbols, at: { readonly rip: bigint; readonly from: bigint; readonly task: bigint }, word: (address: bigint) => Promise<bigint>,
): Promise<Wait | null> {
  const name = symbols.functionAt(at.rip)?.name ?? "";
  if (name === "schedule" && ((await word(at.task + STATE_OFFSET)) & 0xffff_ffffn) === 0n) return null;
  const place = name === "schedule" ? symbols.functionAt(at.from)?.name ?? name : name;
  return { place, graceMs: LOCKS.test(place) ? GRACE_MS.lock : GRACE_MS.other };
}
