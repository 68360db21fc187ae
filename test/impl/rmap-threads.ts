/** What rmap.test.ts runs. */
import { NONE, at, spinLock, spinUnlock, type Routine } from "thpcheck";
import type { Kernel } from "../../impl/mm-types.ts";
import type { AnonVma, Errno, Mm, Order, Pfn, Table, Vma, Vpn } from "../../impl/structs/types.ts";
import { splitHugePmd } from "../../impl/huge-memory/split-pmd.ts";
import { zapHugePmd } from "../../impl/huge-memory/zap.ts";
import { tlbFinishMmu, tlbGatherMmu } from "../../impl/mmu-gather.ts";
import { bootMemory } from "../../impl/page-alloc.ts";
import { ENTRY_NONE, PRESENT, LEAF, MIGRATION, WRITE, YOUNG, entryTarget, mkEntry, pteIndex, setPteAt } from "../../impl/pgtable.ts";
import { pmdLockptr, pteOffsetMapLock, ptlOf, setPmdAt } from "../../impl/pgtable-generic.ts";
import {
  anonVmaClone, anonVmaFork, anonVmaIntervalTreePostUpdateVma, anonVmaIntervalTreePreUpdateVma, anonVmaLockRead,
  anonVmaLockWrite, anonVmaPrepare, anonVmaUnlockRead, anonVmaUnlockWrite, folioGetAnonVma, putAnonVma,
  unlinkAnonVmas,
} from "../../impl/anon-vma.ts";
import { folioMoveAnonRmap, folioRemoveRmapPtes } from "../../impl/rmap.ts";
import { pageFolio } from "../../impl/page-flags.ts";
import { folioPut } from "../../impl/swap.ts";
import { forkHuge, makeVma, mapHuge, mapHugeZero, mapPtes } from "./anon-mapping.ts";
import { kernelScenario, type KernelThread } from "./straight-kernel.ts";

export function boot(k: Kernel): void {
  bootMemory(k);
  makeVma(k, 0, 0, 0, k.param.hpagePmdNr.get());
}
/** VMA 0 and 1 next to each other in mm 0. */
export function bootTwo(k: Kernel): void {
  const h = k.param.hpagePmdNr.get();
  bootMemory(k);
  makeVma(k, 0, 0, 0, h);
  makeVma(k, 1, 0, h, 2 * h);
}

function* zapPte(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  const mm: Mm = k.vma.mm.get(vma);
  const table: Table = yield* pteOffsetMapLock(k, mm, vpn);
  const page: Pfn = entryTarget(k.ptTable.pte.get(table, pteIndex(k, vpn)));
  const folio: Pfn = pageFolio(k, page);
  setPteAt(k, table, pteIndex(k, vpn), ENTRY_NONE);
  k.mm.anonPages.add(mm, -1);
  yield* folioRemoveRmapPtes(k, folio, page, 1, vma);
  spinUnlock(k, ptlOf(k, table));
  yield* folioPut(k, folio);
}

function* zapPmd(k: Kernel, vma: Vma, haddr: Vpn): Routine {
  tlbGatherMmu(k);
  yield* zapHugePmd(k, vma, haddr);
  yield* tlbFinishMmu(k, k.vma.mm.get(vma));
}

function* pin(k: Kernel, page: Pfn, pins: number): Routine {
  yield at("pin");
  k.mm.flags.insert(0, 2);
  k.page.refcount.add(pageFolio(k, page), pins);
  k.page.pincount.add(pageFolio(k, page), pins);
}

function* moveRmap(k: Kernel, folio: Pfn, vma: Vma): Routine {
  yield at("folio_move_anon_rmap");
  folioMoveAnonRmap(k, folio, vma);
}

function* fork(k: Kernel, child: Vma, childMm: Mm, parent: Vma): Routine<Errno> {
  yield at("fork");
  makeVma(k, child, childMm, k.vma.start.get(parent), k.vma.end.get(parent));
  const error: Errno = yield* anonVmaFork(k, child, parent);
  return error;
}

function* cloneInto(k: Kernel, dst: Vma, src: Vma): Routine<Errno> {
  yield at("dup");
  makeVma(k, dst, k.vma.mm.get(src), k.vma.end.get(src), k.vma.end.get(src) + 1);
  k.vma.anonVma.set(dst, k.vma.anonVma.get(src));
  const error: Errno = yield* anonVmaClone(k, dst, src);
  return error;
}

function* getAnonVma(k: Kernel, folio: Pfn): Routine<AnonVma> {
  const anonVma: AnonVma = yield* folioGetAnonVma(k, folio);
  if (anonVma === NONE) return NONE;
  yield* anonVmaLockRead(k, anonVma);
  anonVmaUnlockRead(k, anonVma);
  yield at("put");
  yield* putAnonVma(k, anonVma);
  return anonVma;
}

function* holdAnonVma(k: Kernel, anonVma: AnonVma): Routine {
  yield at("get_anon_vma");
  k.anonVma.refcount.add(anonVma, 1);
}
function* dropAnonVma(k: Kernel, anonVma: AnonVma): Routine {
  yield at("put_anon_vma");
  yield* putAnonVma(k, anonVma);
}

/** The order of the tree of anon_vma 0, as digits. */
export function treeOrder(k: Kernel): string {
  let order = "";
  for (let avc = k.anonVma.tree.get(0); avc !== NONE; avc = k.avc.nextInTree.get(avc)) order += String(k.avc.vma.get(avc));
  return order;
}

function* setPgoff(k: Kernel, vma: Vma, pgoff: Vpn): Routine {
  const anonVma: AnonVma = k.vma.anonVma.get(vma);
  yield* anonVmaLockWrite(k, anonVma);
  anonVmaIntervalTreePreUpdateVma(k, vma);
  k.vma.pgoff.set(vma, pgoff);
  anonVmaIntervalTreePostUpdateVma(k, vma);
  anonVmaUnlockWrite(k, anonVma);
}

/** The same by somebody who does not tell the tree. */
function* setPgoffOnly(k: Kernel, vma: Vma, to: Vpn): Routine {
  yield at("vm_pgoff");
  k.vma.pgoff.set(vma, to);
}

/** Replaces a present huge PMD by a migration entry of the same folio, counts aside: what page migration would do. */
function* toMigrationPmd(k: Kernel, mm: Mm, haddr: Vpn): Routine {
  yield* spinLock(k, pmdLockptr(k, mm));
  setPmdAt(k, mm, haddr, mkEntry(0, MIGRATION | LEAF | WRITE | YOUNG));
  spinUnlock(k, pmdLockptr(k, mm));
}

export const PRESENT_LEAF = PRESENT | LEAF;
export const huge = (vma: Vma = 0, haddr: Vpn = 0): KernelThread => (k) => mapHuge(k, vma, haddr, 1);
export const ptes = (order: Order): KernelThread => (k) => mapPtes(k, 0, 0, order);
export const hugeZero: KernelThread = (k) => mapHugeZero(k, 0, 0, 4);
export const forked = (child: Vma, mm: Mm, parent: Vma = 0): KernelThread => (k) => forkHuge(k, child, mm, parent, 0);
export const splitPmd = (vma: Vma = 0): KernelThread => (k) => splitHugePmd(k, vma, 0, false);
export const unmapPte = (vma: Vma, vpn: Vpn): KernelThread => (k) => zapPte(k, vma, vpn);
export const unmapPmd = (vma: Vma): KernelThread => (k) => zapPmd(k, vma, 0);
export const pinned = (pins: number): KernelThread => (k) => pin(k, 0, pins);
export const moved = (vma: Vma): KernelThread => (k) => moveRmap(k, 0, vma);
export const prepare = (vma: Vma): KernelThread => (k) => anonVmaPrepare(k, vma);
export const unlink = (vma: Vma): KernelThread => (k) => unlinkAnonVmas(k, vma, false);
export const forkVma = (child: Vma, mm: Mm, parent: Vma): KernelThread => (k) => fork(k, child, mm, parent);
export const clone = (dst: Vma, src: Vma): KernelThread => (k) => cloneInto(k, dst, src);
export const anonVmaOf = (folio: Pfn): KernelThread => (k) => getAnonVma(k, folio);
export const hold = (anonVma: AnonVma): KernelThread => (k) => holdAnonVma(k, anonVma);
export const put = (anonVma: AnonVma): KernelThread => (k) => dropAnonVma(k, anonVma);
export const pgoff = (vma: Vma, to: Vpn): KernelThread => (k) => setPgoff(k, vma, to);
export const unorderedPgoff = (vma: Vma, to: Vpn): KernelThread => (k) => setPgoffOnly(k, vma, to);
export const migrationPmd: KernelThread = (k) => toMigrationPmd(k, 0, 0);

/** All edges and anon_vmas are free, or exactly `vmas` VMAs share one. */
function anonVmasInUse(k: Kernel): number {
  let n = 0;
  for (let i = 0; i < k.anonVma.count; i++) if (k.anonVma.refcount.get(i) > 0) n++;
  return n;
}
function avcsInUse(k: Kernel): number {
  let n = 0;
  for (let i = 0; i < k.avc.count; i++) if (k.avc.allocated.get(i)) n++;
  return n;
}

/** Two faults prepare one VMA: one of them wins, the other frees what it has allocated. */
export const prepareRace = kernelScenario({ a: prepare(0), b: prepare(0) }, boot, { allocationMayFail: true }, {
  finally: {
    "one edge and one anon_vma, or nothing": (k) => avcsInUse(k) === anonVmasInUse(k) && avcsInUse(k) <= 1,
    "the VMA has it": (k) => (k.vma.anonVma.get(0) !== NONE) === (anonVmasInUse(k) === 1),
    "one active VMA": (k) => k.vma.anonVma.get(0) === NONE || (k.anonVma.numActiveVmas.get(k.vma.anonVma.get(0)) === 1 && k.anonVma.refcount.get(k.vma.anonVma.get(0)) === 1),
  },
  sometimes: { "two anon_vmas": (k) => anonVmasInUse(k) === 2, "memory runs out": (k) => avcsInUse(k) === 1 && anonVmasInUse(k) === 0 },
});

/** Two faults prepare neighbours: they share an anon_vma unless both were too early to see the other's. */
export const neighboursRace = kernelScenario({ a: prepare(0), b: prepare(1) }, bootTwo, {}, {
  finally: { "both have one": (k) => k.vma.anonVma.get(0) !== NONE && k.vma.anonVma.get(1) !== NONE && avcsInUse(k) === 2 },
  sometimes: {
    shared: (k) => k.vma.anonVma.get(0) !== NONE && k.vma.anonVma.get(0) === k.vma.anonVma.get(1),
    separate: (k) => k.vma.anonVma.get(0) !== NONE && k.vma.anonVma.get(1) !== NONE && k.vma.anonVma.get(0) !== k.vma.anonVma.get(1),
  },
});
