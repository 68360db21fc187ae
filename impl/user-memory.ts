/**
 * User-visible memory: what a load may return. The strongest promise of this kernel, kept beside it.
 *
 * Each process sees a private flat memory, and a load returns the last store. `k.user` has, for each page of each
 * process, the set `mayRead` of contents that a load may return; normally it has one member. `k.userCall` and `k.userSince`
 * have, for each CPU, what was stored to each page of the range since the call began that discards it there. The code here
 * is the specification's: it changes nothing but these three, and no kernel routine may decide anything by them.
 *
 * Calls, each in the same step as the store that it describes, or as the lock operation named:
 *
 * | event | call | when |
 * |---|---|---|
 * | a load | `userMemoryLoaded` | with the access |
 * | a store | `userMemoryStored` | with the access |
 * | munmap, MADV_DONTNEED, MADV_FREE | `userMemoryBegin` | before the first entry changes |
 * | the next area of one MADV_DONTNEED or MADV_FREE | `userMemoryBeginsToo` | the same |
 * | munmap, MADV_DONTNEED | `userMemoryDiscarded` | after the flush |
 * | MADV_FREE | `userMemoryFreed` | the same |
 * | reclaim unmaps a lazyfree page | `userMemoryReclaimed` | after the TLB flush, under the page-table lock |
 * | fork, for each VMA that it copies | `userMemoryForkBegin` | under the parent's mmap_lock, before copy_page_range() |
 * | | `userMemoryForkEnd`; `userMemoryForkAbort` if it failed | after the parent's TLB flush, under the same lock |
 * | mremap | `userMemoryMoveBegin`, `userMemoryMoveEnd` | under mmap_lock; the end after the TLB flush |
 * | an address space is gone | `userMemoryReset` | when its slot is freed |
 *
 * Other calls (mprotect, collapse, splits, reclaim of page tables) never change what is read, so they announce nothing.
 *
 * **While a call discards a page**, a load may return what the page could return before, zero, and whatever is stored
 * meanwhile: each CPU may still use the old frame by its TLB, or may have faulted a new one in.
 *
 * **When it returns**, the page holds zero or something stored since *this call* began; what was there before is gone for
 * good. The argument: at some moment T of the call its entry was none. Either this call cleared it, or it found it none,
 * or it found the area gone. A frame that is mapped there after T was made by a fault after T. Whoever makes it begins
 * with zeroes, and later stores go to it; or it is a frame of the address space that is copied or moved after T. At T the
 * call has mmap_lock or the VMA lock, for reading, and fork, mremap and collapse hold both for writing while they copy or
 * move; so all of what they bring is what was there after T, but for a move, which brings what the other address had: that
 * counts as stored. It may come before the call returns, as the VMA lock is given back before the flush; nothing
 * is swapped. A frame that was mapped before T can be reached by stale translations only, and these are flushed before the
 * call returns: its own, and, of entries that it found none, those of whoever cleared them (mm_tlb_flush_nested()). So a
 * load after the return sees a store after T, or zero. T is not before the begin, hence "since it began".
 *
 * The argument looks at one call. So it holds whatever other calls run, each with a set of its own, and whichever
 * page-table locks are held at the moment of the return. In particular a call that began later knows less: what was stored
 * between the two begins may be read after the first one has returned, and no longer after the second.
 *
 * **What memory holds** says more when it can be read: if no call changes the page, and nobody has its page-table lock, the
 * set becomes the one content that is there, which must be a member. With the lock held a fault may be half-way
 * (ptep_clear_flush() leaves the entry none for a moment), and with the area's lock held for writing a collapse or mremap, which
 * a call that has given that lock back may meet: the set stays as it is until the next store or call.
 *
 * **MADV_FREE** returns with the page as it was, or zero: reclaim may drop it at any time, until it is written again; a page
 * that waits in a batch to become lazyfree, as soon as that is drained, whoever drains it. Once reclaim has dropped it, it is
 * zero: no CPU has the translation any more, and a fault waits for the page-table lock.
 *
 * Worked example: page 3 of process 0 holds 5. munmap begins: {0, 5}, since {0}. Another thread stores 7: {0, 5, 7}, since
 * {0, 7}. MADV_DONTNEED of a third thread begins: since {0}. The page is zapped, the TLB flushed, munmap returns: {0, 7}.
 * MADV_DONTNEED returns: {0}. A load that still returns 7 now went through a stale TLB entry.
 *
 * Not covered: values are contents and not stores. A load that returns what was there before goes unnoticed if the same
 * content has been stored since; scenarios store different contents.
 */
import { NONE, current } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import { migrationDirty } from "./migration-entry.ts";
import type { Kernel } from "./mm-types.ts";
import { hasSwap } from "./page-flags.ts";
import { swapContent } from "./swap/swap-content.ts";
import type { Content, Cpu, Entry, Mm, Pfn, Vpn } from "./structs/types.ts";
import {
  DIRTY, entryHas, entryTarget, entryZeroPage, hpageAddress, pmdIndex, pmdNone, pmdTable, pteIndex, pteMigration, pteNone, pteSwap,
} from "./pgtable.ts";

/** Index in `k.user` of a page of an address space. */
function userIndex(k: Kernel, mm: Mm, vpn: Vpn): number {
  return mm * k.param.vpnMax.get() + vpn;
}

/**
 * A user load of (mm, vpn) returned `content`. Fails where that is not one of the contents that it may return.
 * @model ghost: what a user may see
 */
export function userMemoryLoaded(k: Kernel, mm: Mm, vpn: Vpn, content: Content): void {
  if (k.param.userMemoryIsNotJudged.get() !== 0) return;
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
  if (isChanging(k, mm, vpn)) k.user.mayRead.insert(i, content);
  else k.user.mayRead.set(i, 1 << content);
  storedMeanwhile(k, mm, vpn, content);
  const fed = k.user.feeds.get(i);
  if (fed === NONE) return;
  k.user.mayRead.insert(fed, content);
  storedMeanwhile(k, Math.trunc(fed / k.param.vpnMax.get()), fed % k.param.vpnMax.get(), content);
}

/** Every call that discards the page now finds the content there, as stored since it began. */
function storedMeanwhile(k: Kernel, mm: Mm, vpn: Vpn, content: Content): void {
  for (let cpu = 0; cpu < k.userCall.count; cpu++) if (discards(k, cpu, mm, vpn)) storedSince(k, cpu, vpn, content);
}

/** The call that runs on the CPU discards the page. */
function discards(k: Kernel, cpu: number, mm: Mm, vpn: Vpn): boolean {
  return k.userCall.mm.get(cpu) === mm && since(k, cpu, vpn) !== 0;
}

/** The set in `k.userSince` in which the CPU's contents of the page are. */
function sinceIndex(k: Kernel, cpu: number, vpn: Vpn): number {
  return k.param.sinceShared.get() !== 0 ? vpn : cpu * k.param.vpnMax.get() + vpn;
}

/** The member of that set which is content 0 of the CPU. */
function sinceMember(k: Kernel, cpu: number): number {
  return k.param.sinceShared.get() !== 0 ? cpu * k.param.contents.get() : 0;
}

/** What has been stored to the page since the CPU's call began, 0 included; empty where it discards nothing there. */
function since(k: Kernel, cpu: number, vpn: Vpn): number {
  const sets = k.userSince.stored.get(sinceIndex(k, cpu, vpn));
  return (sets >> sinceMember(k, cpu)) & ((1 << k.param.contents.get()) - 1);
}

function storedSince(k: Kernel, cpu: number, vpn: Vpn, content: Content): void {
  k.userSince.stored.insert(sinceIndex(k, cpu, vpn), sinceMember(k, cpu) + content);
}

function forgetSince(k: Kernel, cpu: number, vpn: Vpn): void {
  const i = sinceIndex(k, cpu, vpn);
  k.userSince.stored.set(i, k.userSince.stored.get(i) & ~(((1 << k.param.contents.get()) - 1) << sinceMember(k, cpu)));
}

/** A call changes what is mapped there: memory cannot be read, and a store need not be the last word. */
function isChanging(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  if (k.user.copied.get(userIndex(k, mm, vpn))) return true;
  for (let cpu = 0; cpu < k.userCall.count; cpu++) if (discards(k, cpu, mm, vpn)) return true;
  return false;
}

/**
 * A call that may lose stores to the pages start..end - 1 begins on this CPU: munmap, MADV_DONTNEED, MADV_FREE.
 * @model ghost: what a user may see
 */
export function userMemoryBegin(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  vmBugOn(userMemoryChanges(k, current(k)), "user memory: a call begins on a CPU on which another has not returned");
  userMemoryBeginsToo(k, mm, start, end);
}

/**
 * The call of this CPU begins with these pages, too; with what it began before it goes on. The first of its parts likewise.
 * @model ghost: what a user may see
 */
export function userMemoryBeginsToo(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  const cpu = current(k);
  vmBugOn(userMemoryChanges(k, cpu) && k.userCall.mm.get(cpu) !== mm, "user memory: a call goes on in another address space");
  k.userCall.mm.set(cpu, mm);
  for (let v = start; v < end; v++) {
    k.user.mayRead.insert(userIndex(k, mm, v), 0);
    storedSince(k, cpu, v, 0);
  }
}

/** A call that runs on the CPU has begun to discard something, and has not returned. @model ghost: what a user may see */
export function userMemoryChanges(k: Kernel, cpu: Cpu): boolean {
  return k.userCall.mm.get(cpu) !== NONE;
}

/**
 * The call of this CPU has discarded what it began with in this range, which is all of it: munmap, MADV_DONTNEED.
 * @model ghost: what a user may see
 */
export function userMemoryDiscarded(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  for (let v = start; v < end; v++) {
    if (since(k, current(k), v) === 0) continue;
    const i = userIndex(k, mm, v);
    k.user.mayRead.set(i, k.user.mayRead.get(i) & since(k, current(k), v));
  }
  returned(k, mm, start, end);
}

/**
 * The call of this CPU has made lazyfree what it began with in this range, which is all of it: MADV_FREE.
 * @model ghost: what a user may see
 */
export function userMemoryFreed(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  returned(k, mm, start, end);
}

function returned(k: Kernel, mm: Mm, start: Vpn, end: Vpn): void {
  const cpu = current(k);
  vmBugOn(k.userCall.mm.get(cpu) !== mm, "user memory: a call returns that has not begun on this CPU");
  k.userCall.mm.set(cpu, NONE);
  for (let v = start; v < end; v++) {
    if (since(k, cpu, v) === 0) continue;
    forgetSince(k, cpu, v);
    vmBugOn(!settleUnlessMoving(k, mm, v), "user memory: a page cannot be settled");
  }
}

/**
 * Reclaim has unmapped `nr` lazyfree pages from `vpn` on. Each must be one that may be read as zero.
 * @holds the page-table lock; the TLB is flushed
 * @model ghost: what a user may see
 */
export function userMemoryReclaimed(k: Kernel, mm: Mm, vpn: Vpn, nr: Vpn): void {
  for (let v = vpn; v < vpn + nr; v++) {
    userMemoryLoaded(k, mm, v, 0);
    k.user.mayRead.set(userIndex(k, mm, v), 1);
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
    k.user.copied.set(c, true);
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
    k.user.copied.set(userIndex(k, child, v), false);
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
    k.user.copied.set(userIndex(k, child, v), false);
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
    // A call that discards the new address may have given the VMA lock back: to it, what moves in is stored there.
    for (let c = 0; c < k.param.contents.get(); c++) if (((k.user.mayRead.get(i) >> c) & 1) !== 0) storedMeanwhile(k, mm, to + n, c);
    k.user.mayRead.insert(i, 0);
    k.user.copied.set(i, true);
    k.user.copied.set(j, true);
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
    k.user.copied.set(userIndex(k, mm, from + n), false);
    k.user.copied.set(userIndex(k, mm, to + n), false);
    collapse(k, mm, from + n);
    collapse(k, mm, to + n);
  }
}

/** The address space is gone. The next one in its slot starts with zeroes. @model ghost: what a user may see */
export function userMemoryReset(k: Kernel, mm: Mm): void {
  for (let v = 0; v < k.param.vpnMax.get(); v++) {
    const i = userIndex(k, mm, v);
    k.user.mayRead.set(i, 1);
    k.user.copied.set(i, false);
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

/**
 * For who has given the VMA lock back: somebody who has it for writing now, a collapse or mremap, may have taken out the table
 * or the entry, and what was there comes back. The set stays as it is then.
 */
function settleUnlessMoving(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) !== mm || !k.vma.writeLocked.get(vma)) continue;
    if (k.vma.start.get(vma) <= vpn && vpn < k.vma.end.get(vma)) return true;
  }
  return settle(k, mm, vpn);
}

/** Always true: the assertions are inside. */
function settle(k: Kernel, mm: Mm, vpn: Vpn): boolean {
  const i = userIndex(k, mm, vpn);
  if (isChanging(k, mm, vpn)) return true;
  const pmd = k.mm.pmd.once(mm, pmdIndex(k, vpn));
  if (pmdTable(pmd) ? k.ptTable.lock.isHeld(entryTarget(pmd)) : k.mm.pmdLock.isHeld(mm)) return true;
  const entry: Entry = pmdTable(pmd) ? k.ptTable.pte.once(entryTarget(pmd), pteIndex(k, vpn)) : pmd;
  const page = mappedPage(k, vpn, pmd, entry);
  const content: Content = page === NONE ? contentWithoutPage(k, pmd, entry) : k.page.content.get(page);
  userMemoryLoaded(k, mm, vpn, content);
  k.user.mayRead.set(i, page !== NONE && mayBeDiscarded(k, page, entry) ? (1 << content) | 1 : 1 << content);
  return true;
}

/** Zero where nothing is mapped. */
function contentWithoutPage(k: Kernel, pmd: Entry, entry: Entry): Content {
  return hasSwap(k) && pmdTable(pmd) && pteSwap(entry) ? swapContent(k, entryTarget(entry)) : 0;
}

/**
 * The frame that holds (mm, vpn) now, also behind a migration entry or an invalidated PMD; NONE where it reads as zero, and where
 * it is swapped out.
 */
function mappedPage(k: Kernel, vpn: Vpn, pmd: Entry, entry: Entry): Pfn {
  if (pmdNone(pmd) || pteNone(entry) || entryZeroPage(entry)) return NONE;
  if (hasSwap(k) && pmdTable(pmd) && pteSwap(entry)) return NONE;
  return pmdTable(pmd) ? entryTarget(entry) : entryTarget(entry) + (vpn - hpageAddress(k, vpn));
}

/** Lazyfree, now or as soon as a batch is drained, and not written since: reclaim may drop it. */
function mayBeDiscarded(k: Kernel, page: Pfn, entry: Entry): boolean {
  const folio = k.page.head.get(page) === NONE ? page : k.page.head.get(page);
  return k.page.anon.get(folio) && (!k.page.swapbacked.get(folio) || becomesLazyfree(k, folio)) && !k.page.dirty.get(folio)
    && !(pteMigration(entry) ? migrationDirty(k, entry) : entryHas(entry, DIRTY));
}

function becomesLazyfree(k: Kernel, folio: Pfn): boolean {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    for (let n = 0; n < k.param.lruBatch.get(); n++) if (k.cpu.lruLazyfree.once(cpu, n) === folio) return true;
  }
  return false;
}
