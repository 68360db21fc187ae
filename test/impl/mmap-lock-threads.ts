/** What mmap-lock.test.ts runs. VMA 0 of mm 0 covers the pages 0 and 1. */
import { NONE, at, bugOn, choose, type Routine } from "thpcheck";
import { lockVmaUnderRcu, mmapReadLock, mmapReadTrylock, mmapReadUnlock, mmapWriteDowngrade, mmapWriteLock, mmapWriteUnlock, vmaEndRead, vmaStartWrite } from "../../impl/locking/mmap-lock.ts";
import { rawReadSeqcount, rawWriteSeqcountBegin, rawWriteSeqcountEnd, readSeqcountRetry, type WriteProtectSeq } from "../../impl/locking/write-protect-seq.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Vma, Vpn } from "../../impl/structs/types.ts";
import { kernelScenario, type KernelThread } from "./straight-kernel.ts";
import { vmaIterClear, vmaIterStore } from "../../impl/vma-tree.ts";

export function bootVma(k: Kernel): void {
  k.vma.mm.set(0, 0);
  k.vma.start.set(0, 0);
  k.vma.end.set(0, 2);
  vmaIterStore(k, 0);
}
export function bootDetached(k: Kernel): void {
  bootVma(k);
  k.vma.detached.set(0, true);
  vmaIterClear(k, 0);
}

function* readVma(k: Kernel, vpn: Vpn): Routine<Vma> {
  const vma: Vma = yield* lockVmaUnderRcu(k, 0, vpn);
  if (vma !== NONE) vmaEndRead(k, vma);
  return vma;
}
function* leakVma(k: Kernel): Routine<Vma> {
  const vma: Vma = yield* lockVmaUnderRcu(k, 0, 0);
  yield at("use");
  vmaEndRead(k, vma);
  return vma;
}
/** Write-locks the area twice, and looks at it in each of the ways in which the lock ends. */
function* writeLocked(k: Kernel, downgrade: boolean): Routine {
  yield* mmapWriteLock(k, 0);
  yield* vmaStartWrite(k, 0);
  yield* vmaStartWrite(k, 0);
  const none: Vma = yield* lockVmaUnderRcu(k, 0, 0);
  bugOn(none !== NONE, "a write-locked VMA is read-locked");
  if (downgrade) {
    yield* mmapWriteDowngrade(k, 0);
    const some: Vma = yield* lockVmaUnderRcu(k, 0, 0);
    bugOn(some !== 0, "the write lock of a VMA outlives the downgrade");
    vmaEndRead(k, some);
    yield* mmapReadUnlock(k, 0);
  } else {
    yield* mmapWriteUnlock(k, 0);
    const some: Vma = yield* lockVmaUnderRcu(k, 0, 0);
    bugOn(some !== 0, "the write lock of a VMA outlives the unlock");
    vmaEndRead(k, some);
  }
}
function* unlocked(k: Kernel): Routine {
  yield at("vma_start_write");
  yield* vmaStartWrite(k, 0);
}
function* tryRead(k: Kernel): Routine<boolean> {
  yield at("mmap_read_trylock");
  const got: boolean = mmapReadTrylock(k, 0);
  if (got) yield* mmapReadUnlock(k, 0);
  return got;
}

export const readAt = (vpn: Vpn): KernelThread => (k) => readVma(k, vpn);
export const lockedThenUnlocked: KernelThread = (k) => writeLocked(k, false);
export const lockedThenDowngraded: KernelThread = (k) => writeLocked(k, true);
export const withoutMmapLock: KernelThread = (k) => unlocked(k);
export const tryLock: KernelThread = (k) => tryRead(k);
export const hold: KernelThread = (k) => leakVma(k);

// ---- explored: a fault handler against who changes the area -----------------------------------------------------

/** As a fault: by the VMA's lock, else by mmap_lock; the area must not change meanwhile. */
function* faultHandler(k: Kernel): Routine {
  const vma: Vma = yield* lockVmaUnderRcu(k, 0, 0);
  if (vma === NONE) {
    yield* mmapReadLock(k, 0);
    yield at("under mmap_lock");
    bugOn(k.vma.end.once(0) === 1, "the area changes under mmap_lock");
    yield* mmapReadUnlock(k, 0);
    return;
  }
  yield at("under the VMA's lock");
  bugOn(k.vma.end.once(vma) === 1, "the area changes under the VMA's lock");
  vmaEndRead(k, vma);
}
/** Changes the area and changes it back. */
function* modify(k: Kernel, lockVma: boolean): Routine {
  yield* mmapWriteLock(k, 0);
  if (lockVma) yield* vmaStartWrite(k, 0);
  yield at("change");
  k.vma.end.set(0, 1);
  yield at("change back");
  k.vma.end.set(0, 2);
  if (choose(k, "downgrade", 2) === 1) {
    yield* mmapWriteDowngrade(k, 0);
    yield at("read-locked");
    yield* mmapReadUnlock(k, 0);
  } else {
    yield* mmapWriteUnlock(k, 0);
  }
}
export const faultsAgainstWriter = kernelScenario({ a: (k) => faultHandler(k), b: (k) => faultHandler(k), writer: (k) => modify(k, true) }, bootVma, {}, {
  sometimes: {
    "readers hold the writer up": (k) => k.vma.lock.isHeld(0) && k.mm.mmapLock.isHeld(0),
    "write-locked": (k) => k.vma.writeLocked.get(0),
  },
  finally: { "no lock of the VMA is left": (k) => !k.vma.writeLocked.get(0) && !k.vma.lock.isHeld(0) },
});
export const faultsAgainstCarelessWriter = kernelScenario({ a: (k) => faultHandler(k), writer: (k) => modify(k, false) }, bootVma);

// ---- write_protect_seq -----------------------------------------------------------------------------------------

function* beginTwice(k: Kernel): Routine {
  yield at("begin");
  rawWriteSeqcountBegin(k, 0);
  rawWriteSeqcountBegin(k, 0);
}
function* endOnly(k: Kernel): Routine {
  yield at("end");
  rawWriteSeqcountEnd(k, 0);
}
function* sections(k: Kernel): Routine {
  yield at("read");
  const seq: WriteProtectSeq = rawReadSeqcount(k, 0);
  bugOn(seq % 2 !== 0 || readSeqcountRetry(k, 0, seq), "no section: no retry");
  rawWriteSeqcountBegin(k, 0);
  bugOn(rawReadSeqcount(k, 0) % 2 !== 1 || !readSeqcountRetry(k, 0, seq), "in a section");
  rawWriteSeqcountEnd(k, 0);
  bugOn(rawReadSeqcount(k, 0) % 2 !== 0 || !readSeqcountRetry(k, 0, seq), "after a section");
}
export const seqBeginTwice: KernelThread = (k) => beginTwice(k);
export const seqEndOnly: KernelThread = (k) => endOnly(k);
export const seqSections: KernelThread = (k) => sections(k);
