/**
 * TLB flushes that reclaim puts off: mm/rmap.c, with arch/x86/mm/tlb.c.
 *
 * Reclaim clears many entries and flushes once. Until then CPUs may use the translations, so that two things must wait for the
 * flush: the write of the page to the device, if an entry was dirty, and the return of its frame to the allocator. Others that come
 * to the page table meanwhile see that an entry is gone, and might take its translations for gone: who unmaps, protects or moves
 * flushes first (flushTlbBatchedPending()), under the page-table lock.
 *
 * What is put off is by address space here, and by CPU in the kernel: a CPU that has loaded the address space when the entry is
 * cleared. One that loads another meanwhile has an empty TLB.
 */
import { at, current, type Routine, type U } from "thpcheck";
import { hasSwap } from "./page-flags.ts";
import type { Kernel } from "./mm-types.ts";
import { TLB_FLUSH_BATCH_PENDING_MAX } from "./structs/swap.ts";
import type { Mm } from "./structs/types.ts";
import { flushTlbMm } from "./tlb.ts";

/** What `batch` counts in the upper half. */
const FLUSHED = TLB_FLUSH_BATCH_PENDING_MAX + 1;

const pendingOf = (batch: number): number => batch % FLUSHED;
const flushedOf = (batch: number): number => Math.floor(batch / FLUSHED);

/**
 * It pays to put the flush off where another CPU has the address space; else it is flushed at once, which interrupts nobody.
 * @kernel mm/rmap.c should_defer_flush(), arch/x86/include/asm/tlbflush.h arch_tlbbatch_should_defer()
 */
export function shouldDeferFlush(k: Kernel, mm: Mm): boolean {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) if (cpu !== current(k) && k.cpu.mm.once(cpu) === mm) return true;
  return false;
}

/**
 * An entry has been cleared, and is to be flushed later.
 * @kernel mm/rmap.c set_tlb_ubc_flush_pending()
 * @holds the page-table lock
 */
export function* setTlbUbcFlushPending(k: Kernel, mm: Mm, dirty: boolean): Routine {
  k.tlbUbc.mms.insert(current(k), mm);
  if (dirty) k.tlbUbc.writable.set(current(k), true);
  for (;;) {
    yield at("tlb_flush_batched: read");
    const batch: Batch = k.tlbFlushBatched.batch.get(mm);
    yield at("tlb_flush_batched: pending");
    const next = pendingOf(batch) === TLB_FLUSH_BATCH_PENDING_MAX ? 1 : batch + 1;
    if (k.tlbFlushBatched.batch.cmpxchg(mm, batch, next)) return;
  }
}

/** Flushes what this CPU has put off. @kernel mm/rmap.c try_to_unmap_flush(), arch/x86/mm/tlb.c arch_tlbbatch_flush() */
export function* tryToUnmapFlush(k: Kernel): Routine {
  if (!hasSwap(k)) return;
  for (let mm: Mm = 0; mm < k.mm.count; mm++) if (k.tlbUbc.mms.has(current(k), mm)) yield* flushTlbMm(k, mm);
  k.tlbUbc.mms.set(current(k), 0);
  k.tlbUbc.writable.set(current(k), false);
}

/** The same, if a CPU may still write to one of the pages: before it is written out. @kernel mm/rmap.c try_to_unmap_flush_dirty() */
export function* tryToUnmapFlushDirty(k: Kernel): Routine {
  if (k.tlbUbc.writable.get(current(k))) yield* tryToUnmapFlush(k);
}

/**
 * Flushes what others have put off of this address space. A generation that begins amid the flush stays pending.
 * @kernel mm/rmap.c flush_tlb_batched_pending()
 * @holds the page-table lock
 */
export function* flushTlbBatchedPending(k: Kernel, mm: Mm): Routine {
  if (!hasSwap(k)) return;
  yield at("flush_tlb_batched_pending");
  const batch: Batch = k.tlbFlushBatched.batch.get(mm);
  if (pendingOf(batch) === flushedOf(batch)) return;
  yield* flushTlbMm(k, mm);
  yield at("tlb_flush_batched: flushed");
  k.tlbFlushBatched.batch.cmpxchg(mm, batch, pendingOf(batch) + FLUSHED * pendingOf(batch));
}

/** A value of `batch`. */
type Batch = U<8>;
