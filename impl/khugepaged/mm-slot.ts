/**
 * khugepaged's list of address spaces: mm_slots. Each holds a reference to its mm; MMF_VM_HUGEPAGE says that there is
 * one, or that there is about to be.
 *
 * The kernel scans in the order of registration, new ones last. Here the list is a set, in the order of the mms'
 * numbers. So a slot that registers during a pass may be scanned in this pass or in the next, like one that registers
 * a little earlier or later. With the grain `slots` it is the kernel's list (`mm-slot-list.ts`). Not covered: no memory for a slot.
 */
import { at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { mmdrop, mmgrab } from "../mm-refs.ts";
import { TVA_KHUGEPAGED, thpVmaAllowableOrderWith, thpVmaCollapsibleOrders } from "../huge-memory/eligibility.ts";
import { mmapWriteLock, mmapWriteUnlock } from "../locking/mmap-lock.ts";
import type { Kernel } from "../mm-types.ts";
import { MMF_VM_HUGEPAGE_BIT } from "../structs/mm.ts";
import type { Mm, VmFlags, Vma } from "../structs/types.ts";
import { VM_HUGEPAGE, VM_NOHUGEPAGE } from "../structs/vma.ts";
import { hasMthpCollapse, isMthpV10 } from "./collapse-window.ts";
import { hugepageEnabled } from "./hugepage-enabled.ts";
import { slotAdd, slotDelete } from "./mm-slot-list.ts";
import { collapseTestExit } from "./suitability.ts";

/**
 * Registers the mm of a VMA that may have huge pages. This costs no step if the mm is registered already: it stays
 * registered as long as it has users. If it is not, the flag is tested again when it is set.
 * @kernel mm/khugepaged.c khugepaged_enter_vma()
 * @holds mmap_lock, or the VMA lock
 */
export function* khugepagedEnterVma(k: Kernel, vma: Vma): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  yield at("test_bit(MMF_VM_HUGEPAGE)");
  if (registered(k, mm)) return;
  yield at("thp_vma_allowable_order");
  const allowable: boolean = maySucceedIn(k, vma, k.vma.flags.get(vma));
  if (!allowable) return;
  yield* khugepagedEnter(k, k.vma.mm.get(vma));
}

/**
 * MADV_HUGEPAGE registers the mm before the VMA gets its flag. It judges the VMA as if it had the flag already, and
 * as large as it is now, though the advice may be for a part of it, or cutting off that part may fail.
 * @kernel mm/khugepaged.c hugepage_madvise()
 * @holds mmap_lock for writing
 */
export function* hugepageMadvise(k: Kernel, vma: Vma): Routine {
  yield at("test_bit(MMF_VM_HUGEPAGE)");
  if (registered(k, k.vma.mm.get(vma))) return;
  yield at("thp_vma_allowable_order");
  const allowable: boolean = maySucceedIn(k, vma, (k.vma.flags.get(vma) & ~VM_NOHUGEPAGE) | VM_HUGEPAGE);
  if (allowable) yield* khugepagedEnter(k, k.vma.mm.get(vma));
}

/**
 * A child scans as its parent does.
 * @kernel include/linux/khugepaged.h khugepaged_fork()
 * @holds mmap_lock of both for writing
 */
export function* khugepagedFork(k: Kernel, mm: Mm, oldmm: Mm): Routine {
  yield at("test_bit(MMF_VM_HUGEPAGE)");
  if (registered(k, oldmm)) yield* khugepagedEnter(k, mm);
}

/** khugepaged may make a folio of some size in a VMA with these flags. @kernel mm/khugepaged.c collapse_possible() */
function maySucceedIn(k: Kernel, vma: Vma, flags: VmFlags): boolean {
  if (isMthpV10(k) && !hugepageEnabled(k)) return false;
  if (hasMthpCollapse(k)) return thpVmaCollapsibleOrders(k, vma, flags) !== 0;
  return thpVmaAllowableOrderWith(k, vma, flags, TVA_KHUGEPAGED);
}

function registered(k: Kernel, mm: Mm): boolean {
  return k.mm.flags.has(mm, MMF_VM_HUGEPAGE_BIT);
}

/** @kernel mm/khugepaged.c __khugepaged_enter() @holds a user of the mm */
function* khugepagedEnter(k: Kernel, mm: Mm): Routine {
  yield at("MMF_VM_HUGEPAGE");
  vmBugOn(collapseTestExit(k, mm), "khugepaged: an address space registers that has no users");
  if (registered(k, mm)) return;
  k.mm.flags.insert(mm, MMF_VM_HUGEPAGE_BIT);
  yield* spinLock(k, k.khugepaged.lock.at());
  k.khugepaged.slots.insert(mm);
  if (k.param.grainSlots.get() !== 0) slotAdd(k, mm);
  emit(k, EV.MM_REGISTER, mm);
  spinUnlock(k, k.khugepaged.lock.at());
  // Until the slot has its own reference, the caller's keeps the mm.
  yield at("mmgrab");
  mmgrab(k, mm);
}

/**
 * An address space is about to be torn down. If khugepaged is at work on it, this waits until khugepaged has let go
 * of the page tables. khugepaged looks for users under mmap_lock. So once this thread has had that lock for writing,
 * khugepaged has either finished or will see that there are none. Then khugepaged frees the slot.
 * @kernel mm/khugepaged.c khugepaged_exit(), __khugepaged_exit()
 * @holds a reference to the mm, which has no users
 */
export function* khugepagedExit(k: Kernel, mm: Mm): Routine {
  yield at("test_bit(MMF_VM_HUGEPAGE)");
  if (!registered(k, mm)) return;
  yield* spinLock(k, k.khugepaged.lock.at());
  const listed: boolean = k.khugepaged.slots.has(mm);
  const free: boolean = listed && k.khugepaged.cursorMm.get() !== mm;
  if (free) removeSlot(k, mm);
  spinUnlock(k, k.khugepaged.lock.at());
  if (free) {
    yield at("clear_bit(MMF_VM_HUGEPAGE)");
    k.mm.flags.remove(mm, MMF_VM_HUGEPAGE_BIT);
    yield* mmdrop(k, mm);
  } else if (listed) {
    yield* mmapWriteLock(k, mm);
    yield* mmapWriteUnlock(k, mm);
  }
}

/**
 * Frees the slot that the cursor has left, if its mm has no users any more; else it stays on the list.
 * @kernel mm/khugepaged.c collect_mm_slot()
 * @holds khugepaged_mm_lock
 */
export function* collectMmSlot(k: Kernel, mm: Mm): Routine {
  if (!collapseTestExit(k, mm)) return;
  yield at("hash_del");
  removeSlot(k, mm);
  // The kernel does not clear the flag, because nobody reads the flags of such an mm any more.
  yield at("clear_bit(MMF_VM_HUGEPAGE)");
  k.mm.flags.remove(mm, MMF_VM_HUGEPAGE_BIT);
  yield* mmdrop(k, mm);
}

/** @holds khugepaged_mm_lock */
function removeSlot(k: Kernel, mm: Mm): void {
  k.khugepaged.slots.remove(mm);
  if (k.param.grainSlots.get() !== 0) slotDelete(k, mm);
  emit(k, EV.MM_UNREGISTER, mm);
}
