/**
 * The huge zero folio: one for the machine, allocated on first use, counted once per address space that uses it and once
 * for itself; the shrinker drops it when nobody else does.
 */
import { at, NONE, type Routine } from "thpcheck";
import { vmBugOn } from "../bug.ts";
import type { Kernel } from "../mm-types.ts";
import { MMF_HUGE_ZERO_FOLIO_BIT } from "../structs/mm.ts";
import type { Mm, Pfn } from "../structs/types.ts";
import { allocFolio } from "../page-alloc.ts";
import { pagesDisown } from "../page-ref.ts";
import { folioZeroUser } from "../memory/folio-zero-user.ts";
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
  if (k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT)) return k.hugeZero.page.once();
  const got: boolean = yield* getHugeZeroFolio(k);
  if (!got) return NONE;
  yield at("test_and_set_bit(MMF_HUGE_ZERO_FOLIO)");
  // Another thread of the process was faster, and one reference is enough. Its reference keeps the folio, so giving
  // ours back commutes.
  if (k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT)) putHugeZeroFolio(k);
  else k.mm.flags.insert(mm, MMF_HUGE_ZERO_FOLIO_BIT);
  return k.hugeZero.page.once();
}

/**
 * The child's reference at fork. The parent holds one, so there is a folio and nothing is allocated: legal under spinlocks.
 *
 * @kernel mm/huge_memory.c copy_huge_pmd() on mm_get_huge_zero_folio()
 * @holds both PMD locks; `mm` is not running yet
 */
export function mmDupHugeZeroFolio(k: Kernel, mm: Mm): void {
  vmBugOn(k.hugeZero.refcount.get() === 0, "huge-zero: mapped by the parent, but nobody holds a reference");
  if (k.mm.flags.has(mm, MMF_HUGE_ZERO_FOLIO_BIT)) return;
  k.hugeZero.refcount.add(1);
  k.mm.flags.insert(mm, MMF_HUGE_ZERO_FOLIO_BIT);
}

/**
 * Gives the address space's reference back; the end of __mmput().
 *
 * @kernel mm/huge_memory.c mm_put_huge_zero_folio()
 * @holds nothing; the page tables of `mm` are gone
 */
export function* mmPutHugeZeroFolio(k: Kernel, mm: Mm): Routine {
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
  yield at("cmpxchg(huge_zero_refcount, 1, 0)");
  if (!k.hugeZero.refcount.cmpxchg(1, 0)) return false;
  yield at("xchg(huge_zero_folio, NULL)");
  const folio: Pfn = k.hugeZero.page.xchg(NONE);
  vmBugOn(folio === NONE, "huge-zero: the count was 1 without a folio");
  yield* folioPut(k, folio);
  return true;
}
