/**
 * mprotect(): mm/mprotect.c.
 *
 * The VMA gets its flags first. Then the entries of its range get the protection that follows from the flags.
 * Translations that permit more are flushed at the end, before mmap_lock is released. In a writable private VMA,
 * entries of exclusive pages become writable at once, so that the next store does not fault.
 */
import { NONE, at, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { EINVAL, ENOMEM } from "./errno.ts";
import { folioPteBatchRespectWrite } from "./folio-pte-batch.ts";
import {
  canChangeWritable, changeHugePmd, entryModify, entryNeedsFlush, mayChangeWritable,
} from "./huge-memory/change.ts";
import { vmaStartWrite } from "./locking/mmap-lock.ts";
import { tlbFinishMmu, tlbFlushRange, tlbGatherMmu } from "./mmu-gather.ts";
import { readableExclusiveMigrationEntry, softleafToFolio } from "./migration-entry.ts";
import type { Kernel } from "./mm-types.ts";
import type { Entry, Errno, Mm, Table, VmFlags, Vma, Vpn } from "./structs/types.ts";
import { VM_READ, VM_WRITE } from "./structs/vma.ts";
import {
  DIRTY, ENTRY_NONE, WRITE, YOUNG, isZeroPte, hpageAddress, pmdMigration, pmdNone, pmdTransHuge, pteIndex, pteMigration,
  mkEntry, ptePresent, setPteAt,
} from "./pgtable.ts";
import { pmdpGetLockless, pteOffsetMapLock, ptlOf } from "./pgtable-generic.ts";
import { flushTlbBatchedPending } from "./tlb-batch.ts";
import { findVma, vmaLookup } from "./vma-tree.ts";
import { vmaModifyFlags } from "./vma.ts";

/**
 * Gives the pages start..end - 1 the protection `prot`: a subset of VM_READ and VM_WRITE.
 *
 * @kernel mm/mprotect.c do_mprotect_pkey()
 * @holds mmap_lock for writing
 * @returns 0; -ENOMEM: no memory, or part of the range is not mapped, and what lies before it is changed; -EINVAL
 */
export function* doMprotect(k: Kernel, mm: Mm, start: Vpn, end: Vpn, prot: VmFlags): Routine<Errno> {
  if ((prot & ~(VM_READ | VM_WRITE)) !== 0 || start > end) return -EINVAL;
  if (start === end) return 0;
  if (end > k.param.vpnMax.get()) return -ENOMEM;
  let vma: Vma = vmaLookup(k, mm, start);
  if (vma === NONE) return -ENOMEM;
  let err: Errno = 0;
  tlbGatherMmu(k);
  let addr: Vpn = start;
  while (addr < end) {
    // The VMAs must follow one another without a hole.
    if (vma === NONE || k.vma.start.get(vma) > addr) {
      err = -ENOMEM;
      break;
    }
    const until: Vpn = k.vma.end.get(vma) < end ? k.vma.end.get(vma) : end;
    const flags: VmFlags = (k.vma.flags.get(vma) & ~(VM_READ | VM_WRITE)) | prot;
    err = yield* mprotectFixup(k, vma, addr, until, flags);
    if (err !== 0) break;
    addr = until;
    vma = findVma(k, mm, addr);
  }
  yield* tlbFinishMmu(k, mm);
  return err;
}

/** Changes one VMA. @kernel mm/mprotect.c mprotect_fixup() @holds mmap_lock for writing; a gather is open */
function* mprotectFixup(k: Kernel, vma: Vma, start: Vpn, end: Vpn, flags: VmFlags): Routine<Errno> {
  if (flags === k.vma.flags.get(vma)) return 0;
  const mine: Vma = yield* vmaModifyFlags(k, vma, start, end, flags);
  if (mine === NONE) return -ENOMEM;
  yield* vmaStartWrite(k, mine);
  yield at("vm_flags_reset_once");
  k.vma.flags.set(mine, flags);
  yield* changeProtection(k, mine, start, end);
  return 0;
}

/**
 * Brings the entries of start..end - 1 in line with the VMA's flags.
 *
 * @kernel mm/mprotect.c change_protection(), change_pmd_range()
 * @holds mmap_lock and the VMA lock for writing; a gather is open
 */
function* changeProtection(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine {
  const h = k.param.hpagePmdNr.get();
  let addr: Vpn = start;
  while (addr < end) {
    const rangeEnd = hpageAddress(k, addr) + h;
    const next: Vpn = rangeEnd < end ? rangeEnd : end;
    let done: boolean = false;
    while (!done) done = yield* changePmd(k, vma, addr, next);
    addr = next;
  }
}

/**
 * One look at the PMD, and what follows from it. A walk of the reverse map holds none of our locks: what was a huge PMD
 * can be a table by now, or, by the reclaim of `param.lazyfreePmdDiscard`, nothing.
 *
 * @kernel mm/mprotect.c change_pmd_range(), from `again`
 * @holds mmap_lock and the VMA lock for writing; a gather is open
 * @returns false: look again
 */
function* changePmd(k: Kernel, vma: Vma, addr: Vpn, next: Vpn): Routine<boolean> {
  yield at("pmdp_get_lockless");
  const pmd: Entry = pmdpGetLockless(k, k.vma.mm.get(vma), addr);
  if (pmdNone(pmd)) return true;
  if (pmdTransHuge(pmd) || pmdMigration(pmd)) {
    // Only userfaultfd changes the protection of less than a VMA.
    const partial = next - addr !== k.param.hpagePmdNr.get();
    vmBugOn(partial, "mprotect: a huge page lies across the end of the range, though the area was cut there");
    const changed: boolean = yield* changeHugePmd(k, vma, addr);
    if (changed) return true;
  }
  return yield* changePteRange(k, vma, addr, next);
}

/**
 * @kernel mm/mprotect.c change_pte_range(), change_present_ptes(); include/linux/pgtable.h modify_prot_start_ptes()
 * @holds mmap_lock and the VMA lock for writing; a gather is open
 * @returns false: there is no table any more (the kernel's -EAGAIN)
 */
function* changePteRange(k: Kernel, vma: Vma, start: Vpn, end: Vpn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  const table: Table = yield* pteOffsetMapLock(k, mm, start);
  if (table === NONE) return false;
  yield* flushTlbBatchedPending(k, mm);
  let vpn: Vpn = start;
  while (vpn < end) {
    const seen: Entry = k.ptTable.pte.get(table, pteIndex(k, vpn));
    let nr: Vpn = 1;
    if (ptePresent(seen)) {
      nr = yield* mprotectFolioPteBatch(k, table, vpn, end, seen);
      // Exchanged one by one, since hardware and GUP-fast look without the lock: what the hardware set until then counts, in one of
      // them for all. They are none until they are set again.
      let entry: Entry = seen & ~(DIRTY | YOUNG);
      for (let i: Vpn = 0; i < nr; i++) {
        yield at("ptep_modify_prot_start");
        entry = entry | (k.ptTable.pte.xchg(table, pteIndex(k, vpn + i), ENTRY_NONE) & (DIRTY | YOUNG));
      }
      for (let i: Vpn = 0; i < nr; i++) {
        let after: Entry = entryModify(entry, k.vma.flags.get(vma)) + mkEntry(i, 0);
        if (mayChangeWritable(after, k.vma.flags.get(vma))) {
          yield at("PageAnonExclusive");
          if (canChangeWritable(k, after, k.vma.flags.get(vma))) after = after | WRITE;
        }
        if (entryNeedsFlush(entry, after - mkEntry(i, 0))) tlbFlushRange(k, vpn + i, vpn + i + 1);
        yield at("ptep_modify_prot_commit");
        setPteAt(k, table, pteIndex(k, vpn + i), after);
      }
    } else if (pteMigration(seen)) {
      if (k.param.grainMigration.get() !== 0) yield* softleafToFolio(k, seen);
      const after = readableExclusiveMigrationEntry(k, seen);
      if (after !== seen) setPteAt(k, table, pteIndex(k, vpn), after);
    }
    vpn += nr;
    if (vpn < end && seen !== ENTRY_NONE) yield at("change_pte_range: pte");
  }
  spinUnlock(k, ptlOf(k, table));
  return true;
}

/**
 * Entries from `vpn` on that are changed together: of one folio, all writable or all not.
 * One by one before `param.mprotectByBatch`.
 * @kernel mm/mprotect.c mprotect_folio_pte_batch()
 * @holds the table's lock
 */
function* mprotectFolioPteBatch(k: Kernel, table: Table, vpn: Vpn, end: Vpn, first: Entry): Routine<Vpn> {
  if (k.param.mprotectByBatch.get() === 0 || isZeroPte(k, first)) return 1;
  return yield* folioPteBatchRespectWrite(k, table, pteIndex(k, vpn), end - vpn, first);
}
