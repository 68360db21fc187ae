/**
 * Failures are judged here: a call that nothing stands in the way of does what it is for (F1, spec/enumerations.ts). Of the
 * specification: no kernel routine decides anything by it.
 *
 * A cause is visible in the step in which a call gives up, or it was seen before by the same call and may be gone by then.
 * Those of the second kind are noted when they are met: a pin, which stops the walk of a split (S5) long before the freeze
 * fails; a PMD that was set behind the walk, which had read it as none and waited for its lock (the first fault of a new huge
 * page counts the mapping before it sets the entry); and a shortage of memory or room.
 *
 * A judgement looks at the state with its own eyes. It does not ask the counter, flag or comparison that the routine has
 * asked, where there is another way to know.
 */
import { current } from "thpcheck";
import { LOST_DISCARD, LOST_MIGRATION, LOST_MOVE, LOST_SPLIT } from "../spec/enumerations.ts";
import { vmBugOn } from "./bug.ts";
import { EAGAIN, EBUSY, ENOMEM } from "./errno.ts";
import type { Kernel } from "./mm-types.ts";
import { folioNrPages } from "./page-flags.ts";
import { folioCacheRefCount } from "./page-ref.ts";
import { entryHas, entryTarget, MIGRATION, pmdNone, pmdTable, pmdTransHuge, pteMigration, pteNone } from "./pgtable.ts";
import { mapcountOf, pinsOf } from "./refcount/scheme.ts";
import type { Mm, Pfn, Vpn } from "./structs/types.ts";

/** Bits of `cpu.causes`. */
const PIN_SEEN = 0;
const MOVES = 1;
const SHORTAGE_SEEN = 2;
const MAPPING_MISSED = 3;

/**
 * The call lost its function unless there is a cause. `detail`: its result, for the trace. Always true: judgements stand in
 * assertions, so that what they read is no access of the calling routine.
 * @model judges a failure
 */
export function judged(k: Kernel, cause: boolean, what: number, detail: number): boolean {
  if (cause) return true;
  k.lost.detail.set(detail);
  k.lost.what.set(what);
  return true;
}
/** @model what the assertions around judgements say, which never fail */
export const JUDGED = "lost function: a failure cannot be judged";

// ---- splits ----------------------------------------------------------------------------------------------------

/** What a split of before has met counts no longer: one begins on this CPU, or ends. @model bounds what is noted */
export function splitForgets(k: Kernel): void {
  k.cpu.causes.remove(current(k), PIN_SEEN);
  k.cpu.causes.remove(current(k), MAPPING_MISSED);
}

/**
 * The walk has read the PMD as none, and has waited for its lock. It goes on to the next range, whatever is there now.
 * @holds the PMD lock
 * @model notes a cause
 */
export function noteMissedMapping(k: Kernel, folio: Pfn, mm: Mm, vpn: Vpn): void {
  const pmd = k.mm.pmd.once(mm, Math.floor(vpn / k.param.hpagePmdNr.get()));
  if (pmdTransHuge(pmd) && entryTarget(pmd) === folio) k.cpu.causes.insert(current(k), MAPPING_MISSED);
}

/** The folio may be pinned: who wants its mappings away gives up. @model notes a cause */
export function pinIsSeen(k: Kernel, folio: Pfn): void {
  vmBugOn(pinsOf(k, folio) === 0, "lost function: a folio that nobody has pinned is treated as pinned");
  k.cpu.causes.insert(current(k), PIN_SEEN);
}

/**
 * The references that a split expects besides its own are those of the mappings: the comparison that follows is with these.
 * @model judges a comparison
 */
export function judgeExpected(k: Kernel, folio: Pfn, expected: number): void {
  vmBugOn(!judged(k, expected === mapcountOf(k, folio) + folioCacheRefCount(k, folio), LOST_SPLIT, -EAGAIN), JUDGED);
}

/**
 * The early comparison has failed: somebody else has a reference, or mappings have come or gone since they were counted, or
 * somebody is splitting a PMD of the folio: for a moment there are PTE mappings and the PMD mapping, and a reference less.
 * @model judges a failure
 */
export function judgeEarlyFailure(k: Kernel, folio: Pfn, expected: number): void {
  vmBugOn(!judged(k, foreignReference(k, folio) || mappingsChange(k, folio, expected), LOST_SPLIT, -EAGAIN), JUDGED);
}

function mappingsChange(k: Kernel, folio: Pfn, expected: number): boolean {
  return mapcountOf(k, folio) + folioCacheRefCount(k, folio) !== expected || (k.page.refcount.get(folio) - 1 < expected && anyPmdLock(k));
}

function anyPmdLock(k: Kernel): boolean {
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.pmdLock.isHeld(mm)) return true;
  return false;
}

/** The freeze has failed. A mapping that is left is no cause, unless a pin has kept it. @model judges a failure */
export function judgeFreezeFailure(k: Kernel, folio: Pfn): void {
  vmBugOn(!judged(k, foreignReference(k, folio) || wasStopped(k), LOST_SPLIT, -EAGAIN), JUDGED);
}

function wasStopped(k: Kernel): boolean {
  return k.cpu.causes.has(current(k), PIN_SEEN) || k.cpu.causes.has(current(k), MAPPING_MISSED);
}

/** There is no anon_vma to lock. @model judges a failure */
export function judgeUnmapped(k: Kernel, folio: Pfn): void {
  vmBugOn(!judged(k, mapcountOf(k, folio) === 0, LOST_SPLIT, -EBUSY), JUDGED);
}

/** Besides the caller's, those of the mappings, and of the swap cache. */
function foreignReference(k: Kernel, folio: Pfn): boolean {
  return k.page.refcount.get(folio) > 1 + mapcountOf(k, folio) + folioCacheRefCount(k, folio);
}

// ---- migration entries -----------------------------------------------------------------------------------------

/**
 * The walk that maps the folio again is at its end: no entry stands for one of its pages any more. An entry that was copied
 * or moved meanwhile has been met at its new place: the walk's order sees to that (anon-vma.ts).
 * @holds folio lock, anon_vma lock for writing
 * @model judges an outcome
 */
export function judgeMappedAgain(k: Kernel, folio: Pfn): void {
  vmBugOn(!judged(k, !migrationEntryLeft(k, folio, folio + folioNrPages(k, folio)), LOST_MIGRATION, folio), JUDGED);
}

/** An entry stands for one of the pages first..end - 1. @model asked in assertions */
export function migrationEntryLeft(k: Kernel, first: Pfn, end: Pfn): boolean {
  for (let mm = 0; mm < k.mm.count; mm++) for (let p = 0; p < k.param.hugeRanges.get(); p++) {
    const pmd = k.mm.pmd.once(mm, p);
    if (entryHas(pmd, MIGRATION) && entryTarget(pmd) >= first && entryTarget(pmd) < end) return true;
    if (!pmdTable(pmd)) continue;
    for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
      const pte = k.ptTable.pte.once(entryTarget(pmd), i);
      if (pteMigration(pte) && entryTarget(pte) >= first && entryTarget(pte) < end) return true;
    }
  }
  return false;
}

// ---- moves -----------------------------------------------------------------------------------------------------

/** mremap() begins on this CPU. @model what is short from now on is noted */
export function moveBegins(k: Kernel): void {
  k.cpu.causes.insert(current(k), MOVES);
}

/** An allocation has failed, or there are as many areas as there may be. @model notes a cause */
export function shortageIsSeen(k: Kernel): void {
  if (k.cpu.causes.has(current(k), MOVES)) k.cpu.causes.insert(current(k), SHORTAGE_SEEN);
}

/** So many pages fit nowhere between the areas. @holds mmap_lock for writing @model notes a cause */
export function noRoomIsSeen(k: Kernel, mm: Mm, pages: number): void {
  vmBugOn(!roomIsJudged(k, !fitsSomewhere(k, mm, pages)), JUDGED);
}

/** The address space ends behind `start`, or there is an area before `end`. @holds mmap_lock for writing @model notes a cause */
export function noRoomBehindIsSeen(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  vmBugOn(!roomIsJudged(k, end > k.param.vpnMax.get() || isTaken(k, mm, start, end)), JUDGED);
}

function roomIsJudged(k: Kernel, lacks: boolean): boolean {
  if (lacks) k.cpu.causes.insert(current(k), SHORTAGE_SEEN);
  return true;
}

function fitsSomewhere(k: Kernel, mm: Mm, pages: number): boolean {
  for (let start = 0; start + pages <= k.param.vpnMax.get(); start++) if (!isTaken(k, mm, start, start + pages)) return true;
  return false;
}

function isTaken(k: Kernel, mm: Mm, start: Vpn, end: Vpn): boolean {
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) === mm && !k.vma.detached.get(vma) && k.vma.start.get(vma) < end && k.vma.end.get(vma) > start) return true;
  }
  return false;
}

/** mremap() returns: an address, or an error. @model judges a failure */
export function moveEnds(k: Kernel, result: number): void {
  vmBugOn(!judged(k, result !== -ENOMEM || k.cpu.causes.has(current(k), SHORTAGE_SEEN), LOST_MOVE, result), JUDGED);
  k.cpu.causes.remove(current(k), MOVES);
  k.cpu.causes.remove(current(k), SHORTAGE_SEEN);
}

/**
 * Everything has moved: nothing is mapped at the old addresses. Faults are locked out.
 * @holds mmap_lock and the VMA lock for writing
 * @model judges an outcome
 */
export function judgeMoved(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  vmBugOn(!judged(k, isEmpty(k, mm, start, end), LOST_MOVE, 0), JUDGED);
}

function isEmpty(k: Kernel, mm: Mm, start: Vpn, end: Vpn): boolean {
  const h = k.param.hpagePmdNr.get();
  for (let vpn = start; vpn < end; vpn++) {
    const pmd = k.mm.pmd.once(mm, Math.floor(vpn / h));
    if (pmdTable(pmd) ? !pteNone(k.ptTable.pte.once(entryTarget(pmd), vpn % h)) : !pmdNone(pmd)) return false;
  }
  return true;
}

// ---- discards --------------------------------------------------------------------------------------------------

/**
 * A discard has been through these addresses: nothing is mapped there, and no entry stands for a page. MADV_DONTNEED asks of
 * the entries of one table, or of one huge PMD, in the step that releases their lock: after it a fault may map new memory.
 * munmap() and the end of an address space, which no fault gets beside, ask of each area as a whole.
 *
 * There is no cause that would excuse. What a load may see after the call has returned is P20, user-memory.ts.
 * @holds the page-table lock; or mmap_lock, and nobody finds the area
 * @model judges an outcome
 */
export function judgeDiscarded(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  vmBugOn(!judged(k, isEmpty(k, mm, start, end), LOST_DISCARD, start), JUDGED);
}
