/** Processes with huge pages, put together from the rooms' own routines without system calls, and a recount of their mappings. */
import { NONE, at, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { copyHugePmd } from "../../impl/huge-memory/copy.ts";
import type { Kernel } from "../../impl/mm-types.ts";
import type { Content, Errno, Mm, Order, Pfn, Table, Vma, Vpn } from "../../impl/structs/types.ts";
import { VM_READ, VM_WRITE } from "../../impl/structs/vma.ts";
import { allocFolio } from "../../impl/page-alloc.ts";
import { folioRefAdd } from "../../impl/page-ref.ts";
import { DIRTY, LEAF, PRESENT, SPECIAL, WRITE, YOUNG, entryTarget, entryZeroPage, hpageAddress, mkEntry, mkHugePmd, mkPte, pmdIndex, pmdMigration, pmdTable, pmdTransHuge, pteIndex, pteMigration, ptePresent, setPteAt } from "../../impl/pgtable.ts";
import { pgtableTransHugeDeposit, pmdLockptr, pteAlloc, pteAllocOne, pteOffsetMapLock, ptlOf, setPmdAt } from "../../impl/pgtable-generic.ts";
import { anonVmaFork, anonVmaPrepare } from "../../impl/anon-vma.ts";
import { folioAddNewAnonRmap } from "../../impl/rmap.ts";
import { folioAddLru } from "../../impl/swap.ts";
import { vmaIterStore } from "../../impl/vma-tree.ts";

export const RW = VM_READ | VM_WRITE;

/** VMA `vma` of `mm`, its vm_pgoff being its address. */
export function makeVma(k: Kernel, vma: Vma, mm: Mm, start: Vpn, end: Vpn): void {
  k.vma.mm.set(vma, mm);
  k.vma.start.set(vma, start);
  k.vma.end.set(vma, end);
  k.vma.pgoff.set(vma, start);
  k.vma.flags.set(vma, RW);
  vmaIterStore(k, vma);
}

/** A huge page at `haddr`, page i holding `first + i` modulo 2, or, with `first` 0, zeroes only. */
export function* mapHuge(k: Kernel, vma: Vma, haddr: Vpn, first: Content): Routine<Pfn> {
  const mm: Mm = k.vma.mm.get(vma);
  yield* anonVmaPrepare(k, vma);
  const folio: Pfn = yield* allocFolio(k, k.param.hpagePmdOrder.get(), false);
  const table: Table = yield* pteAllocOne(k, mm);
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) k.page.content.set(folio + i, first === 0 ? 0 : 1 + ((first + i) % 2));
  k.page.uptodate.set(folio, true);
  yield* spinLock(k, pmdLockptr(k, mm));
  pgtableTransHugeDeposit(k, mm, 0, table);
  k.mm.nrPtes.add(mm, 1);
  folioAddNewAnonRmap(k, folio, vma, haddr);
  yield* folioAddLru(k, folio);
  setPmdAt(k, mm, haddr, mkHugePmd(folio, RW) | WRITE | DIRTY);
  emit(k, EV.PMD_SET_HUGE, mm, pmdIndex(k, haddr), folio);
  k.mm.anonPages.add(mm, k.param.hpagePmdNr.get());
  spinUnlock(k, pmdLockptr(k, mm));
  return folio;
}

/** A folio of `order` mapped by PTEs from `vpn` on. */
export function* mapPtes(k: Kernel, vma: Vma, vpn: Vpn, order: Order): Routine<Pfn> {
  const mm: Mm = k.vma.mm.get(vma);
  yield* anonVmaPrepare(k, vma);
  const folio: Pfn = yield* allocFolio(k, order, false);
  yield* pteAlloc(k, mm, vpn);
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  const nr = 1 << order;
  for (let i = 0; i < nr; i++) k.page.content.set(folio + i, 1);
  if (nr > 1) folioRefAdd(k, folio, nr - 1);
  folioAddNewAnonRmap(k, folio, vma, vpn);
  for (let i = 0; i < nr; i++) setPteAt(k, table, pteIndex(k, vpn + i), mkPte(folio + i, RW) | WRITE | DIRTY);
  k.mm.anonPages.add(mm, nr);
  spinUnlock(k, ptlOf(k, table));
  yield* folioAddLru(k, folio);
  return folio;
}

/** The huge zero page, frame `zero`, at `haddr`. */
export function* mapHugeZero(k: Kernel, vma: Vma, haddr: Vpn, zero: Pfn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  const table: Table = yield* pteAllocOne(k, mm);
  yield* spinLock(k, pmdLockptr(k, mm));
  pgtableTransHugeDeposit(k, mm, 0, table);
  k.mm.nrPtes.add(mm, 1);
  setPmdAt(k, mm, haddr, mkEntry(zero, PRESENT | LEAF | SPECIAL | YOUNG));
  spinUnlock(k, pmdLockptr(k, mm));
}

/** `child` of `childMm` becomes the copy that fork makes of `parent`; the huge page at `haddr` with it. -EAGAIN: it may be pinned. */
export function* forkHuge(k: Kernel, child: Vma, childMm: Mm, parent: Vma, haddr: Vpn): Routine<Errno> {
  const mm: Mm = k.vma.mm.get(parent);
  yield at("fork");
  makeVma(k, child, childMm, k.vma.start.get(parent), k.vma.end.get(parent));
  const noMemory: Errno = yield* anonVmaFork(k, child, parent);
  if (noMemory !== 0) return noMemory;
  k.mm.writeProtectSeq.add(mm, 1);
  const copied: Errno = yield* copyHugePmd(k, child, parent, haddr);
  yield at("write_protect_seq");
  k.mm.writeProtectSeq.add(mm, 1);
  return copied;
}

// ---- recount --------------------------------------------------------------------------------------------------

/** What the PTEs and PMDs of all address spaces say about page `page` of folio `folio`, as 1000 * PMD mappings + PTE mappings. */
function mappings(k: Kernel, folio: Pfn, page: Pfn): number {
  let n = 0;
  for (let mm = 0; mm < k.mm.count; mm++) {
    for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
      const pmd = k.mm.pmd.get(mm, pmdIndex(k, vpn));
      if (pmdTransHuge(pmd) && !entryZeroPage(pmd) && vpn === hpageAddress(k, vpn) && entryTarget(pmd) === folio) n += 1000;
      if (!pmdTable(pmd)) continue;
      const pte = k.ptTable.pte.get(entryTarget(pmd), pteIndex(k, vpn));
      if (ptePresent(pte) && !entryZeroPage(pte) && entryTarget(pte) === page) n++;
    }
  }
  return n;
}

/** P2, P4, P5, P6 of each folio, at rest: counters equal a recount, `extra` references apart. */
export function countersMatch(k: Kernel, extra: number): boolean {
  let held = 0;
  let folio = 0;
  while (folio < k.page.count) {
    const nr = 1 << k.page.order.get(folio);
    if (k.page.buddy.get(folio)) {
      folio += nr;
      continue;
    }
    let ptes = 0;
    let mapped = 0;
    for (let i = 0; i < nr; i++) {
      const n = mappings(k, folio, folio + i) % 1000;
      if (k.page.mapcount.get(folio + i) + 1 !== n) return false;
      if (k.page.anonExclusive.get(folio + i) && n > 1) return false;
      ptes += n;
      if (n > 0) mapped++;
    }
    const pmds = Math.floor(mappings(k, folio, folio) / 1000);
    if (nr > 1) {
      if (k.page.entireMapcount.get(folio) + 1 !== pmds) return false;
      if (k.page.largeMapcount.get(folio) + 1 !== pmds + ptes) return false;
      if (k.page.nrPagesMapped.get(folio) !== mapped) return false;
    }
    held += k.page.refcount.get(folio) - pmds - ptes;
    folio += nr;
  }
  return held === extra && gaugesMatch(k);
}

/** No migration entry is left, rss and nr_ptes are right, no folio is locked. */
function gaugesMatch(k: Kernel): boolean {
  let deposited = 0;
  let live = 0;
  let counted = 0;
  for (let table = 0; table < k.ptTable.count; table++) {
    if (k.ptTable.state.get(table) === 3) deposited++;
    if (k.ptTable.state.get(table) === 2) live++;
  }
  for (let mm = 0; mm < k.mm.count; mm++) {
    counted += k.mm.nrPtes.get(mm);
    let pages = 0;
    for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
      const pmd = k.mm.pmd.get(mm, pmdIndex(k, vpn));
      if (pmdMigration(pmd)) return false;
      if (pmdTransHuge(pmd) && !entryZeroPage(pmd)) pages++;
      if (!pmdTable(pmd)) continue;
      const pte = k.ptTable.pte.get(entryTarget(pmd), pteIndex(k, vpn));
      if (pteMigration(pte)) return false;
      if (ptePresent(pte) && !entryZeroPage(pte)) pages++;
    }
    if (pages !== k.mm.anonPages.get(mm)) return false;
  }
  return counted === deposited + live;
}

/** What a load at `vpn` of `mm` gives; NONE where nothing is mapped. */
export function contentAt(k: Kernel, mm: Mm, vpn: Vpn): number {
  const pmd = k.mm.pmd.get(mm, pmdIndex(k, vpn));
  if (pmdTransHuge(pmd)) return entryZeroPage(pmd) ? 0 : k.page.content.get(entryTarget(pmd) + vpn - hpageAddress(k, vpn));
  if (!pmdTable(pmd)) return NONE;
  const pte = k.ptTable.pte.get(entryTarget(pmd), pteIndex(k, vpn));
  if (!ptePresent(pte)) return NONE;
  return entryZeroPage(pte) ? 0 : k.page.content.get(entryTarget(pte));
}
