/** Ways into objects that are gone, one a thread: see dead-object.test.ts. */
import { at, type Routine } from "thpcheck";
import { anonVmaLockRead, anonVmaLockWrite } from "../../impl/anon-vma.ts";
import { addToQueue } from "../../impl/huge-memory/deferred-split.ts";
import { mmapReadLock, mmapReadTrylock, mmapWriteLock, vmaEndRead, vmaStartWrite } from "../../impl/locking/mmap-lock.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import { bootMemory } from "../../impl/page-alloc.ts";
import { folioGet } from "../../impl/page-ref.ts";
import { ptepGetLockless, setPteAt } from "../../impl/pgtable.ts";
import { pmdLockptr, ptlOf } from "../../impl/pgtable-generic.ts";
import { accountMapPtes, pinsGet, refsPut } from "../../impl/refcount/scheme.ts";
import { folioTryDupAnonRmapPmd } from "../../impl/rmap.ts";
import { TABLE_RCU } from "../../impl/structs/page-table.ts";
import { folioLock, folioTrylock, lruvecAddFolio } from "../../impl/swap.ts";
import type { KernelThread } from "./straight-kernel.ts";

/** What a thread does with object 1 of its kind, which is free (2: the first of a free block). */
export const USES: Readonly<Record<string, readonly [KernelThread, RegExp]>> = {
  "a page: its lock": [function* locks(k: Kernel): Routine { yield* folioLock(k, 1); }, /folio_lock\(\) of a page/],
  "a page: its lock, tried": [function* tries(k: Kernel): Routine { yield at("use"); folioTrylock(k, 1); }, /folio_trylock\(\)/],
  "a page: a reference": [function* gets(k: Kernel): Routine { yield at("use"); folioGet(k, 1); }, /a reference is taken to a page/],
  "a page: a put": [function* puts(k: Kernel): Routine { yield at("use"); refsPut(k, 1, 1); }, /a reference to a page .* is dropped/],
  "a page: a pin": [function* pins(k: Kernel): Routine { yield at("use"); pinsGet(k, 1); }, /is pinned/],
  "a page: the LRU": [function* adds(k: Kernel): Routine { yield at("use"); lruvecAddFolio(k, 1); }, /is put on the LRU/],
  "a page: a PTE": [function* maps(k: Kernel): Routine { yield at("use"); accountMapPtes(k, 1, 1, 1, 0); }, /PTEs begin to map/],
  "a folio: a PMD": [function* maps(k: Kernel): Routine {
    yield at("use");
    yield* folioTryDupAnonRmapPmd(k, 2, 1, 0);
  }, /a PMD begins to map/],
  "a folio: the split queue": [function* queues(k: Kernel): Routine { yield at("use"); addToQueue(k, 2); }, /joins the deferred split/],
  "a table: its lock": [function* locks(k: Kernel): Routine { yield at("use"); ptlOf(k, 1); }, /the lock of a page table/],
  "a table: a load": [function* reads(k: Kernel): Routine { yield at("use"); ptepGetLockless(k, 1, 0); }, /a PTE is read/],
  "a table: a store": [function* stores(k: Kernel): Routine { yield at("use"); setPteAt(k, 1, 0, 1); }, /a PTE is stored/],
  "a table that waits for RCU": [function* reads(k: Kernel): Routine {
    yield at("use");
    k.ptTable.state.set(1, TABLE_RCU);
    ptepGetLockless(k, 1, 0);
  }, /a PTE is read/],
  "an anon_vma: its lock": [function* locks(k: Kernel): Routine { yield* anonVmaLockWrite(k, 1); }, /anon_vma_lock_write\(\)/],
  "an anon_vma: its lock, to read": [function* locks(k: Kernel): Routine { yield* anonVmaLockRead(k, 1); }, /anon_vma_lock_read\(\)/],
  "an area: its lock": [function* locks(k: Kernel): Routine { yield* vmaStartWrite(k, 1); }, /vma_start_write\(\) of an area/],
  "an area: its unlock": [function* unlocks(k: Kernel): Routine { yield at("use"); vmaEndRead(k, 1); }, /vma_end_read\(\)/],
  "an mm: mmap_lock": [function* locks(k: Kernel): Routine { yield* mmapWriteLock(k, 1); }, /mmap_write_lock\(\)/],
  "an mm: mmap_lock, to read": [function* locks(k: Kernel): Routine { yield* mmapReadLock(k, 1); }, /mmap_read_lock\(\)/],
  "an mm: mmap_lock, tried": [function* tries(k: Kernel): Routine { yield at("use"); mmapReadTrylock(k, 1); }, /mmap_read_trylock\(\)/],
  "an mm: its PMDs": [function* locks(k: Kernel): Routine { yield at("use"); pmdLockptr(k, 1); }, /the PMD lock/],
};

/** Memory is free; of the address spaces only the first is in use. */
export function boot(k: Kernel): void {
  bootMemory(k);
  k.mm.mmCount.set(0, 1);
}
