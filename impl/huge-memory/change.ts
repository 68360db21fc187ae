/**
 * Huge PMDs under changes of their VMA: its protection (mprotect), its address (mremap), its boundaries.
 *
 * All three hold mmap_lock and the VMA lock for writing, so that no fault of the VMA runs; rmap walks, GUP-fast and the
 * hardware go on meanwhile.
 */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { vmBugOn } from "../bug.ts";
import { tlbFlushRange } from "../mmu-gather.ts";
import { readableExclusiveMigrationEntry } from "../migration-entry.ts";
import type { Kernel } from "../mm-types.ts";
import type { Entry, Mm, Vma, Vpn } from "../structs/types.ts";
import { VM_WRITE } from "../structs/vma.ts";
import {
  DIRTY, ENTRY_NONE, LEAF, PRESENT, PROTNONE, SPECIAL, WRITE, YOUNG, entryHas, entryTarget, entryZeroPage,
  hpageAddress, hpageAligned, mkEntry, pmdIndex, pmdMigration, pmdNone, pmdPresent, pmdTransHuge, vmPageProt,
} from "../pgtable.ts";
import {
  pgtableTransHugeDeposit, pgtableTransHugeWithdraw, pmdLockptr, pmdPage, pmdpGet, pmdpGetLockless, setPmdAt, tableDisown,
} from "../pgtable-generic.ts";
import { flushTlbRange } from "../tlb.ts";
import { splitHugePmd } from "./split-pmd.ts";

/**
 * A present entry with the protection of a VMA: not writable yet.
 * @kernel arch/x86/include/asm/pgtable.h pte_modify(), pmd_modify()
 */
export function entryModify(e: Entry, vmFlags: number): Entry {
  return mkEntry(entryTarget(e), (e & (DIRTY | YOUNG | SPECIAL | LEAF)) | vmPageProt(vmFlags));
}

/**
 * Whether a translation of the old entry may permit what the new entry does not.
 * @kernel arch/x86/include/asm/tlbflush.h pte_needs_flush(), huge_pmd_needs_flush()
 */
export function entryNeedsFlush(before: Entry, after: Entry): boolean {
  if (!entryHas(before, PRESENT)) return false;
  const changed = before ^ after;
  return (changed & (WRITE | PRESENT | PROTNONE)) !== 0 || (changed & before & (DIRTY | YOUNG)) !== 0;
}

/** Whether the page has to be asked for that. @kernel mm/mprotect.c maybe_change_pte_writable() */
export function mayChangeWritable(e: Entry, vmFlags: number): boolean {
  return (vmFlags & VM_WRITE) !== 0 && !entryHas(e, PROTNONE) && !entryZeroPage(e);
}

/**
 * Whether the entry can be made writable without a fault: the page is anonymous and exclusive to this mapping.
 * @kernel mm/huge_memory.c can_change_pmd_writable(), mm/mprotect.c can_change_pte_writable()
 * @holds the page-table lock
 */
export function canChangeWritable(k: Kernel, e: Entry, vmFlags: number): boolean {
  if (!mayChangeWritable(e, vmFlags)) return false;
  return k.page.anonExclusive.get(entryTarget(e));
}

/**
 * Gives a huge PMD the protection that its VMA now has. The entry never becomes none on the way, since a zap that
 * holds mmap_lock for reading would take that for "nothing mapped".
 *
 * @kernel mm/huge_memory.c change_huge_pmd()
 * @holds mmap_lock and the VMA lock for writing; a gather is open on this CPU
 * @returns false: the PMD is no longer huge, go on with its PTEs
 */
export function* changeHugePmd(k: Kernel, vma: Vma, addr: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  const there = pmdpGet(k, mm, addr);
  if (!pmdMigration(there) && !pmdTransHuge(there)) {
    spinUnlock(k, pmdLockptr(k, mm));
    return false;
  }
  // The hardware sets accessed and dirty bits without the lock: the entry is exchanged, not read and later stored.
  yield at("pmdp_invalidate_ad");
  const before = pmdpGet(k, mm, addr);
  const migration = pmdMigration(before);
  const flags = k.vma.flags.get(vma);
  let after = migration ? readableExclusiveMigrationEntry(k, before) : entryModify(before, flags);
  if (!migration && canChangeWritable(k, after, flags)) after |= WRITE;
  if (after !== before) setPmdAt(k, mm, addr, after);
  if (!migration && entryNeedsFlush(before, after)) tlbFlushRange(k, addr, addr + k.param.hpagePmdNr.get());
  spinUnlock(k, pmdLockptr(k, mm));
  return true;
}

/**
 * Moves a huge PMD to another address. Its deposited table goes along if the new address is in another page of PMDs.
 * The old translations are flushed before the lock is dropped. Else a reverse-map walk could find the page at its new
 * address and clean and write-protect it there, while a CPU still writes through the old translation.
 *
 * @kernel mm/huge_memory.c move_huge_pmd()
 * @holds mmap_lock and both VMA locks for writing; anon_vma for writing if rmap walks may meet the addresses in the wrong order
 * @returns false: there is something at the new address, or the PMD is no longer huge
 */
export function* moveHugePmd(k: Kernel, vma: Vma, oldAddr: Vpn, newAddr: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  // Stable without the lock: only a fault fills an empty entry, and faults are locked out.
  yield at("move_huge_pmd: pmd_none");
  const there: Entry = pmdpGetLockless(k, mm, newAddr);
  vmBugOn(pmdTransHuge(there), "huge-memory: move_huge_pmd finds a huge page at the new address");
  if (!pmdNone(there)) return false;
  // All PMDs of an mm have one lock here, so there is no nesting of the new PMD's lock in the old one's.
  yield* spinLock(k, pmdLockptr(k, mm));
  const held = pmdpGet(k, mm, oldAddr);
  if (!pmdTransHuge(held) && !pmdMigration(held)) {
    spinUnlock(k, pmdLockptr(k, mm));
    return false;
  }
  vmBugOn(!pmdNone(pmdpGet(k, mm, newAddr)), "huge-memory: somebody mapped the destination of move_huge_pmd");
  yield at("pmdp_huge_get_and_clear");
  const pmd: Entry = k.mm.pmd.xchg(mm, pmdIndex(k, oldAddr), ENTRY_NONE);
  emit(k, EV.PMD_CLEAR, mm, pmdIndex(k, oldAddr), NONE);
  // For a moment neither address maps the page: a lockless walk finds nothing at either.
  yield at("set_pmd_at");
  if (pmdPage(k, oldAddr) !== pmdPage(k, newAddr)) moveDeposit(k, mm, oldAddr, newAddr);
  setPmdAt(k, mm, newAddr, pmd);
  if (entryZeroPage(pmd)) emit(k, EV.PMD_SET_HUGE_ZERO, mm, pmdIndex(k, newAddr));
  else emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, newAddr), entryTarget(pmd));
  if (pmdPresent(pmd)) yield* flushTlbRange(k, mm, oldAddr, oldAddr + k.param.hpagePmdNr.get());
  spinUnlock(k, pmdLockptr(k, mm));
  return true;
}

/**
 * The table that is put aside for a huge PMD goes with it into another page of PMDs.
 * @kernel mm/huge_memory.c pmd_move_must_withdraw()
 * @holds the PMD lock
 */
function moveDeposit(k: Kernel, mm: Mm, oldAddr: Vpn, newAddr: Vpn): void {
  const table = pgtableTransHugeWithdraw(k, mm, oldAddr);
  pgtableTransHugeDeposit(k, mm, newAddr, table);
  tableDisown(k, table);
}

/**
 * `vma` is about to become start..end, and `next`, if any, to begin at `end`. Splits the huge PMDs that these
 * boundaries would cut. A huge PMD must always lie inside one VMA, so this comes before the boundaries change. It
 * cannot fail.
 *
 * @kernel mm/huge_memory.c vma_adjust_trans_huge()
 * @holds mmap_lock, the VMA locks and the anon_vma for writing
 */
export function* vmaAdjustTransHuge(k: Kernel, vma: Vma, start: Vpn, end: Vpn, next: Vma): Routine {
  if (cutsHugeRange(k, vma, start)) yield* splitHugePmd(k, vma, start, false);
  if (cutsHugeRange(k, vma, end)) yield* splitHugePmd(k, vma, end, false);
  if (next !== NONE && cutsHugeRange(k, next, end)) yield* splitHugePmd(k, next, end, false);
}

/**
 * Whether a boundary at `addr` cuts a huge range that lies inside the VMA as it is now.
 * @kernel mm/huge_memory.c split_huge_pmd_if_needed()
 */
function cutsHugeRange(k: Kernel, vma: Vma, addr: Vpn): boolean {
  const first = hpageAddress(k, addr);
  return !hpageAligned(k, addr) && k.vma.start.get(vma) <= first && first + k.param.hpagePmdNr.get() <= k.vma.end.get(vma);
}
