/**
 * What user code does: loads and stores, through this CPU's TLB, the hardware's walk of the page table, and page faults
 * (arch/x86/mm/fault.c). Every access is held to the promise of `user-memory.ts`.
 *
 * The CPU has loaded the address space: `switchMm()` of tlb.ts, or the scenario's init.
 */
import { current, NONE, type Routine } from "thpcheck";
import { mmapReadLock, mmapReadUnlock, lockVmaUnderRcu, vmaEndRead } from "../locking/mmap-lock.ts";
import { handleMmFault, mmAccountFault } from "../memory.ts";
import type { Kernel } from "../mm-types.ts";
import type { Content, Mm, Pfn, Vma, Vpn } from "../structs/types.ts";
import { VM_READ, VM_WRITE } from "../structs/vma.ts";
import { entryZeroPage } from "../pgtable.ts";
import { promoteInFault, reachesThreshold } from "../thp-reservation/promote.ts";
import { hardwareTranslate } from "../tlb.ts";
import { userMemoryLoaded, userMemoryStored } from "../user-memory.ts";
import { FAULT_FLAG_VMA_LOCK, FAULT_FLAG_WRITE, VM_FAULT_ERROR, VM_FAULT_RETRY, type FaultFlags, type VmFaultReason } from "../vm-fault.ts";
import { vmaLookup } from "../vma-tree.ts";

/**
 * One load by user code.
 *
 * @kernel arch/x86/mm/fault.c exc_page_fault(), and the hardware
 * @returns what it read; `param.contents`, which no page of a process holds, where it got a signal in its place
 */
export function* userLoad(k: Kernel, mm: Mm, vpn: Vpn): Routine<Content> {
  for (;;) {
    const page: Pfn = yield* hardwareTranslate(k, mm, vpn, false);
    if (page !== NONE) {
      const content: Content = throughZeroPage(k, vpn) ? 0 : k.page.content.get(page);
      userMemoryLoaded(k, mm, vpn, content);
      return content;
    }
    const resolved: boolean = yield* doUserAddrFault(k, mm, vpn, 0);
    if (!resolved) return k.param.contents.get();
  }
}

/** The 4K translation just used is that of the zero page, which has no frame. The huge zero page has one. */
function throughZeroPage(k: Kernel, vpn: Vpn): boolean {
  return entryZeroPage(k.cpu.tlb.get(current(k), vpn));
}

/**
 * One store by user code.
 *
 * @param content - 0..param.contents - 1
 * @kernel arch/x86/mm/fault.c exc_page_fault(), and the hardware
 * @returns false where it got a signal in its place
 */
export function* userStore(k: Kernel, mm: Mm, vpn: Vpn, content: Content): Routine<boolean> {
  for (;;) {
    const page: Pfn = yield* hardwareTranslate(k, mm, vpn, true);
    if (page !== NONE) {
      k.page.content.set(page, content);
      userMemoryStored(k, mm, vpn, content);
      return true;
    }
    const resolved: boolean = yield* doUserAddrFault(k, mm, vpn, FAULT_FLAG_WRITE);
    if (!resolved) return false;
  }
}

/**
 * A page fault: under the VMA lock if that can be had, else under mmap_lock.
 *
 * @kernel arch/x86/mm/fault.c do_user_addr_fault()
 * @holds nothing
 * @returns true: try the access again; false: a signal (SIGSEGV, SIGBUS), or out of memory
 */
export function* doUserAddrFault(k: Kernel, mm: Mm, vpn: Vpn, flags: FaultFlags): Routine<boolean> {
  let vma: Vma = yield* lockVmaUnderRcu(k, mm, vpn);
  let fault: VmFaultReason = VM_FAULT_RETRY;
  if (vma !== NONE) {
    if (accessError(k, vma, flags)) {
      vmaEndRead(k, vma);
      return false;
    }
    fault = yield* handleMmFault(k, vma, vpn, flags | FAULT_FLAG_VMA_LOCK);
    mmAccountFault(k, fault);
    if ((fault & VM_FAULT_RETRY) === 0) {
      let promotes: boolean = false;
      if (k.param.resvPromoteInFault.get() !== 0) promotes = yield* reachesThreshold(k, vma, vpn);
      vmaEndRead(k, vma);
      if (promotes) yield* promoteInFault(k, mm, vpn);
      return (fault & VM_FAULT_ERROR) === 0;
    }
  }
  yield* mmapReadLock(k, mm);
  vma = vmaLookup(k, mm, vpn);
  if (vma === NONE || accessError(k, vma, flags)) {
    yield* mmapReadUnlock(k, mm);
    return false;
  }
  fault = yield* handleMmFault(k, vma, vpn, flags);
  mmAccountFault(k, fault);
  let promotes: boolean = false;
  if (k.param.resvPromoteInFault.get() !== 0) promotes = yield* reachesThreshold(k, vma, vpn);
  yield* mmapReadUnlock(k, mm);
  if (promotes) yield* promoteInFault(k, mm, vpn);
  return (fault & VM_FAULT_ERROR) === 0;
}

/** @kernel arch/x86/mm/fault.c access_error() @holds the VMA lock or mmap_lock */
function accessError(k: Kernel, vma: Vma, flags: FaultFlags): boolean {
  return (k.vma.flags.get(vma) & ((flags & FAULT_FLAG_WRITE) !== 0 ? VM_WRITE : VM_READ | VM_WRITE)) === 0;
}
