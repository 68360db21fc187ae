/** struct page, and struct folio on its head: include/linux/mm_types.h. Guards: see `mm-types.ts`. */
import { NONE, bool, int, mutex, ref, table } from "thpcheck";
import type { Bounds } from "../../spec/bounds.ts";
import { schemeFields } from "../refcount/fields.ts";
import { contentInWords } from "./words.ts";

/** All page frames. Fields marked (head) mean something only on the head of a folio. */
export function page(b: Bounds) {
  const scheme = schemeFields(b);
  // While a PMD is split, its PTE mappings are there before its own is gone.
  const mappingsMax = b.mms * (b.pagesPerHugePage + 1);
  return table(b.frames, {
    lock: mutex("PG_locked: the folio lock (head)"),
    refcount: int(0, b.refcountMax, "_refcount (head); 0 is free or frozen", { guard: "atomic" }),
    mapcount: int(-1, mappingsMax, "_mapcount: PTE mappings of this page - 1", { guard: "atomic(mapping)" }),
    ...scheme.counters,
    order: int(0, b.maxOrder, "order of the folio or of the free block (head)", { guard: "lifetime" }),
    head: ref("page", "compound_head(): NONE for a head or an order-0 page", { guard: "lifetime" }),
    buddy: bool("PageBuddy: heads a free block", { guard: "zone.lock" }),
    anon: bool("FOLIO_MAPPING_ANON: mapping is an anon_vma (head)", { guard: "atomic" }),
    mapping: ref("anonVma", "folio->mapping (head)", { guard: "lock" }),
    index: int(0, b.vpnMax, "folio->index: vm_pgoff-based page number (head)", { guard: "lifetime" }),
    swapbacked: bool("PG_swapbacked (head); clear on an anon folio: lazyfree", { guard: "lruvec.lock" }),
    lru: bool("PG_lru (head)", { guard: "lruvec.lock" }),
    active: bool("PG_active (head)", { guard: "atomic" }),
    referenced: bool("PG_referenced (head)", { guard: "atomic" }),
    dirty: bool("PG_dirty (head)", { guard: "atomic" }),
    uptodate: bool("PG_uptodate (head)", { guard: "atomic" }),
    // Without swap there is one value of each, and no room for it.
    writeback: int(0, b.swapSlots > 0 ? 1 : 0, "PG_writeback (head)", { guard: "atomic" }),
    swap: int(NONE, b.swapSlots - 1, "folio->swap: the slot of its first page; NONE: PG_swapcache is clear (head)",
      { guard: "lock", init: NONE }),
    dropped: int(0, b.swapSlots > 0 ? 1 : 0, "reclaim has frozen it to free it, and not a split; of the specification (head)",
      { role: "ghost", guard: "model" }),
    anonExclusive: bool("PG_anon_exclusive: of the page; of a PMD mapping on the head", { guard: "atomic(mapping)" }),
    partiallyMapped: bool("PG_partially_mapped (head)", { guard: "deferredSplit.lock" }),
    deferred: bool("on the deferred split queue (head)", { guard: "deferredSplit.lock" }),
    ...scheme.owners,
    content: int(0, b.contents, "what the page holds; the largest value is poison (freed)",
      { guard: "atomic", show: contentInWords(b.contents) }),
    owner: int(NONE, b.cpus - 1,
      "who has it to itself: between allocation and publication, while its folio is frozen, " +
        "between the last reference and the return to the allocator",
      { role: "ghost", guard: "owner(referenced)" }),
    next: ref("page", "free list: next block", { guard: "zone.lock" }),
    prev: ref("page", "free list: previous block", { guard: "zone.lock" }),
    nid: int(0, 0, "NUMA node"),
    memcg: int(0, 0, "memory cgroup"),
  });
}
