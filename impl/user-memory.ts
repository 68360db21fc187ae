/**
 * User-visible memory: what a load may return. The strongest promise of this kernel, kept beside it.
 *
 * Each process sees a private flat memory, and a load returns the last store. `k.user` has, for each page of each
 * process, the set `mayRead` of contents that a load may return; normally it has one member. The code here is the
 * specification's: it changes nothing but `k.user`, and no kernel routine may decide anything by it.
 *
 * Calls, each in the same step as the store that it describes, or as the lock operation named:
 *
 * | event | call | when |
 * |---|---|---|
 * | a load | `userMemoryLoaded` | with the access |
 * | a store | `userMemoryStored` | with the access |
 * | munmap, MADV_DONTNEED, MADV_FREE | `userMemoryBegin` | before the first entry changes |
 * | | `userMemoryEnd` | after the TLB flush, before the lock that keeps collapse out (mmap or VMA lock) is dropped |
 * | fork, for each VMA that it copies | `userMemoryForkBegin` | under the parent's mmap_lock, before copy_page_range() |
 * | | `userMemoryForkEnd`; `userMemoryForkAbort` if it failed | after the parent's TLB flush, under the same lock |
 * | mremap | `userMemoryMoveBegin`, `userMemoryMoveEnd` | under mmap_lock; the end after the TLB flush |
 * | an address space is gone | `userMemoryReset` | when its slot is freed |
 *
 * Other calls (mprotect, collapse, splits, reclaim of page tables) never change what is read, so they announce nothing.
 *
 * Between begin and end a load may return anything that the page had since the begin, or what the call gives (zero);
 * stores add to the set. At the end the set collapses to what memory then holds, which must be one of its members.
 * A page whose page-table lock is held at that moment is half-way through a fault of another thread (ptep_clear_flush()
 * leaves it empty for a moment): it stays loose, until the next store or call. A lazyfree page stays free to become zero.
 *
 * Worked example: page 3 of process 0 holds 5. munmap begins: {0, 5}. Another thread stores 7: {0, 5, 7}. The page is
 * zapped, the TLB flushed, munmap ends: {0}. A load that still returns 7 now went through a stale TLB entry.
 */
import { NONE } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import type { Content, Entry, Mm, Pfn, Vpn } from "./structs/types.ts";
import { DIRTY, entryHas, entryTarget, entryZeroPage, hpageAddress, pmdIndex, pmdNone, pmdTable, pteIndex, pteNone } from "./pgtable.ts";

/** Index in `k.user` of a page of an address space. */
function userIndex(k: Kernel, mm: Mm, vpn: Vpn): number {
  return mm * k.param.vpnMax.get() + vpn;
}

/**
 * A user load of (mm, vpn) returned `content`. Fails where that is not one of the contents that it may return.
 * @model ghost: what a user may see
 */
export function userMemoryLoaded(k: Kernel, mm: Mm, vpn: Vpn, content: Content): void {
  const allowed = k.user.mayRead.get(userIndex(k, mm, vpn));
  if (content < k.param.contents.get() && ((allowed >> content) & 1) !== 0) return;
  const read = content === k.param.contents.get() ? "poison (a freed page)" : content;
  vmBugOn(true, `user memory: process ${mm} reads ${read} from page ${vpn}, which may only hold ${members(allowed)}: ` +
    "a lost store, a stale translation or a page of somebody else");
}

function members(set: number): string {
  const out: number[] = [];
  for (let c = 0; c < 31; c++) if (((set >> c) & 1) !== 0) out.push(c);
  return out.join(" or ");
}

/**
 * A user store of `content` to (mm, vpn), through its mapping or through a pin of the page that it maps.
 * @model ghost: what a user may see
 */
export function userMemoryStored(k: Kernel, mm: Mm, vpn: Vpn, content: Content): void {
  const i = userIndex(k, mm, vpn);
  if (k.user.inFlight.get(i) === 0) k.user.mayRead.set(i, 1 << content);
  else k.user.mayRead.insert(i, content);
  const fed = k.user.feeds.get(i);
  if (fed !== NONE) k.user.mayRead.insert(fed, content);
}

/**
 * A call that may lose stores to the pages start..end - 1 begins: munmap, MADV_DONTNEED, MADV_FREE.
 * @model ghost: what a user may see
 */
export function userMemoryBegin(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  for (let v = start; v < end; v++) {
    const i = userIndex(k, mm, v);
    k.user.inFlight.add(i, 1);
    k.user.mayRead.insert(i, 0);
  }
}

/**
 * The call that began with `userMemoryBegin` for the same range has done its work.
 * @model ghost: what a user may see
 */
export function userMemoryEnd(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  for (let v = start; v < end; v++) {
    k.user.inFlight.add(userIndex(k, mm, v), -1);
    collapse(k, mm, v);
  }
}

/**
 * fork begins to copy the pages start..end - 1: the child gets what each page has at some moment from now to the end.
 * @model ghost: what a user may see
 */
export function userMemoryForkBegin(k: Kernel, mm: Mm, child: Mm, start: Vpn, end: Vpn): void {
  for (let v = start; v < end; v++) {
    const i = userIndex(k, mm, v);
    const c = userIndex(k, child, v);
    k.user.mayRead.set(c, k.user.mayRead.get(i));
    k.user.inFlight.add(c, 1);
    k.user.feeds.set(i, c);
  }
}

/**
 * The parent can no longer write to what the child maps: each page of the child has its value.
 * @model ghost: what a user may see
 */
export function userMemoryForkEnd(k: Kernel, mm: Mm, child: Mm, start: Vpn, end: Vpn): void {
  for (let v = start; v < end; v++) {
    k.user.feeds.set(userIndex(k, mm, v), NONE);
    k.user.inFlight.add(userIndex(k, child, v), -1);
    collapse(k, child, v);
  }
}

/**
 * fork has failed: the child, of which nobody has read anything, is dropped with what was copied.
 * @model ghost: what a user may see
 */
export function userMemoryForkAbort(k: Kernel, mm: Mm, child: Mm, start: Vpn, end: Vpn): void {
  for (let v = start; v < end; v++) {
    k.user.feeds.set(userIndex(k, mm, v), NONE);
    k.user.inFlight.add(userIndex(k, child, v), -1);
  }
}

/**
 * mremap begins to move `length` pages; the ranges do not overlap. A store to one address may show at the other.
 * @model ghost: what a user may see
 */
export function userMemoryMoveBegin(k: Kernel, mm: Mm, from: Vpn, to: Vpn, length: Vpn): void {
  for (let n = 0; n < length; n++) {
    const i = userIndex(k, mm, from + n);
    const j = userIndex(k, mm, to + n);
    k.user.mayRead.set(j, k.user.mayRead.get(j) | k.user.mayRead.get(i) | 1);
    k.user.mayRead.insert(i, 0);
    k.user.inFlight.add(i, 1);
    k.user.inFlight.add(j, 1);
    k.user.feeds.set(i, j);
    // The entry is at the new address before the old one is flushed: a store there shows here, through a stale TLB entry.
    k.user.feeds.set(j, i);
  }
}

/**
 * The pages are at the new address (or, where the move failed, back at the old one) and no TLB has another opinion.
 * @model ghost: what a user may see
 */
export function userMemoryMoveEnd(k: Kernel, mm: Mm, from: Vpn, to: Vpn, length: Vpn): void {
  for (let n = 0; n < length; n++) {
    k.user.feeds.set(userIndex(k, mm, from + n), NONE);
    k.user.feeds.set(userIndex(k, mm, to + n), NONE);
    k.user.inFlight.add(userIndex(k, mm, from + n), -1);
    k.user.inFlight.add(userIndex(k, mm, to + n), -1);
    collapse(k, mm, from + n);
    collapse(k, mm, to + n);
  }
}

/** The address space is gone. The next one in its slot starts with zeroes. @model ghost: what a user may see */
export function userMemoryReset(k: Kernel, mm: Mm): void {
  for (let v = 0; v < k.param.vpnMax.get(); v++) {
    const i = userIndex(k, mm, v);
    k.user.mayRead.set(i, 1);
    k.user.inFlight.set(i, 0);
    k.user.feeds.set(i, NONE);
  }
}

/**
 * From now on the set has one member: what memory holds. All of it is an assertion, so its reads are not accesses of
 * the calling routine.
 */
function collapse(k: Kernel, mm: Mm, vpn: Vpn): void {
  vmBugOn(!settle(k, mm, vpn), "user memory: a page cannot be settled");
}

/** Always true: the assertions are inside. */
function settle(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  const i = userIndex(k, mm, vpn);
  if (k.user.inFlight.get(i) !== 0) return true;
  const pmd = k.mm.pmd.once(mm, pmdIndex(k, vpn));
  if (pmdTable(pmd) ? k.ptTable.lock.isHeld(entryTarget(pmd)) : k.mm.pmdLock.isHeld(mm)) return true;
  const entry: Entry = pmdTable(pmd) ? k.ptTable.pte.once(entryTarget(pmd), pteIndex(k, vpn)) : pmd;
  const page = mappedPage(k, vpn, pmd, entry);
  const content: Content = page === NONE ? 0 : k.page.content.get(page);
  userMemoryLoaded(k, mm, vpn, content);
  k.user.mayRead.set(i, page !== NONE && mayBeDiscarded(k, page, entry) ? (1 << content) | 1 : 1 << content);
  return true;
}

/** The frame that holds (mm, vpn) now, also behind a migration entry or an invalidated PMD; NONE where it reads as zero. */
function mappedPage(k: Kernel, vpn: Vpn, pmd: Entry, entry: Entry): Pfn {
  if (pmdNone(pmd) || pteNone(entry) || entryZeroPage(entry)) return NONE;
  return pmdTable(pmd) ? entryTarget(entry) : entryTarget(entry) + (vpn - hpageAddress(k, vpn));
}

/** Lazyfree and not written since: reclaim may drop it. */
function mayBeDiscarded(k: Kernel, page: Pfn, entry: Entry): boolean {
  const folio = k.page.head.get(page) === NONE ? page : k.page.head.get(page);
  return k.page.anon.get(folio) && !k.page.swapbacked.get(folio) && !k.page.dirty.get(folio) && !entryHas(entry, DIRTY);
}
