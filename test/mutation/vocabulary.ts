/** What calls of the kernel are for, by name: locks and their releases, flushes, references; and what is no kernel at all. */
import * as t from "@babel/types";
import { callOf, chainOf, type Call } from "./program.ts";

/** What acquires, and what releases it. An empty list: released by somebody else, who looks whether there is something to release. */
export const LOCKS: Readonly<Record<string, readonly string[]>> = {
  spinLock: ["spinUnlock"], mutexLock: ["mutexUnlock"], downRead: ["upRead"], downWrite: ["upWrite"],
  mmapReadLock: ["mmapReadUnlock"], mmapWriteLock: ["mmapWriteUnlock"],
  anonVmaLockRead: ["anonVmaUnlockRead"], anonVmaLockWrite: ["anonVmaUnlockWrite"], folioLock: ["folioUnlock"],
  rcuReadLock: ["rcuReadUnlock"], localIrqSave: ["localIrqRestore"], rawWriteSeqcountBegin: ["rawWriteSeqcountEnd"],
  takeRmapLocks: ["dropRmapLocks"], vmaStartWrite: [],
};
export const UNLOCKS: ReadonlySet<string> = new Set([...Object.values(LOCKS).flat(), "vmaEndRead", "vmaEndWrite"]);
/** Routines that return with a lock held. */
const LOCKING = new Set([...Object.keys(LOCKS), "pteOffsetMapLock", "lockVmaUnderRcu", "lockHugeRange", "folioTrylock", "mmapReadTrylock", "mutexTrylock", "downReadTrylock"]);

export const isLock = (c: Call | null): boolean => c !== null && LOCKS[c.name] !== undefined;
export const isUnlock = (c: Call | null): boolean => c !== null && UNLOCKS.has(c.name);
export const acquires = (c: Call | null): boolean => c !== null && LOCKING.has(c.name);

const FLUSHES = new Set(["flushTlbRange", "flushTlbMm", "flushCpu", "flushPmdRange", "tlbFlushMmu", "tlbFlushRange", "tlbRemoveTlbEntry", "tlbRemoveTableSyncOne", "lruAddDrain", "lruAddDrainAll", "lruAddDrainCpu", "switchMm"]);
export const isFlush = (c: Call | null): boolean => c !== null && FLUSHES.has(c.name);

const REFERENCES = /^(folioGet|folioPut|folioPutRefs|folioPutNew|folioRefAdd|folioRefSub|refsGet|refsPut|pinsGet|pinsPut|putAnonVma|getAnonVma|mmget|mmput|mmgrab|mmdrop|putOldFolio|putUnmappedPage|gupPutFolio|unpinFolio|putHugeZeroFolio|putReservedPage|putBlock|folioRefUnfreeze|refsUnfreeze)$/;
export const isReference = (c: Call | null): boolean => c !== null && REFERENCES.test(c.name);

const COUNTERS = /^(modStat|folioAccount\w+|addLargeMapcount|subLargeMapcount)$/;
/** A number that is counted up or down. */
export const isCounter = (c: Call | null): boolean => c !== null && (c.method ? /\.(add|addReturn)$/.test(c.name) : COUNTERS.test(c.name));
/** A field or an entry that is written. */
export const isStore = (c: Call | null): boolean => c !== null && (c.method ? /\.(set|setOnce|insert|remove|xchg|cmpxchg)$/.test(c.name) : c.name === "setPteAt" || c.name === "setPmdAt");

/**
 * What is no part of the kernel, though it stands in its routines:
 *   - announcements of events, and the ghost fields that the specification's machines are read from;
 *   - assertions, and user-memory.ts, the promise about what loads return: the judge is not mutated;
 *   - judgements of pins.ts, lost-function.ts and visible-cause.ts, and the notes that these take: the judge again;
 *   - whose a page or table is: notes for the sanitizers;
 *   - `k.vmstat`, `k.tracepoint`: statistics are no part of the state and decide nothing. What they count is compared with Linux by
 *     `thpcheck conform`.
 */
export const NOT_KERNEL_CALLS = /^(emit|mmAccountFault|vmBugOn|announce\w*|userMemory\w*|pagesOwn|pagesDisown|tableOwn|tableDisown|noSuch\w*|checkEmpty|checkContainer|checkReservation|checkNoReservations|judge\w*|pinTaken|pinReleased|splitForgets|noteMissedMapping|pinIsSeen|moveBegins|moveEnds|shortageIsSeen|noRoomIsSeen|noRoomBehindIsSeen)$/;
const NOT_KERNEL_FIELDS = /^k\.(vmstat|tracepoint|user|collapse|seen)\.|^k\.\w+\.(owner)\./;

export function isNotKernel(statement: t.Node): boolean {
  if (!t.isStatement(statement)) return false;
  if (t.isBlockStatement(statement)) return statement.body.length > 0 && statement.body.every(isNotKernel);
  // Whether something is announced or counted decides nothing either.
  if (t.isIfStatement(statement)) return isNotKernel(statement.consequent) && (statement.alternate == null || isNotKernel(statement.alternate));
  const call = callOf(statement);
  if (call === null) return t.isReturnStatement(statement) && t.isCallExpression(statement.argument) && isNotKernelCall(statement.argument);
  return isNotKernelCall(call.node);
}

/** What only the patch of 2018 does, is excluded as its files are. */
export function isOfRfc2018(node: t.Node, ancestors: readonly t.Node[]): boolean {
  return ancestors.some((a) => t.isIfStatement(a) && t.isCallExpression(a.test) && t.isIdentifier(a.test.callee, { name: "isRfc2018" }) && a.consequent.start! <= node.start! && node.end! <= a.consequent.end!);
}

export function isNotKernelCall(call: t.CallExpression): boolean {
  if (t.isIdentifier(call.callee)) return NOT_KERNEL_CALLS.test(call.callee.name);
  const chain = chainOf(call.callee);
  return chain !== null && NOT_KERNEL_FIELDS.test(chain.join("."));
}
