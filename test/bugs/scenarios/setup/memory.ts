/**
 * Memory that is there before the first step, as the fault paths leave it: plain stores, for the `init` of a scenario.
 *
 * The scenarios of `test/scenarios/` fault their memory in, so that there is one source of what a fault leaves. Here a
 * trace should show a bug and little else, so this is a second one; the invariants hold it to the first, from the first
 * state on.
 */
import { NONE } from "thpcheck";
import { bootVma } from "../../../../impl/entry/boot.ts";
import { deferredNode, listAddTail, splitQueue } from "../../../../impl/huge-memory/deferred-list.ts";
import type { Kernel } from "../../../../impl/mm-types.ts";
import { COLLAPSE_SCANNING } from "../../../../impl/structs/ghosts.ts";
import { MMF_HUGE_ZERO_FOLIO_BIT } from "../../../../impl/structs/mm.ts";
import { TABLE_DEPOSITED, TABLE_FREE, TABLE_LIVE } from "../../../../impl/structs/page-table.ts";
import type {
  AnonVma, Avc, Content, Cpu, Mm, Order, Pfn, Reservation, Table, Vma, Vpn,
} from "../../../../impl/structs/types.ts";
import {
  DIRTY, LEAF, SPECIAL, WRITE, YOUNG, entryTarget, maybeMkwrite, mkEntry, mkHugePmd, mkPmdTable, mkPte, pmdIndex, pmdTable,
  pteIndex, vmPageProt,
} from "../../../../impl/pgtable.ts";
import { accountMapPmd, accountNew } from "../../../../impl/refcount/scheme.ts";
import { containerOf } from "../../../../impl/thp-reservation/container.ts";

// ---- areas -----------------------------------------------------------------------------------------------------

/** Gives the area an anon_vma of its own, as its first fault does. @kernel mm/rmap.c __anon_vma_prepare() */
export function bootAnonVma(k: Kernel, vma: Vma): AnonVma {
  const anonVma = freeAnonVma(k);
  k.anonVma.root.set(anonVma, anonVma);
  k.anonVma.parent.set(anonVma, anonVma);
  k.anonVma.refcount.set(anonVma, 1);
  k.anonVma.numChildren.set(anonVma, 1);
  k.anonVma.numActiveVmas.set(anonVma, 1);
  k.anonVma.tree.set(anonVma, link(k, vma, anonVma, NONE));
  k.vma.anonVma.set(vma, anonVma);
  return anonVma;
}

/** The area of a forked child beside `parent`, which has an anon_vma. @kernel mm/rmap.c anon_vma_fork() */
export function bootForkedVma(k: Kernel, mm: Mm, parent: Vma): Vma {
  const vma = bootVma(k, mm, k.vma.start.get(parent), k.vma.end.get(parent), k.vma.flags.get(parent));
  const root = k.vma.anonVma.get(parent);
  const anonVma = freeAnonVma(k);
  // Behind the parent's own edge: walks meet the parent first.
  k.avc.nextInTree.set(k.anonVma.tree.get(root), link(k, vma, root, NONE));
  k.anonVma.tree.set(anonVma, link(k, vma, anonVma, root));
  k.anonVma.root.set(anonVma, root);
  k.anonVma.parent.set(anonVma, root);
  k.anonVma.refcount.set(anonVma, 1);
  k.anonVma.numActiveVmas.set(anonVma, 1);
  k.anonVma.numChildren.add(root, 1);
  k.anonVma.refcount.add(root, 1);
  k.vma.anonVma.set(vma, anonVma);
  return vma;
}

/**
 * Gives the area the anon_vmas of a process whose elders have ended: the root's; its parent's, which it has taken up for its
 * own; and one of the process that forked it, which serves no area any more. @kernel mm/rmap.c anon_vma_fork()
 */
export function bootInheritedAnonVmas(k: Kernel, vma: Vma): void {
  const root = bootAnonVma(k, vma);
  const own = bootChildAnonVma(k, vma, root, root);
  bootChildAnonVma(k, vma, own, root);
  k.anonVma.numActiveVmas.set(root, 0);
  k.anonVma.numActiveVmas.set(own, 1);
  k.vma.anonVma.set(vma, own);
}
/** One more, with the area in its tree, and none whose own it is. */
function bootChildAnonVma(k: Kernel, vma: Vma, parent: AnonVma, root: AnonVma): AnonVma {
  const anonVma = freeAnonVma(k);
  k.anonVma.root.set(anonVma, root);
  k.anonVma.parent.set(anonVma, parent);
  k.anonVma.refcount.set(anonVma, 1);
  k.anonVma.refcount.add(root, 1);
  k.anonVma.numChildren.add(parent, 1);
  let last = k.vma.anonVmaChain.get(vma);
  while (k.avc.nextOfVma.get(last) !== NONE) last = k.avc.nextOfVma.get(last);
  let avc = 0;
  while (k.avc.allocated.get(avc)) avc++;
  k.avc.allocated.set(avc, true);
  k.avc.vma.set(avc, vma);
  k.avc.anonVma.set(avc, anonVma);
  k.avc.root.set(avc, root);
  k.avc.nextOfVma.set(last, avc);
  k.anonVma.tree.set(anonVma, avc);
  return anonVma;
}

/** A second area for the memory of `source`, in its reverse map, at `start`. @kernel mm/vma.c copy_vma() */
export function bootCopiedVma(k: Kernel, source: Vma, start: Vpn, end: Vpn): Vma {
  const vma = bootVma(k, k.vma.mm.get(source), start, end, k.vma.flags.get(source));
  const anonVma = k.vma.anonVma.get(source);
  k.vma.pgoff.set(vma, k.vma.pgoff.get(source));
  k.avc.nextInTree.set(k.anonVma.tree.get(anonVma), link(k, vma, anonVma, NONE));
  k.anonVma.numActiveVmas.add(anonVma, 1);
  k.vma.anonVma.set(vma, anonVma);
  return vma;
}

function freeAnonVma(k: Kernel): AnonVma {
  let i = 0;
  while (k.anonVma.root.get(i) !== NONE) i++;
  return i;
}
/** An edge at the end of the area's list; who calls puts it into the tree. `rootOf`: the root of `anonVma`, NONE for itself. */
function link(k: Kernel, vma: Vma, anonVma: AnonVma, rootOf: AnonVma): Avc {
  let avc = 0;
  while (k.avc.allocated.get(avc)) avc++;
  k.avc.allocated.set(avc, true);
  k.avc.vma.set(avc, vma);
  k.avc.anonVma.set(avc, anonVma);
  k.avc.root.set(avc, rootOf === NONE ? anonVma : rootOf);
  const first = k.vma.anonVmaChain.get(vma);
  if (first === NONE) k.vma.anonVmaChain.set(vma, avc);
  else k.avc.nextOfVma.set(first, avc);
  return avc;
}

// ---- pages -----------------------------------------------------------------------------------------------------

/** A huge page at the aligned address, written by its process: `content` in all of it. Gives the folio. */
export function bootHugePage(k: Kernel, vma: Vma, haddr: Vpn, content: Content): Pfn {
  const h = k.param.hpagePmdNr.get();
  const mm = k.vma.mm.get(vma);
  const folio = takeBlock(k, k.param.hpagePmdOrder.get());
  for (let i = 0; i < h; i++) {
    if (i > 0) k.page.head.set(folio + i, folio);
    k.page.content.set(folio + i, content);
    k.user.mayRead.set(mm * k.param.vpnMax.get() + haddr + i, 1 << content);
  }
  identify(k, folio, vma, haddr);
  accountNew(k, folio, mm, true);
  k.node.anonThps.add(h);
  k.node.nrAnon.add(1);
  account(k, mm, h);
  if (k.knob.shrinkUnderused.get()) bootQueued(k, folio);
  bootTable(k, mm, TABLE_DEPOSITED);
  k.mm.pmd.set(mm, pmdIndex(k, haddr), maybeMkwrite(mkHugePmd(folio, k.vma.flags.get(vma)) | DIRTY, k.vma.flags.get(vma)));
  return folio;
}

/** The folio is the last of the split queue. @kernel mm/huge_memory.c deferred_split_folio() */
function bootQueued(k: Kernel, folio: Pfn): void {
  k.page.deferred.set(folio, true);
  k.deferredSplit.length.add(1);
  if (k.param.grainLists.get() !== 0) listAddTail(k, deferredNode(k, folio), splitQueue(k));
}

/** The same huge page in the forked child, too: mapped by both, writable for neither. @kernel mm/huge_memory.c copy_huge_pmd() */
export function bootForkedHugePage(k: Kernel, child: Vma, haddr: Vpn, parent: Mm): void {
  const h = k.param.hpagePmdNr.get();
  const mm = k.vma.mm.get(child);
  const entry = k.mm.pmd.get(parent, pmdIndex(k, haddr)) & ~WRITE;
  const folio = entryTarget(entry);
  k.mm.pmd.set(parent, pmdIndex(k, haddr), entry);
  k.mm.pmd.set(mm, pmdIndex(k, haddr), entry & ~YOUNG);
  k.page.refcount.add(folio, 1);
  accountMapPmd(k, folio, mm);
  k.page.anonExclusive.set(folio, false);
  k.mm.anonPages.add(mm, h);
  bootTable(k, mm, TABLE_DEPOSITED);
  for (let i = 0; i < h; i++) k.user.mayRead.set(
    mm * k.param.vpnMax.get() + haddr + i, k.user.mayRead.get(parent * k.param.vpnMax.get() + haddr + i),
  );
}

/** A small page, written by its process. Gives the page. */
export function bootPage(k: Kernel, vma: Vma, vpn: Vpn, content: Content): Pfn {
  const page = takeBlock(k, 0);
  mapPage(k, vma, vpn, page, content);
  return page;
}
function mapPage(k: Kernel, vma: Vma, vpn: Vpn, page: Pfn, content: Content): void {
  const mm = k.vma.mm.get(vma);
  k.page.content.set(page, content);
  k.user.mayRead.set(mm * k.param.vpnMax.get() + vpn, 1 << content);
  identify(k, page, vma, vpn);
  k.page.mapcount.set(page, 0);
  account(k, mm, 1);
  const pmd = k.mm.pmd.get(mm, pmdIndex(k, vpn));
  const table = pmdTable(pmd) ? entryTarget(pmd) : bootTable(k, mm, TABLE_LIVE);
  k.mm.pmd.set(mm, pmdIndex(k, vpn), mkPmdTable(table));
  k.ptTable.pte.set(table, pteIndex(k, vpn), maybeMkwrite(mkPte(page, k.vma.flags.get(vma)) | DIRTY, k.vma.flags.get(vma)));
}

/** A reservation of the huge range at `haddr`, none of it used; last on the shrinker's list. */
export function bootReservation(k: Kernel, vma: Vma, haddr: Vpn): Reservation {
  const h = k.param.hpagePmdNr.get();
  const block = takeBlock(k, k.param.hpagePmdOrder.get());
  for (let i = 0; i < h; i++) {
    k.page.order.set(block + i, 0);
    k.page.refcount.set(block + i, 1);
  }
  let res = 0;
  while (k.resv.allocated.get(res)) res++;
  k.resv.allocated.set(res, true);
  k.resv.container.set(res, containerOf(k, vma));
  k.resv.haddr.set(res, haddr);
  k.resv.page.set(res, block);
  k.resv.unused.set(res, h);
  k.resvs.hash.set(containerOf(k, vma), pmdIndex(k, haddr), res);
  k.resvLru.items.set(k.resvLru.length.get(), res);
  k.resvLru.length.add(1);
  k.node.thpReserved.add(h);
  return res;
}
/** The page that is reserved for `vpn`, handed out and written; not the last one of its reservation. */
export function bootReservedPage(k: Kernel, vma: Vma, vpn: Vpn, content: Content): void {
  const res = k.resvs.hash.get(containerOf(k, vma), pmdIndex(k, vpn));
  k.resv.used.set(res, pteIndex(k, vpn), true);
  k.resv.unused.add(res, -1);
  k.node.thpReserved.add(-1);
  mapPage(k, vma, vpn, k.resv.page.get(res) + pteIndex(k, vpn), content);
}

/** The huge zero page at the aligned address, the process being its only user. @kernel mm/huge_memory.c set_huge_zero_folio() */
export function bootHugeZeroPage(k: Kernel, vma: Vma, haddr: Vpn): Pfn {
  const mm = k.vma.mm.get(vma);
  const folio = takeBlock(k, k.param.hpagePmdOrder.get());
  for (let i = 0; i < k.param.hpagePmdNr.get(); i++) {
    if (i > 0) k.page.head.set(folio + i, folio);
    k.page.content.set(folio + i, 0);
  }
  k.page.uptodate.set(folio, true);
  k.hugeZero.page.set(folio);
  k.hugeZero.refcount.set(2);
  k.mm.flags.insert(mm, MMF_HUGE_ZERO_FOLIO_BIT);
  bootTable(k, mm, TABLE_DEPOSITED);
  k.mm.pmd.set(mm, pmdIndex(k, haddr), mkEntry(folio, vmPageProt(k.vma.flags.get(vma)) | LEAF | SPECIAL | YOUNG));
  return folio;
}

/** MADV_FREE of the huge page: clean, and reclaim may drop it. */
export function bootLazyfree(k: Kernel, mm: Mm, haddr: Vpn): void {
  const entry = k.mm.pmd.get(mm, pmdIndex(k, haddr));
  const folio = entryTarget(entry);
  const h = k.param.hpagePmdNr.get();
  k.mm.pmd.set(mm, pmdIndex(k, haddr), entry & ~(YOUNG | DIRTY));
  k.page.swapbacked.set(folio, false);
  k.lruvec.anonPages.add(-h);
  k.lruvec.filePages.add(h);
  for (let i = 0; i < h; i++) k.user.mayRead.insert(mm * k.param.vpnMax.get() + haddr + i, 0);
}

/** The CPU has used the address before: it has the translation cached. */
export function bootCached(k: Kernel, cpu: Cpu, vpn: Vpn): void {
  const pmd = k.mm.pmd.get(k.cpu.mm.get(cpu), pmdIndex(k, vpn));
  if (pmdTable(pmd)) k.cpu.tlb.set(cpu, vpn, k.ptTable.pte.get(entryTarget(pmd), pteIndex(k, vpn)));
  else k.cpu.tlbHuge.set(cpu, pmdIndex(k, vpn), pmd);
}

/** The CPU has scanned the huge range and wants to collapse it. */
export function bootScanned(k: Kernel, cpu: Cpu, mm: Mm, haddr: Vpn): void {
  k.collapse.stage.set(cpu, COLLAPSE_SCANNING);
  k.collapse.range.set(cpu, mm * k.param.hugeRanges.get() + pmdIndex(k, haddr));
}

function identify(k: Kernel, folio: Pfn, vma: Vma, vpn: Vpn): void {
  k.page.anon.set(folio, true);
  k.page.mapping.set(folio, k.vma.anonVma.get(vma));
  k.page.index.set(folio, vpn - k.vma.start.get(vma) + k.vma.pgoff.get(vma));
  k.page.swapbacked.set(folio, true);
  k.page.uptodate.set(folio, true);
  k.page.lru.set(folio, true);
  k.page.anonExclusive.set(folio, true);
}
function account(k: Kernel, mm: Mm, pages: number): void {
  k.node.anonMapped.add(pages);
  k.lruvec.anonPages.add(pages);
  k.mm.anonPages.add(mm, pages);
}
/** An empty table of the address space, deposited, or live once the caller has set the PMD. */
export function bootTable(k: Kernel, mm: Mm, state: number): Table {
  let table = 0;
  while (k.ptTable.state.get(table) !== TABLE_FREE) table++;
  k.ptTable.state.set(table, state);
  k.ptTable.mm.set(table, mm);
  k.mm.nrPtes.add(mm, 1);
  return table;
}
/** The first free block, with one reference; what is left over of a larger one goes back to the free lists. */
function takeBlock(k: Kernel, order: Order): Pfn {
  let from = order;
  while (k.zone.free.get(from) === NONE) from++;
  const block = k.zone.free.get(from);
  const next = k.page.next.get(block);
  k.zone.free.set(from, next);
  if (next !== NONE) k.page.prev.set(next, NONE);
  k.page.next.set(block, NONE);
  k.page.buddy.set(block, false);
  for (let half = from - 1; half >= order; half--) {
    const rest = block + (1 << half);
    k.page.buddy.set(rest, true);
    k.page.order.set(rest, half);
    k.zone.free.set(half, rest);
  }
  k.page.order.set(block, order);
  k.page.refcount.set(block, 1);
  k.zone.freePages.add(-(1 << order));
  return block;
}
