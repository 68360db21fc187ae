/**
 * What must be true when everybody has finished: nothing is held, leaked or miscounted, no translation cache disagrees
 * with the page table, and memory holds what the last stores left there, read again or not. Where the invariants of
 * `spec/invariants/` speak of every state and so excuse the moments between two updates, here nothing is excused.
 */
import { NONE, type PropertyResult } from "thpcheck";
import type { Kernel } from "../impl/mm-types.ts";
import { MMF_HUGE_ZERO_FOLIO, MMF_VM_HUGEPAGE } from "../impl/structs/mm.ts";
import { TABLE_DEPOSITED, TABLE_FREE, TABLE_LIVE } from "../impl/structs/page-table.ts";
import { folioNrPages, folioTestLarge, hasSwap } from "../impl/page-flags.ts";
import { folioCacheRefCount } from "../impl/page-ref.ts";
import { DIRTY, entryTarget, entryZeroPage, LEAF, pmdTable, pteNone, pteSwap, PRESENT, WRITE } from "../impl/pgtable.ts";
import { entireMapcountOf, mapcountOf, pagesMappedByPtes, pinsOf } from "../impl/refcount/scheme.ts";
import { swapContent } from "../impl/swap/swap-content.ts";

/** The `finally` record of a scenario whose threads leave nothing behind but pins that `pinsMayStay`. */
export function atRest(pinsMayStay: boolean): Record<string, (k: Kernel) => PropertyResult> {
  return {
    "L4 no lock is held": noLockHeld,
    "P2 references are mappings, batches and pins": referencesAccounted,
    "P1 a frame that holds nothing is free, or reserved": nothingLeaked,
    "pins are given back": (k) => pinsMayStay || noPins(k),
    "P11 the LRU counts its pages, and nothing is isolated": lruCounted,
    "P12 what is partially mapped is on the split queue": partiallyMappedQueued,
    "P14 the node's gauges are recounts": gaugesCounted,
    "T2 every table is in use or free": tablesInUse,
    "T5 translation caches agree with the page table": cachesAgree,
    "X2 an exclusive page has one mapping": exclusiveMappedOnce,
    "P16 memory holds what was stored last": memoryIsAsPromised,
    "swap at rest: nothing is being written, put off or lost": swapNotLeaked,
    "the huge zero folio counts its users": hugeZeroCounted,
    "K1 khugepaged's list and MMF_VM_HUGEPAGE agree": slotsAgree,
    "of an address space that has ended nothing is left": endedAddressSpacesAreGone,
  };
}

function noLockHeld(k: Kernel): PropertyResult {
  for (let i = 0; i < k.page.count; i++) if (k.page.lock.isHeld(i)) return { conjunct: "no folio is locked", values: { page: i } };
  for (let i = 0; i < k.ptTable.count; i++) if (k.ptTable.lock.isHeld(i)) return { conjunct: "no table is locked", values: { table: i } };
  for (let i = 0; i < k.vma.count; i++) if (k.vma.lock.isHeld(i)) return { conjunct: "no VMA is locked", values: { vma: i } };
  for (let i = 0; i < k.anonVma.count; i++) if (k.anonVma.lock.isHeld(i)) return {
    conjunct: "no anon_vma is locked", values: { anonVma: i },
  };
  for (let i = 0; i < k.mm.count; i++) if (k.mm.mmapLock.isHeld(i) || k.mm.pmdLock.isHeld(i) || k.mm.pageTableLock.isHeld(i)) return {
    conjunct: "no lock of an address space is held", values: { mm: i },
  };
  for (let i = 0; i < k.cpu.count; i++) if (k.cpu.irqsOff.get(i) || k.cpu.rcu.get(i)) return {
    conjunct: "interrupts are on, and nobody reads under RCU", values: { cpu: i },
  };
  return !k.zone.lock.isHeld() && !k.lruvec.lock.isHeld() && !k.deferredSplit.lock.isHeld() && !k.khugepaged.lock.isHeld();
}

/** A folio in use: neither a tail nor part of a free block. */
function inUse(k: Kernel, page: number): boolean {
  return k.page.head.get(page) === NONE && k.page.content.get(page) !== k.param.contents.get();
}
function batchesWith(k: Kernel, folio: number): number {
  let n = 0;
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    for (let i = 0; i < k.param.lruBatch.get(); i++) {
      if (k.cpu.lruBatch.get(cpu, i) === folio) n++;
      if (k.cpu.lruLazyfree.get(cpu, i) === folio) n++;
    }
  }
  return n;
}

function referencesAccounted(k: Kernel): PropertyResult {
  for (let folio = 0; folio < k.page.count; folio++) {
    if (!inUse(k, folio)) continue;
    const refcount = k.page.refcount.get(folio);
    const mappings = mapcountOf(k, folio);
    const zero = k.hugeZero.page.get() === folio ? 1 : 0;
    const others = batchesWith(k, folio) + pinsOf(k, folio) + zero + folioCacheRefCount(k, folio);
    if (refcount !== mappings + others || refcount === 0) return {
      conjunct: "refcount === mappings + batches + pins + pages in the swap cache > 0", values: { folio, refcount, mappings, others },
    };
  }
  return true;
}

/** Allocated, and never filled: nobody maps it, so that no reference of it is missed. */
function nothingLeaked(k: Kernel): PropertyResult {
  let held = 0;
  for (let page = 0; page < k.page.count; page++) {
    if (k.page.refcount.get(page) > 0 && !inUse(k, page) && k.page.head.get(page) === NONE) held++;
  }
  return held === k.node.thpReserved.get() ? true : {
    conjunct: "frames with a reference and no content === NR_THP_RESERVED", values: { held, reserved: k.node.thpReserved.get() },
  };
}

function noPins(k: Kernel): PropertyResult {
  for (let i = 0; i < k.page.count; i++) if (pinsOf(k, i) !== 0) return {
    conjunct: "no folio is pinned", values: { page: i, pins: pinsOf(k, i) },
  };
  return true;
}

function lruCounted(k: Kernel): PropertyResult {
  let anon = 0;
  let lazyfree = 0;
  for (let folio = 0; folio < k.page.count; folio++) {
    if (!inUse(k, folio) || !k.page.lru.get(folio)) continue;
    if (k.page.swapbacked.get(folio)) anon += folioNrPages(k, folio);
    else lazyfree += folioNrPages(k, folio);
  }
  if (k.lruvec.anonPages.get() !== anon) return {
    conjunct: "NR_INACTIVE_ANON + NR_ACTIVE_ANON === pages on the LRU", values: { counted: k.lruvec.anonPages.get(), anon },
  };
  if (k.lruvec.filePages.get() !== lazyfree) return {
    conjunct: "NR_INACTIVE_FILE === lazyfree pages on the LRU", values: { counted: k.lruvec.filePages.get(), lazyfree },
  };
  return k.lruvec.isolated.get() === 0;
}

function partiallyMappedQueued(k: Kernel): PropertyResult {
  for (let folio = 0; folio < k.page.count; folio++) {
    if (inUse(k, folio) && k.page.partiallyMapped.get(folio) && !k.page.deferred.get(folio)) return {
      conjunct: "a partially mapped folio is on the split queue", values: { folio },
    };
  }
  return true;
}

function gaugesCounted(k: Kernel): PropertyResult {
  let mapped = 0;
  let thps = 0;
  let anon = 0;
  let partially = 0;
  for (let folio = 0; folio < k.page.count; folio++) {
    if (!inUse(k, folio) || !k.page.anon.get(folio)) continue;
    if (folioTestLarge(k, folio) && entireMapcountOf(k, folio) > 0) {
      thps += folioNrPages(k, folio);
      mapped += folioNrPages(k, folio);
    } else mapped += folioTestLarge(k, folio) ? pagesMappedByPtes(k, folio) : Math.min(1, mapcountOf(k, folio));
    if (k.page.order.get(folio) !== k.param.hpagePmdOrder.get()) continue;
    anon++;
    if (k.page.partiallyMapped.get(folio)) partially++;
  }
  if (k.node.anonMapped.get() !== mapped) return {
    conjunct: "NR_ANON_MAPPED === pages of anonymous folios that are mapped", values: { counted: k.node.anonMapped.get(), mapped },
  };
  if (k.node.anonThps.get() !== thps) return {
    conjunct: "NR_ANON_THPS === pages of folios that a PMD maps", values: { counted: k.node.anonThps.get(), thps },
  };
  if (k.node.nrAnon.get() !== anon) return { conjunct: "nr_anon === folios of PMD size", values: { counted: k.node.nrAnon.get(), anon } };
  if (k.node.nrAnonPartiallyMapped.get() !== partially) return {
    conjunct: "nr_anon_partially_mapped === partially mapped folios",
    values: { counted: k.node.nrAnonPartiallyMapped.get(), partially },
  };
  return gaugesOfSizesCounted(k);
}

/** The same of each size between a page and a huge page. */
function gaugesOfSizesCounted(k: Kernel): PropertyResult {
  for (let size = 0; size < k.thpSize.count; size++) {
    const order = k.param.minLargeOrder.get() + size;
    let anon = 0;
    let partially = 0;
    for (let folio = 0; folio < k.page.count; folio++) {
      if (!inUse(k, folio) || !k.page.anon.get(folio) || k.page.order.get(folio) !== order) continue;
      anon++;
      if (k.page.partiallyMapped.get(folio)) partially++;
    }
    if (k.thpSize.nrAnon.get(size) !== anon) return {
      conjunct: "nr_anon === folios of the size", values: { order, counted: k.thpSize.nrAnon.get(size), anon },
    };
    if (k.thpSize.nrAnonPartiallyMapped.get(size) !== partially) return {
      conjunct: "nr_anon_partially_mapped === partially mapped folios of the size",
      values: { order, counted: k.thpSize.nrAnonPartiallyMapped.get(size), partially },
    };
  }
  return true;
}

function tablesInUse(k: Kernel): PropertyResult {
  for (let table = 0; table < k.ptTable.count; table++) {
    const state = k.ptTable.state.get(table);
    if (state === TABLE_FREE || state === TABLE_DEPOSITED) continue;
    if (state !== TABLE_LIVE || !linked(k, table)) return {
      conjunct: "a table is free, deposited, or a PMD points to it", values: { table, state },
    };
  }
  return k.rcu.waiting.get() === 0;
}
function linked(k: Kernel, table: number): boolean {
  for (let mm = 0; mm < k.mm.count; mm++) for (let i = 0; i < k.param.hugeRanges.get(); i++) {
    const pmd = k.mm.pmd.get(mm, i);
    if (pmdTable(pmd) && entryTarget(pmd) === table) return true;
  }
  return false;
}

/** The entry that translates the page: a huge PMD, a PTE, or 0. */
function leafEntry(k: Kernel, mm: number, vpn: number): number {
  const pmd = k.mm.pmd.get(mm, Math.floor(vpn / k.param.hpagePmdNr.get()));
  return pmdTable(pmd) ? k.ptTable.pte.get(entryTarget(pmd), vpn % k.param.hpagePmdNr.get()) : pmd;
}
/** The frame that a leaf entry, or a cached copy of one, leads to; NONE for the small zero page, which has none, and for nothing. */
function frameBehind(k: Kernel, entry: number, vpn: number): number {
  if (pteNone(entry)) return NONE;
  if ((entry & LEAF) !== 0) return entryTarget(entry) + (vpn % k.param.hpagePmdNr.get());
  return entryZeroPage(entry) ? NONE : entryTarget(entry);
}

function cachesAgree(k: Kernel): PropertyResult {
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    const mm = k.cpu.mm.get(cpu);
    for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
      const huge = k.cpu.tlbHuge.get(cpu, Math.floor(vpn / k.param.hpagePmdNr.get()));
      const cached = huge !== 0 ? huge : k.cpu.tlb.get(cpu, vpn);
      if (cached === 0) continue;
      if (mm === NONE) return { conjunct: "a CPU without an address space caches nothing", values: { cpu, vpn } };
      const entry = leafEntry(k, mm, vpn);
      const frame = frameBehind(k, entry, vpn);
      const cachedFrame = frameBehind(k, cached, vpn);
      const agrees = (entry & PRESENT) !== 0 && cachedFrame === frame && ((cached & WRITE) === 0 || (entry & WRITE) !== 0);
      if (!agrees) return {
        conjunct: "a cached translation is the page table's, and permits no more", values: { cpu, vpn, cachedFrame, frame },
      };
    }
  }
  return true;
}

function exclusiveMappedOnce(k: Kernel): PropertyResult {
  for (let page = 0; page < k.page.count; page++) {
    if (!k.page.anonExclusive.get(page)) continue;
    const head = k.page.head.get(page);
    const folio = head === NONE ? page : head;
    const mappings = k.page.mapcount.get(page) + 1 + (folioTestLarge(k, folio) ? entireMapcountOf(k, folio) : 0);
    if (mappings > 1) return { conjunct: "an exclusive page has one mapping", values: { page, mappings } };
  }
  return true;
}

function memoryIsAsPromised(k: Kernel): PropertyResult {
  for (let mm = 0; mm < k.mm.count; mm++) for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
    // Torn down: khugepaged may still hold the object.
    if (k.mm.users.get(mm) === 0) break;
    const user = mm * k.param.vpnMax.get() + vpn;
    if (k.user.copied.get(user) || k.user.feeds.get(user) !== NONE) return {
      conjunct: "no call is under way", values: { mm, vpn },
    };
    const content = contentAt(k, mm, vpn);
    if (((k.user.mayRead.get(user) >> content) & 1) === 0 || content === k.param.contents.get()) return {
      conjunct: "a load would return what was stored last", values: { mm, vpn, content, mayRead: k.user.mayRead.get(user) },
    };
  }
  return true;
}

/** At rest: a huge PMD is present. */
function contentAt(k: Kernel, mm: number, vpn: number): number {
  const entry = leafEntry(k, mm, vpn);
  if (hasSwap(k) && pteSwap(entry)) return swapContent(k, entryTarget(entry));
  const frame = frameBehind(k, entry, vpn);
  return frame === NONE ? 0 : k.page.content.get(frame);
}

/**
 * What was swapped out is what comes back: in every state a swap entry stands for what a load may return. Not while the lock of its
 * table is held: there a slot is given up before the entry that names it.
 */
export function swapKeepsContent(k: Kernel): PropertyResult {
  if (!hasSwap(k)) return true;
  for (let mm = 0; mm < k.mm.count; mm++) for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
    const pmd = k.mm.pmd.get(mm, Math.floor(vpn / k.param.hpagePmdNr.get()));
    const entry = pmdTable(pmd) ? leafEntry(k, mm, vpn) : 0;
    if (!pteSwap(entry) || k.ptTable.lock.isHeld(entryTarget(pmd))) continue;
    const content = swapContent(k, entryTarget(entry));
    const mayRead = k.user.mayRead.get(mm * k.param.vpnMax.get() + vpn);
    if (content === k.param.contents.get() || ((mayRead >> content) & 1) === 0) return {
      conjunct: "the slot of a swap entry has what a load may return", values: { mm, vpn, slot: entryTarget(entry), content, mayRead },
    };
  }
  return true;
}

/**
 * Reclaim takes a clean lazyfree folio away whenever it likes: it unmaps it, flushes, and looks at the dirty bits. So in
 * every state each page of such a folio must be one that may be read as zero; but for a pinned one, whose references keep
 * reclaim away: a device writes to it without making it dirty, and whoever ends the pin does.
 */
export function reclaimLosesNothing(k: Kernel): PropertyResult {
  for (let mm = 0; mm < k.mm.count; mm++) for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
    const entry = leafEntry(k, mm, vpn);
    const page = (entry & PRESENT) === 0 || entryZeroPage(entry) ? NONE : frameBehind(k, entry, vpn);
    if (page === NONE) continue;
    const folio = k.page.head.get(page) === NONE ? page : k.page.head.get(page);
    if (!k.page.anon.get(folio) || k.page.swapbacked.get(folio) || k.page.dirty.get(folio)) continue;
    if (pinsOf(k, folio) > 0 || dirtyAnywhere(k, folio)) continue;
    const mayRead = k.user.mayRead.get(mm * k.param.vpnMax.get() + vpn);
    if ((mayRead & 1) === 0) return { conjunct: "a clean lazyfree page may be read as zero", values: { mm, vpn, page, mayRead } };
  }
  return true;
}
function dirtyAnywhere(k: Kernel, folio: number): boolean {
  for (let mm = 0; mm < k.mm.count; mm++) for (let vpn = 0; vpn < k.param.vpnMax.get(); vpn++) {
    const entry = leafEntry(k, mm, vpn);
    if ((entry & DIRTY) === 0 || entryZeroPage(entry)) continue;
    const page = frameBehind(k, entry, vpn);
    if (page === folio || k.page.head.get(page) === folio) return true;
  }
  return false;
}

/** At rest nothing is being written, no flush is put off, and of a process that has ended no slot is left. */
function swapNotLeaked(k: Kernel): PropertyResult {
  if (!hasSwap(k)) return true;
  for (let folio = 0; folio < k.page.count; folio++) if (k.page.writeback.get(folio) !== 0) return {
    conjunct: "nothing is being written", values: { folio },
  };
  for (let cpu = 0; cpu < k.tlbUbc.count; cpu++) if (k.tlbUbc.mms.get(cpu) !== 0) return {
    conjunct: "no flush is put off", values: { cpu },
  };
  let alive = 0;
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.users.get(mm) > 0) alive++;
  let used = 0;
  for (let slot = 0; slot < k.param.swapSlots.get(); slot++) if (k.swapDevice.counts.get(0, slot) > 0) used++;
  return alive > 0 || used === 0 ? true : { conjunct: "no process is left, and no slot that is named", values: { used } };
}

function hugeZeroCounted(k: Kernel): PropertyResult {
  let users = 0;
  // The flag outlives the reference, with the object, which khugepaged may still hold.
  for (let mm = 0; mm < k.mm.count; mm++) if (k.mm.users.get(mm) > 0 && (k.mm.flags.get(mm) & MMF_HUGE_ZERO_FOLIO) !== 0) users++;
  const expected = k.hugeZero.page.get() === NONE ? 0 : users + 1;
  return k.hugeZero.refcount.get() === expected ? true : {
    conjunct: "huge_zero_refcount === users + 1", values: { counted: k.hugeZero.refcount.get(), expected },
  };
}

function slotsAgree(k: Kernel): PropertyResult {
  for (let mm = 0; mm < k.mm.count; mm++) if (k.khugepaged.slots.has(mm) !== ((k.mm.flags.get(mm) & MMF_VM_HUGEPAGE) !== 0)) return {
    conjunct: "an mm has a slot where it has the flag", values: { mm },
  };
  return true;
}

function endedAddressSpacesAreGone(k: Kernel): PropertyResult {
  let alive = 0;
  for (let mm = 0; mm < k.mm.count; mm++) {
    if (k.mm.mmCount.get(mm) !== 0) {
      alive++;
      continue;
    }
    for (let vma = 0; vma < k.vma.count; vma++) if (k.vma.mm.get(vma) === mm) return { conjunct: "no area is left", values: { mm, vma } };
    for (let table = 0; table < k.ptTable.count; table++) if (k.ptTable.mm.get(table) === mm) return {
      conjunct: "no table is left", values: { mm, table },
    };
  }
  if (alive > 0) return true;
  for (let i = 0; i < k.anonVma.count; i++) if (k.anonVma.refcount.get(i) !== 0) return {
    conjunct: "no anon_vma is left", values: { anonVma: i },
  };
  for (let i = 0; i < k.avc.count; i++) if (k.avc.allocated.get(i)) return { conjunct: "no anon_vma_chain is left", values: { avc: i } };
  return true;
}
