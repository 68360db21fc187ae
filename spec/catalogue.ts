/**
 * The catalogue: every promise that the specification makes, by its id, in one of five forms.
 *
 *   invariant   stated over states, in `invariants/`
 *   machine     a machine refuses what would break it, in `machines/`
 *   elsewhere   kept by something else that looks at every run: named in `by`
 *   lacks       not stated: its subject does not exist yet
 *   unpromised  not promised, though one might expect it: the reason
 */
import { FAMILIES } from "./invariants/index.ts";
import type { Invariant } from "./invariant.ts";

export interface PromiseMade {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly invariant?: Invariant;
  /** Names of machines. */
  readonly machines?: readonly string[];
  readonly by?: string;
  /** The subject that does not exist yet. */
  readonly lacks?: string;
  /** Why the kernel does not promise it. */
  readonly unpromised?: string;
  /** What goes wrong without it; an invariant says so itself. */
  readonly why?: string;
  /** Where the kernel promises or relies on it; an invariant says so itself. */
  readonly source?: string;
}

const REST = "kernel/quiescence.ts";

const INTO_OBJECTS = "assertions at each way into the object, \"use after free\", with both places in the trace: impl/dead-object.ts";
const GONE = "what was freed is somebody else's by now";

const OTHERS: readonly PromiseMade[] = [
  // pages
  { id: "P2", name: "references are mappings, batches and pins", family: "page", by: `end states: ${REST}` },
  {
    id: "P10", name: "only the holder of the folio lock splits, isolates and migrates", family: "page",
    machines: ["folio", "collapse"], by: "assertions: splitFolio() and the isolation hold it, and locks have one owner",
  },
  {
    id: "P13", name: "page i of a swapcache folio has slot base + i", family: "page",
    by: "every state of a kernel with swap: SW1 and SW4",
  },
  { id: "P16", name: "memory changes only by its process", family: "page", by: "every load: impl/user-memory.ts" },
  {
    id: "P20", name: "discarded stays discarded: after the call, only what was stored since it began is read", family: "page",
    by: "every load and every return of such a call: impl/user-memory.ts",
    why: "allocators and sandboxes give memory to somebody else after MADV_DONTNEED: what was there is a secret by then",
    source: "man 2 madvise: later accesses see zero-filled pages; mm/memory.c zap_page_range_single(), mm/mmu_gather.c tlb_finish_mmu()",
  },
  // exclusivity
  {
    id: "X3", name: "a pinned page is never replaced in its process", family: "exclusivity", machines: ["folio"],
    by: "every access of a pin: impl/gup.ts pinnedStore(), pinnedLoad()",
  },
  {
    id: "X5", name: "who pins for reading gets an exclusive page", family: "exclusivity",
    by: "every access of a pin: impl/gup.ts pinnedLoad()",
  },
  {
    id: "X7", name: "a lockless pin is of a page that was mapped and not frozen", family: "exclusivity",
    machines: ["refcount-folio"], by: "a reference is taken only where the count is not 0",
  },
  {
    id: "X9", name: "what FOLL_GET alone holds has the content that its process has", family: "exclusivity",
    unpromised: "it keeps the frame and not the mapping: fork shares the page, and the next write of its process goes to a copy; " +
      "so its holder reads what the other side stores later, and what it stores itself may show there. Whoever looks at content " +
      "asks for FOLL_PIN (Documentation/core-api/pin_user_pages.rst)",
  },
  {
    id: "X10", name: "who takes a reference to a page may do so, FOLL_FORCE's rule included", family: "exclusivity",
    by: "every reference, in the step that takes it for good: impl/pins.ts",
    why: "a device, ptrace or io_uring goes by the reference and asks neither entry nor area again: what it may do is decided once",
    source: "mm/gup.c check_vma_flags(), can_follow_write_common() (a forced write is to an exclusive page of a private area), " +
      "gup_fast_pte_range() (the entry is the permission, read again after the reference)",
  },
  // page tables
  { id: "T3", name: "PMD transitions", family: "page-table", machines: ["huge-pmd"] },
  { id: "T4", name: "a detached PMD stays none, under mmap_lock for writing", family: "page-table", machines: ["huge-pmd", "collapse"] },
  { id: "T6", name: "PTEs are written under their lock", family: "page-table", by: "the sanitizers: guard of ptTable.pte" },
  {
    id: "T7b", name: "a table is not reused while a walker may be inside", family: "page-table", machines: ["page-table"],
    by: "assertions of every walker: gup.ts, tlb.ts; impl/dead-object.ts",
  },
  { id: "T10", name: "who installs an entry holds mmap_lock or the VMA lock", family: "page-table", lacks: "a guard of two locks" },
  // locks
  { id: "L1", name: "lock order has no cycle", family: "locks", by: "the sanitizers: lock-order" },
  { id: "L2", name: "nobody sleeps under a spinlock", family: "locks", by: "every step: sleep-in-atomic" },
  { id: "L3", name: "every way out releases what was taken", family: "locks", by: "every step: lock-ownership, lock-held-at-exit" },
  { id: "L4", name: "no lock is held at rest", family: "locks", by: `every step: lock-held-at-exit; end states: ${REST}` },
  { id: "L6", name: "a VMA is looked up again after mmap_lock was dropped", family: "locks", by: "the sanitizers: guards of vma's fields" },
  { id: "L7", name: "what a routine says of dropped locks is true", family: "locks", by: "every step: lock-ownership" },
  { id: "L8", name: "mmput() never runs under a lock that exit needs", family: "locks", by: "every state: deadlock" },
  // khugepaged
  {
    id: "K3", name: "every registered process is visited again and again", family: "khugepaged",
    lacks: "a scenario that asks it of fair runs",
  },
  {
    id: "K4", name: "khugepaged leaves a process alone that has exited", family: "khugepaged", machines: ["mm"],
    by: "assertions: no walker meets a freed page table",
  },
  {
    id: "K5", name: "a collapse succeeds with the same memory, or leaves everything as it was", family: "khugepaged",
    machines: ["collapse", "huge-pmd"], by: "every load: impl/user-memory.ts",
  },
  { id: "K6", name: "khugepaged keeps its limits", family: "khugepaged", by: "test/impl/khugepaged.test.ts" },
  {
    id: "K9", name: "the new folio of a failed collapse is freed once", family: "khugepaged", machines: ["refcount-folio"],
    by: `end states: ${REST}`,
  },
  { id: "K10", name: "no source page is left locked or isolated", family: "khugepaged", machines: ["collapse"], by: `end states: ${REST}` },
  // split
  {
    id: "S1", name: "after a split each page has the references of its mappings", family: "split",
    machines: ["refcount-folio"], by: `end states: ${REST}`,
  },
  {
    id: "S2", name: "a failed split leaves the folio mapped as before", family: "split",
    machines: ["folio", "migration-entry"], by: "every load: impl/user-memory.ts",
  },
  { id: "S3", name: "a split succeeds only without other references", family: "split", machines: ["folio", "refcount-folio"] },
  { id: "S5", name: "only zero-filled, unlocked pages become the zero page", family: "split", by: "every load: impl/user-memory.ts" },
  { id: "S6", name: "a pinned folio is not split", family: "split", machines: ["folio", "refcount-folio"] },
  // deferred split queue
  { id: "D1", name: "the shrinker splits what it holds and has locked", family: "deferred", machines: ["deferred-split", "folio"] },
  { id: "D2", name: "an underused folio is split only above the limit", family: "deferred", by: "test/impl/split.test.ts" },
  // memcg
  { id: "M1", name: "a cgroup's charge equals its pages", family: "memcg", lacks: "memcg" },
  { id: "M2", name: "a folio is uncharged once", family: "memcg", lacks: "memcg" },
  // dead objects
  {
    id: "O1", name: "a page that has been freed is not locked, referenced, mapped, pinned or put on a list", family: "objects",
    by: INTO_OBJECTS, why: `${GONE}: memory of another process, or of the kernel`,
    source: "include/linux/mm.h put_page_testzero(), VM_BUG_ON_PAGE(page_ref_count(page) == 0); mm/page_alloc.c free_page_is_bad()",
  },
  {
    id: "O2", name: "a page table that is free, or past its readers, is not locked, read or written", family: "objects",
    by: INTO_OBJECTS, why: `${GONE}, and the hardware walks it`,
    source: "mm/pgtable-generic.c pte_offset_map_lock(), pte_free_defer(): RCU; mm/mmu_gather.c tlb_remove_table_sync_one(): an IPI",
  },
  {
    id: "O3", name: "the lock of an anon_vma is taken while it has a reference", family: "objects",
    by: INTO_OBJECTS, why: `${GONE}: it may be the anon_vma of another family`,
    source: "mm/rmap.c folio_get_anon_vma(), put_anon_vma(): SLAB_TYPESAFE_BY_RCU keeps the type and not the object",
  },
  {
    id: "O4", name: "an area is locked and unlocked while it is there", family: "objects",
    by: INTO_OBJECTS, why: `${GONE}: it may be another area, of another process`,
    source: "include/linux/mmap_lock.h vma_start_read(), mm/mmap_lock.c __vma_start_write(): an area is detached, and waited for, first",
  },
  {
    id: "O5", name: "the locks of an mm are taken while it has a reference (mm_count)", family: "objects",
    by: INTO_OBJECTS, why: `${GONE}: khugepaged and reclaim come to address spaces that end`,
    source: "kernel/fork.c __mmdrop(); mm/khugepaged.c hpage_collapse_test_exit(), khugepaged_exit()",
  },
  // reservations
  {
    id: "R6", name: "of a released reservation the unused pages are free", family: "reservations",
    machines: ["reservation"], by: `end states: no page is lost, ${REST}`,
  },
  { id: "R9", name: "promotion from the threshold on", family: "reservations", by: "test/impl/reservation.test.ts" },
  { id: "R10", name: "who holds a reservation after fork", family: "reservations", by: "test/scenarios/reservation-fork.ts, by policy" },
  { id: "R11", name: "MemAvailable follows NR_THP_RESERVED", family: "reservations", by: "test/impl/reservation.test.ts" },
  // the schemes of 2011 and 2015
  {
    id: "A1", name: "the head counts mappings and the pins of tails", family: "schemes", machines: ["refcount-2011"],
    lacks: "the scheme of 2011",
  },
  { id: "A2", name: "a tail's _mapcount counts its pins", family: "schemes", machines: ["refcount-2011"], lacks: "the scheme of 2011" },
  {
    id: "A3", name: "all PMDs are marked as splitting before references are distributed", family: "schemes",
    machines: ["refcount-2011"], lacks: "the scheme of 2011",
  },
  {
    id: "A4", name: "both passes of a split find as many PMDs as there are mappings", family: "schemes",
    machines: ["refcount-2011"], lacks: "the scheme of 2011",
  },
  {
    id: "A5", name: "every pin of a tail ends on exactly one page", family: "schemes", machines: ["refcount-2011"],
    lacks: "the scheme of 2011",
  },
  {
    id: "A6", name: "PG_double_map where PMDs and PTEs map, and the formula of total_mapcount", family: "schemes",
    lacks: "PG_double_map of 2015",
  },
  // liveness
  { id: "V1", name: "no deadlock", family: "liveness", by: "every state: deadlock" },
  { id: "V2", name: "a fault ends if the others stop", family: "liveness", lacks: "a scenario that asks it of fair runs" },
  {
    id: "V3", name: "a failed migration or split leaves nothing locked", family: "liveness",
    by: `every step: lock-held-at-exit; end states: ${REST}`,
  },
  { id: "V4", name: "khugepaged sleeps when an allocation fails", family: "liveness", by: "test/impl/khugepaged.test.ts" },
  { id: "V5", name: "the shrinker ends", family: "liveness", lacks: "a scenario that asks it of fair runs" },
];

/** By family, in the order of the families; ids are unique. */
export const CATALOGUE: readonly PromiseMade[] = [
  ...Object.entries(FAMILIES).flatMap(([family, invariants]) => [
    ...invariants.map((invariant) => ({ id: invariant.id, name: invariant.name, family, invariant })),
    ...OTHERS.filter((p) => p.family === family),
  ]),
  ...OTHERS.filter((p) => !(p.family in FAMILIES)),
];

/** How the promise is kept, in a word or two, or what it lacks. */
export function keptBy(p: PromiseMade): string {
  const machines = p.machines === undefined ? [] : [`machine${p.machines.length > 1 ? "s" : ""} ${p.machines.join(", ")}`];
  if (p.unpromised !== undefined) return `not promised: ${p.unpromised}`;
  if (p.lacks !== undefined) return [`lacks ${p.lacks}`, ...machines.map((m) => `explored as ${m}`)].join("; ");
  if (p.invariant !== undefined) return "every state";
  return [...machines, ...(p.by === undefined ? [] : [p.by])].join("; ");
}
