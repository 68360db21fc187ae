/**
 * mm/memory.c: what a fault does. This file decides the kind of a fault. The kinds are `memory/anon.ts` (nothing is
 * mapped yet), `memory/cow.ts` (mapped read-only), `memory/swap-fault.ts` (swapped out), `huge-memory/fault.ts` and
 * `huge-memory/wp.ts` (huge pages).
 * Unmapping is in `memory/zap.ts`, fork's copy in `memory/copy.ts`.
 *
 * Not covered, because this kernel has no such entries: NUMA hinting, device memory, userfaultfd; and page tables
 * above the PMD, which are never missing.
 */
import { at, NONE, record, spinLock, spinUnlock, type Routine } from "thpcheck";
import { doHugePmdAnonymousPage, hugePmdSetAccessed } from "./huge-memory/fault.ts";
import { thpVmaAllowableOrder, TVA_PAGEFAULT } from "./huge-memory/eligibility.ts";
import { doHugePmdWpPage } from "./huge-memory/wp.ts";
import { doAnonymousPage } from "./memory/anon.ts";
import { doWpPage } from "./memory/cow.ts";
import { migrationEntryWait, pmdMigrationEntryWait } from "./memory/migration-wait.ts";
import { doSwapPage } from "./memory/swap-fault.ts";
import type { Kernel } from "./mm-types.ts";
import { hasSwap } from "./page-flags.ts";
import type { Mm, Vma, Vpn } from "./structs/types.ts";
import {
  DIRTY, ENTRY_NONE, entryHas, entryTarget, pmdMigration, pmdNone, pmdTable, pmdTransHuge, pteIndex, ptepGetLockless,
  pteNone, ptePresent, pteSwap, setPteAt, WRITE, YOUNG,
} from "./pgtable.ts";
import { pmdpGetLockless, ptlOf } from "./pgtable-generic.ts";
import { rcuReadLock, rcuReadUnlock } from "./rcu.ts";
import {
  FAULT_FLAG_UNSHARE, FAULT_FLAG_WRITE, VM_FAULT_DONE, VM_FAULT_FALLBACK, VM_FAULT_RETRY, type FaultFlags, type VmFault,
  type VmFaultReason,
} from "./vm-fault.ts";

/**
 * Counts a fault that has ended, successfully or not. A fault that comes back with mmap_lock is not counted. Every
 * caller of handleMmFault() calls this with its result.
 * @kernel mm/memory.c mm_account_fault()
 */
export function mmAccountFault(k: Kernel, fault: VmFaultReason): void {
  if ((fault & VM_FAULT_RETRY) === 0) k.vmstat.pgfault.add(1);
}

/**
 * One page fault at `address`, which lies in `vma`. The caller has checked the VMA's permissions. The access is tried
 * again afterwards, so it is no error to find that something has changed.
 *
 * The PMD is read under RCU, because its PTE is read next if it points to a table. The kernel reads the PMD once more
 * in pte_offset_map(), with nothing in between. If it has changed there, the kernel gives up, or finds a table where
 * there was none. Here the same happens when the table is locked or installed.
 *
 * @kernel mm/memory.c handle_mm_fault(), __handle_mm_fault()
 * @holds the VMA lock (FAULT_FLAG_VMA_LOCK) or mmap_lock, for reading
 * @returns VM_FAULT_RETRY: the VMA lock is gone, come back with mmap_lock. An error, or VM_FAULT_DONE
 */
export function* handleMmFault(k: Kernel, vma: Vma, address: Vpn, flags: FaultFlags): Routine<VmFaultReason> {
  const vmf: VmFault = record({ vma, address, flags, order: 0, origPmd: ENTRY_NONE, origPte: ENTRY_NONE, pte: NONE });
  const mm: Mm = k.vma.mm.get(vma);
  yield at("pmdp_get_lockless");
  rcuReadLock(k);
  vmf.origPmd = pmdpGetLockless(k, mm, vmf.address);
  if (pmdTable(vmf.origPmd)) return yield* handlePteFault(k, vmf);
  rcuReadUnlock(k);
  if (pmdMigration(vmf.origPmd)) {
    yield* pmdMigrationEntryWait(k, mm, vmf.address);
    return VM_FAULT_DONE;
  }
  vmf.order = k.param.hpagePmdOrder.get();
  if (pmdTransHuge(vmf.origPmd)) {
    if ((vmf.flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) === 0 || entryHas(vmf.origPmd, WRITE)) {
      yield* hugePmdSetAccessed(k, vmf);
      return VM_FAULT_DONE;
    }
    const copied: VmFaultReason = yield* doHugePmdWpPage(k, vmf);
    if (copied !== VM_FAULT_FALLBACK) return copied;
  } else {
    if (k.param.grainKnobs.get() !== 0) yield at("thp_vma_allowable_order");
    if (!thpVmaAllowableOrder(k, vmf.vma, TVA_PAGEFAULT)) return yield* doAnonymousPage(k, vmf);
    const huge: VmFaultReason = yield* doHugePmdAnonymousPage(k, vmf);
    if (huge !== VM_FAULT_FALLBACK) return huge;
  }
  yield at("pte_offset_map");
  rcuReadLock(k);
  vmf.origPmd = pmdpGetLockless(k, mm, vmf.address);
  if (pmdTable(vmf.origPmd)) return yield* handlePteFault(k, vmf);
  rcuReadUnlock(k);
  // It is huge by now: the access is tried again.
  if (!pmdNone(vmf.origPmd)) return VM_FAULT_DONE;
  return yield* doAnonymousPage(k, vmf);
}

/**
 * A fault where there is a table of PTEs.
 *
 * The table's lock is taken without reading the PMD again (pte_offset_map_rw_nolock()), though MADV_DONTNEED may have
 * freed the table meanwhile (`param.ptReclaim`). Only an empty table is freed, and RCU keeps it from being reused
 * until its lock is held here. Then pte_same() tells: the entry that must be found again is not none, so a table that
 * has it is live, and its lock keeps it.
 *
 * @kernel mm/memory.c handle_pte_fault()
 * @holds RCU, which ends here, besides what handle_mm_fault() holds
 */
function* handlePteFault(k: Kernel, vmf: VmFault): Routine<VmFaultReason> {
  vmf.pte = entryTarget(vmf.origPmd);
  yield at("ptep_get_lockless");
  vmf.origPte = ptepGetLockless(k, vmf.pte, pteIndex(k, vmf.address));
  if (pteNone(vmf.origPte)) {
    rcuReadUnlock(k);
    return yield* doAnonymousPage(k, vmf);
  }
  if (!ptePresent(vmf.origPte)) {
    rcuReadUnlock(k);
    if (hasSwap(k) && pteSwap(vmf.origPte)) return yield* doSwapPage(k, vmf);
    yield* migrationEntryWait(k, k.vma.mm.get(vmf.vma), vmf.address);
    return VM_FAULT_DONE;
  }
  yield* spinLock(k, ptlOf(k, vmf.pte));
  const same: boolean = k.ptTable.pte.get(vmf.pte, pteIndex(k, vmf.address)) === vmf.origPte;
  // RCU ends only now: leaving it may free a table that is no longer live.
  if (!same) spinUnlock(k, ptlOf(k, vmf.pte));
  rcuReadUnlock(k);
  if (!same) return VM_FAULT_DONE;
  if ((vmf.flags & (FAULT_FLAG_WRITE | FAULT_FLAG_UNSHARE)) !== 0 && !entryHas(vmf.origPte, WRITE)) return yield* doWpPage(k, vmf);
  // x86 leaves the accessed bit to the hardware, and stores only to make the entry dirty: arch/x86/mm/pgtable.c ptep_set_access_flags()
  if ((vmf.flags & FAULT_FLAG_WRITE) !== 0) {
    yield at("ptep_set_access_flags");
    setPteAt(k, vmf.pte, pteIndex(k, vmf.address), vmf.origPte | YOUNG | DIRTY);
  }
  spinUnlock(k, ptlOf(k, vmf.pte));
  return VM_FAULT_DONE;
}
