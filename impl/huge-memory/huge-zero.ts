/**
 * The huge zero folio: one for the machine, allocated on first use, counted once per address space that uses it and once
 * for itself; the shrinker drops it when nobody else does.
 */
import { at, NONE, spinLock, spinUnlock, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import { MMF_HUGE_ZERO_FOLIO_BIT } from "../structs/mm.ts";
import type { Entry, Mm, Pfn } from "../structs/types.ts";
import { allocFolio } from "../page-alloc.ts";
import { pagesDisown } from "../page-ref.ts";
import { folioZeroUser } from "../memory/folio-zero-user.ts";
import { entryTarget, entryZeroPage, pmdTransHuge } from "../pgtable.ts";
import { folioPut, folioPutNew } from "../swap.ts";

/**
 * Takes a reference, and allocates the folio if there is none. A thread that loses the race to install one tries
 * again. The winner may be between its cmpxchg and the store of the count, and the shrinker between its two stores.
 *
 * @kernel mm/huge_memory.c get_huge_zero_folio()
 * @returns false when the allocation failed
 */
function* getHugeZeroFolio(k: Kernel): Routine<boolean> {
  for (;;) {
    yield at("atomic_inc_not_zero(huge_zero_refcount)");
    if (k.hugeZero.refcount.addUnless(1, 0)) return true;
    const folio: Pfn = yield* allocFolio(k, k.param.hpagePmdOrder.get(), true);
    if (folio === NONE) {
      k.vmstat.thpZeroPageAllocFailed.add(1);
      return false;
    }
    folioZeroUser(k, folio);
    if (k.param.grainZero.get() !== 0) {
      const installed: boolean = yield* installUnderLock(k, folio);
      if (!installed) yield* folioPutNew(k, folio);
      return true;
    }
    yield at("cmpxchg(huge_zero_folio)");
    if (k.hugeZero.page.cmpxchg(NONE, folio)) {
      pagesDisown(k, folio, k.param.hpagePmdOrder.get());
      k.vmstat.thpZeroPageAlloc.add(1);
      // Two: the caller's, and one that the shrinker puts back. Preemption is off between the two stores, but other CPUs run.
      yield at("atomic_set(huge_zero_refcount, 2)");
      k.hugeZero.refcount.set(2);
      return true;
    }
    yield* folioPutNew(k, folio);
  }
}

/**
 * Word by word, as since there is huge_zero_lock. The count, which others take references by without the lock, comes last.
 * @kernel mm/huge_memory.c get_huge_zero_folio()
 * @returns false: somebody else was faster, and there is a reference to that folio
 */
function* installUnderLock(k: Kernel, folio: Pfn): Routine<boolean> {
  yield* spinLock(k, k.hugeZeroWords.lock.at(0));
  if (k.hugeZero.page.once() !== NONE) {
    yield at("atomic_inc(huge_zero_refcount)");
    k.hugeZero.refcount.add(1);
    spinUnlock(k, k.hugeZeroWords.lock.at(0));
    return false;
  }
  yield at("WRITE_ONCE(huge_zero_folio)");
  k.hugeZero.page.setOnce(folio);
  pagesDisown(k, folio, k.param.hpagePmdOrder.get());
  yield at("WRITE_ONCE(huge_zero_pfn)");
  k.hugeZeroWords.pfn.setOnce(0, folio);
  k.vmstat.thpZeroPageAlloc.add(1);
  yield at("atomic_set_release(huge_zero_refcount, 2)");
  k.hugeZero.refcount.set(2);
  spinUnlock(k, k.hugeZeroWords.lock.at(0));
  return true;
}

/** @kernel mm/huge_memory.c put_huge_zero_folio() */
function putHugeZeroFolio(k: Kernel): void {
  // The last reference is the shrinker's.
  vmBugOn(!k.hugeZero.refcount.addUnless(-1, 1), "huge-zero: the huge zero folio was put more often than it was taken");
}

/**
 * The huge zero folio for use by this address space, which holds one reference however often it asks.
 *
 * @kernel mm/huge_memory.c mm_get_huge_zero_folio()
 * @holds the address space is in use; no spinlock
 * @returns NONE when the folio could not be allocated
 */
export function* mmGetHugeZeroFolio(k: Kernel, mm: Mm): Routine<Pfn> {
  yield at("test_bit(MMF_HUGE_ZERO_FOLIO)");
  const has: boolean = k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT);
  if (!has) {
    const got: boolean = yield* getHugeZeroFolio(k);
    if (!got) return NONE;
    yield at("test_and_set_bit(MMF_HUGE_ZERO_FOLIO)", null, { instruction: true });
    const faster: boolean = k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT);
    if (!faster) k.mm.flags.insert(mm, MMF_HUGE_ZERO_FOLIO_BIT);
    if (faster) {
      // Another thread of the process was faster, and one reference is enough. Its reference keeps the folio.
      yield at("put_huge_zero_folio");
      putHugeZeroFolio(k);
    }
  }
  yield at("READ_ONCE(huge_zero_folio)");
  return k.hugeZero.page.once();
}

/**
 * The child's reference at fork. The parent holds one, so there is a folio and nothing is allocated: legal under spinlocks.
 *
 * @kernel mm/huge_memory.c copy_huge_pmd() on mm_get_huge_zero_folio()
 * @holds both PMD locks; `mm` is not running yet
 */
export function* mmDupHugeZeroFolio(k: Kernel, mm: Mm): Routine {
  if (k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT)) return;
  k.mm.flags.insert(mm, MMF_HUGE_ZERO_FOLIO_BIT);
  yield at("atomic_inc_not_zero(huge_zero_refcount)");
  vmBugOn(k.hugeZero.refcount.get() === 0, "huge-zero: mapped by the parent, but nobody holds a reference");
  k.hugeZero.refcount.add(1);
}

/**
 * Gives the address space's reference back; the end of __mmput().
 *
 * @kernel mm/huge_memory.c mm_put_huge_zero_folio()
 * @holds nothing; the page tables of `mm` are gone
 */
export function* mmPutHugeZeroFolio(k: Kernel, mm: Mm): Routine {
  yield at("test_bit(MMF_HUGE_ZERO_FOLIO)");
  if (!k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT)) return;
  yield at("atomic_dec_and_test(huge_zero_refcount)");
  putHugeZeroFolio(k);
}

/** What the shrinker could free, in pages. @kernel mm/huge_memory.c shrink_huge_zero_folio_count() */
export function shrinkHugeZeroFolioCount(k: Kernel): number {
  return k.hugeZero.refcount.once() === 1 ? k.param.hpagePmdNr.get() : 0;
}

/**
 * Frees the huge zero folio if no address space uses it. Between the two steps a fault finds the count 0 and the
 * folio still there. The fault tries again until the folio is gone.
 *
 * @kernel mm/huge_memory.c shrink_huge_zero_folio_scan()
 * @holds nothing
 * @returns whether it was freed
 */
export function* shrinkHugeZeroFolioScan(k: Kernel): Routine<boolean> {
  if (k.param.grainZero.get() !== 0) return yield* shrinkUnderLock(k);
  yield at("cmpxchg(huge_zero_refcount, 1, 0)");
  if (!k.hugeZero.refcount.cmpxchg(1, 0)) return false;
  yield at("xchg(huge_zero_folio, NULL)");
  const folio: Pfn = k.hugeZero.page.xchg(NONE);
  vmBugOn(folio === NONE, "huge-zero: the count was 1 without a folio");
  yield* folioPut(k, folio);
  return true;
}

/**
 * The same word by word, under huge_zero_lock. Between the words nobody can install another folio, whose number would be
 * overwritten.
 * @kernel mm/huge_memory.c shrink_huge_zero_folio_scan()
 */
function* shrinkUnderLock(k: Kernel): Routine<boolean> {
  yield* spinLock(k, k.hugeZeroWords.lock.at(0));
  yield at("cmpxchg(huge_zero_refcount, 1, 0)");
  const freed: boolean = k.hugeZero.refcount.cmpxchg(1, 0);
  let folio: Pfn = NONE;
  if (freed) {
    yield at("WRITE_ONCE(huge_zero_folio, NULL)");
    folio = k.hugeZero.page.xchg(NONE);
    yield at("WRITE_ONCE(huge_zero_pfn, HUGE_ZERO_UNSET_PFN)");
    k.hugeZeroWords.pfn.setOnce(0, NONE);
  }
  spinUnlock(k, k.hugeZeroWords.lock.at(0));
  if (!freed) return false;
  vmBugOn(folio === NONE, "huge-zero: the count was 1 without a folio");
  yield* folioPut(k, folio);
  return true;
}

/**
 * Whether the PMD maps the huge zero folio. With the grain `zero` as the kernel tells: by the frame number, which is a word of
 * its own. The flag SPECIAL is the specification's then.
 * @kernel include/linux/huge_mm.h is_huge_zero_pmd(), is_huge_zero_pfn()
 * @holds the PMD lock, or a copy of the entry that is compared again
 */
export function isHugeZeroPmd(k: Kernel, pmd: Entry): boolean {
  if (k.param.grainZero.get() === 0) return entryZeroPage(pmd);
  return pmdTransHuge(pmd) && entryTarget(pmd) === k.hugeZeroWords.pfn.once(0);
}
