/**
 * Faults of the implementation that no invariant notices, one for each machine: text that is replaced while a module is
 * loaded. Under each, the scenario must keep every promise but `refines <machine>`.
 */
import type { Replacement } from "./seeded-patch.ts";

export interface SeededFault extends Replacement {
  readonly machine: string;
  readonly why: string;
  readonly scenario: string;
}

export const FAULTS: readonly SeededFault[] = [
  {
    machine: "folio", why: "a split puts the pages that it cuts off on the LRU before they have a reference: whoever finds them there cannot take one",
    scenario: "split-dontneed-pin", file: "impl/huge-memory/split-folio.ts",
    text: `    yield at("S12: folio_ref_unfreeze");
    folioRefUnfreeze(k, folio + i, refsOfSplitPage(k, folio + i));
    emit(k, EV.FOLIO_UNFREEZE, folio + i, partOrder(k, folio, folio + i, parts));
    if (cached) emit(k, EV.FOLIO_GET, folio + i, 1);
    yield at("lru_add_split_folio");
    if (isolated) folioGet(k, folio + i);
    else {
      k.page.lru.set(folio + i, true); // the LRU counts pages: nothing to add
      if (k.param.grainLru.get() !== 0) lruListAddPart(k, folio + i, folio);
      emit(k, EV.FOLIO_LRU_ADD, folio + i);
    }
`,
    replacement: `    yield at("lru_add_split_folio");
    if (!isolated) {
      k.page.lru.set(folio + i, true);
      emit(k, EV.FOLIO_LRU_ADD, folio + i);
    }
    yield at("S12: folio_ref_unfreeze");
    folioRefUnfreeze(k, folio + i, refsOfSplitPage(k, folio + i));
    emit(k, EV.FOLIO_UNFREEZE, folio + i, partOrder(k, folio, folio + i, parts));
    if (isolated) folioGet(k, folio + i);
`,
  },
  {
    machine: "refcount-folio", why: "fork counts the mapping before it has the reference for it",
    scenario: "collapse-in-child", file: "impl/memory/copy.ts",
    text: `    folioGet(k, folio);
    yield at("PageAnonExclusive");
    const duplicated: boolean = yield* folioTryDupAnonRmapPte(k, folio, entryTarget(entry), dstVma, srcVma);
`,
    replacement: `    const duplicated: boolean = yield* folioTryDupAnonRmapPte(k, folio, entryTarget(entry), dstVma, srcVma);
    yield at("PageAnonExclusive");
    folioGet(k, folio);
`,
  },
  {
    machine: "deferred-split", why: "a folio that is freed loses its mark as partially mapped while it is still on the queue, where the mark says why",
    scenario: "deferred-split-exit", file: "impl/huge-memory/deferred-split.ts",
    text: `  if (k.page.deferred.get(folio)) removeFromQueue(k, folio);
  clearPartiallyMapped(k, folio);
`,
    replacement: `  clearPartiallyMapped(k, folio);
  if (k.page.deferred.get(folio)) removeFromQueue(k, folio);
`,
  },
  {
    machine: "migration-entry", why: "fork copies a migration entry without a word: whoever counts the entries of a page misses one",
    scenario: "split-fork", file: "impl/memory/copy.ts",
    text: "  emit(k, EV.MIGRATION_SET, mm, vpn, entryTarget(entry));\n", replacement: "",
  },
  {
    machine: "huge-pmd", why: "mprotect clears a huge PMD for a moment: a zap that looked then would find nothing mapped",
    scenario: "mprotect-huge", file: "impl/huge-memory/change.ts",
    text: `  let after = migration ? readableExclusiveMigrationEntry(k, before) : entryModify(before, flags);
  if (!migration && canChangeWritable(k, after, flags)) after |= WRITE;
  if (after !== before) setPmdAt(k, mm, addr, after);
`,
    replacement: `  let after: Entry = migration ? readableExclusiveMigrationEntry(k, before) : entryModify(before, flags);
  if (!migration && canChangeWritable(k, after, flags)) after |= WRITE;
  setPmdAt(k, mm, addr, 0);
  yield at("set_pmd_at");
  setPmdAt(k, mm, addr, after);
`,
  },
  {
    machine: "page-table", why: "a table is put aside for a split without a word",
    scenario: "collapse-fault", file: "impl/pgtable-generic.ts",
    text: "  emit(k, EV.TABLE_DEPOSIT, table, mm);\n", replacement: "",
  },
  {
    machine: "vma-bounds", why: "exit frees areas that are still in the tree",
    scenario: "collapse-exit", file: "impl/fork.ts",
    text: "    vmaMarkDetached(k, vma);\n", replacement: "",
  },
  {
    machine: "tlb-entry", why: "a walk also caches the translation of the page below, which nobody asked for and nobody knows to be cached",
    scenario: "collapse-fault", file: "impl/tlb.ts",
    text: "  k.cpu.tlb.set(cpu, vpn, filled);\n",
    replacement: "  k.cpu.tlb.set(cpu, vpn, filled);\n  if (vpn % 2 === 1 && k.ptTable.pte.once(table, i - 1) % 2 === 1) k.cpu.tlb.set(cpu, vpn - 1, k.ptTable.pte.once(table, i - 1) & ~WRITE);\n",
  },
  {
    machine: "collapse", why: "a collapse that meets poison gives the pages back before the table is where the reverse map looks for it",
    scenario: "collapse-fault-failures", file: "impl/khugepaged/collapse.ts",
    text: `    yield* reattachTable(k, mm, start, table, true);
    yield* releasePtePages(k, table, windowFirst(k) + (1 << cc.order));
`,
    replacement: `    yield* releasePtePages(k, table, windowFirst(k) + (1 << cc.order));
    yield* reattachTable(k, mm, start, table, true);
`,
  },
  {
    machine: "mm", why: "khugepaged strikes a living process off its list: it would never be scanned again",
    scenario: "khugepaged-dontneed", file: "impl/khugepaged/mm-slot.ts",
    text: "  if (!collapseTestExit(k, mm)) return;\n", replacement: "",
  },
  {
    machine: "reservation", why: "a page is handed out in one step, and the reservation has one less in the next",
    scenario: "reservation-one-page@rfc-choices", file: "impl/thp-reservation/safe.ts",
    text: `    k.resv.unused.add(res, -1);
    k.node.thpReserved.add(-1);
    k.page.owner.set(page, current(k));
    emit(k, EV.RESV_TAKE, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
`,
    replacement: `    k.node.thpReserved.add(-1);
    k.page.owner.set(page, current(k));
    emit(k, EV.RESV_TAKE, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
    yield at("nr_unused");
    k.resv.unused.add(res, -1);
`,
  },
  {
    machine: "reserved-page", why: "pages that a zap has unmapped go back to the allocator, and may be anybody's, while the reservation still has them as used",
    scenario: "reservation-dontneed-whole@rfc-choices", file: "impl/memory/zap.ts",
    text: "  if (hasReservations(k)) yield* reservationLosesPages(k, vma, start);\n", replacement: "",
  },
  {
    machine: "reserved-counter", why: "a page is handed out in one step and leaves NR_THP_RESERVED in the next",
    scenario: "reservation-one-page@rfc-choices", file: "impl/thp-reservation/safe.ts",
    text: `    k.node.thpReserved.add(-1);
    k.page.owner.set(page, current(k));
    emit(k, EV.RESV_TAKE, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
`,
    replacement: `    emit(k, EV.RESV_TAKE, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
    yield at("dec_node_page_state");
    k.node.thpReserved.add(-1);
    k.page.owner.set(page, current(k));
`,
  },
  {
    machine: "swap-entry", why: "a slot that nobody names any more loses its folio in one step and is free in the next",
    scenario: "swap-in-dontneed", file: "impl/swap/swap-state.ts",
    text: `    k.swapDevice.folio.setOnce(0, entry, NONE);
    if (k.swapDevice.counts.get(0, entry) > 0)`,
    replacement: `    k.swapDevice.folio.setOnce(0, entry, NONE);
    yield at("__swap_cluster_free_entries");
    if (k.swapDevice.counts.get(0, entry) > 0)`,
  },
];
