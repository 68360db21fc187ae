/**
 * One attempt to collapse a huge range: scan, allocate, detach the table, isolate its pages, copy, install; and every
 * way in which it can end without a huge page. Each end leaves the range as it was.
 *
 * One instance for each CPU: the attempt that its thread is making. The state is a ghost: it is where a thread stands,
 * which no kernel data says. What it implies for the kernel's data:
 *
 *   idle       nothing
 *   scanning   mmap_lock of the range's mm is or was held for reading: nothing lasts
 *   allocated  the new folio exists, mapped by nobody
 *   detached   mmap_lock held for writing, the PMD entry none, the table private to this thread
 *   isolated   as detached; every folio that the table maps is locked and off the LRU
 *   copied     mmap_lock held for writing, the PMD entry none until the huge page is installed
 *   restored   the PMD entry points to the table again
 *   poisoned   as restored
 *   reinstalled  the PMD entry points to the table again, in which the folio of the window is, or is about to be
 *   walking    nothing: between two windows of khugepaged's walk
 *   stopped    nothing: the walk has ended early
 *
 * `range`: the huge range, mm * ranges + index, while not idle; else -1.
 */
import { assign, setup } from "xstate";

/** Results of an attempt after which khugepaged's walk tries a smaller window, or the next one. */
const GOES_ON: ReadonlySet<string> = new Set([
  "alloc_huge_page_failed", "lack_referenced_page", "exceed_none_pte", "exceed_swap_pte", "exceed_shared_pte", "page_locked",
  "not_suitable_page_count", "could_not_delete_page_from_lru", "pte_non_present", "page_lazyfree", "pte_mapped_hugepage",
  "no_writable_page",
]);

export const collapseMachine = setup({
  types: {
    context: {} as { range: number },
    events: {} as
      | { type: "COLLAPSE_SCAN"; range: number } | { type: "COLLAPSE_ALLOC"; range: number }
      | { type: "PMD_DETACH"; range: number } | { type: "COLLAPSE_ISOLATED"; range: number }
      | { type: "COLLAPSE_COPIED"; range: number } | { type: "PMD_REATTACH"; range: number }
      | { type: "COLLAPSE_RESULT"; range: number; result: string } | { type: "PMD_REINSTALL"; range: number }
      | { type: "COLLAPSE_NEXT"; range: number; result: string } | { type: "COLLAPSE_WALKED"; range: number; result: string },
  },
  guards: {
    same: ({ context, event }) => event.range === context.range,
    result: ({ context, event }, params: { is: string }) => {
      return event.type === "COLLAPSE_RESULT" && event.range === context.range && event.result === params.is;
    },
    goesOn: ({ context, event }) => {
      return event.type === "COLLAPSE_NEXT" && event.range === context.range && GOES_ON.has(event.result);
    },
    stops: ({ context, event }) => {
      return event.type === "COLLAPSE_NEXT" && event.range === context.range && event.result !== "succeeded" && !GOES_ON.has(event.result);
    },
    nextIs: ({ context, event }, params: { is: string }) => {
      return event.type === "COLLAPSE_NEXT" && event.range === context.range && event.result === params.is;
    },
  },
  actions: {
    begin: assign({ range: ({ event }) => event.range }),
    end: assign({ range: -1 }),
  },
}).createMachine({
  id: "collapse",
  description: "One attempt to collapse a huge range.",
  initial: "idle",
  context: { range: -1 },
  states: {
    idle: {
      description: "No attempt.",
      on: { COLLAPSE_SCAN: { target: "scanning", actions: "begin", description: "khugepaged or madvise(MADV_COLLAPSE) looks at a range" } },
    },
    scanning: {
      description: "Looks at every PTE, under mmap_lock for reading; then asks for a huge page, under no lock.",
      on: {
        COLLAPSE_ALLOC: { guard: "same", target: "allocated", description: "worth it, and there is a huge page" },
        COLLAPSE_NEXT: {
          guard: { type: "nextIs", params: { is: "alloc_huge_page_failed" } }, target: "walking",
          description: "no folio of this size: a smaller one is tried",
        },
        COLLAPSE_WALKED: { guard: "same", target: "idle", actions: "end", description: "no window is worth an attempt" },
        COLLAPSE_RESULT: [
          {
            guard: { type: "result", params: { is: "failed" } }, target: "idle", actions: "end",
            description: "failed: no size is allowed any more",
          },
          {
            guard: { type: "result", params: { is: "no_pte_table" } }, target: "idle", actions: "end",
            description: "no_pte_table: nothing mapped here",
          },
          {
            guard: { type: "result", params: { is: "pmd_none" } }, target: "idle", actions: "end",
            description: "pmd_none: the same, in older kernels",
            meta: { lacks: "kernels before 2026" },
          },
          {
            guard: { type: "result", params: { is: "page_pmd_mapped" } }, target: "idle", actions: "end",
            description: "page_pmd_mapped: huge already",
          },
          {
            guard: { type: "result", params: { is: "exceed_none_pte" } }, target: "idle", actions: "end",
            description: "exceed_none_pte: too many empty PTEs",
          },
          {
            guard: { type: "result", params: { is: "exceed_swap_pte" } }, target: "idle", actions: "end",
            description: "exceed_swap_pte: too many PTEs not present",
          },
          {
            guard: { type: "result", params: { is: "exceed_shared_pte" } }, target: "idle", actions: "end",
            description: "exceed_shared_pte: too many pages that others map, too",
          },
          {
            guard: { type: "result", params: { is: "lack_referenced_page" } }, target: "idle", actions: "end",
            description: "lack_referenced_page: nobody has used the pages lately",
          },
          {
            guard: { type: "result", params: { is: "page_lazyfree" } }, target: "idle", actions: "end",
            description: "page_lazyfree: the process has given the page up",
          },
          {
            guard: { type: "result", params: { is: "page_not_anon" } }, target: "idle", actions: "end",
            description: "page_not_anon",
            meta: { lacks: "pages of files" },
          },
          {
            guard: { type: "result", params: { is: "page_not_in_lru" } }, target: "idle", actions: "end",
            description: "page_not_in_lru: in a batch, or isolated by somebody else",
          },
          {
            guard: { type: "result", params: { is: "page_locked" } }, target: "idle", actions: "end",
            description: "page_locked: somebody works on it",
          },
          {
            guard: { type: "result", params: { is: "not_suitable_page_count" } }, target: "idle", actions: "end",
            description: "not_suitable_page_count: pinned, or otherwise held",
          },
          {
            guard: { type: "result", params: { is: "alloc_huge_page_failed" } }, target: "idle", actions: "end",
            description: "alloc_huge_page_failed: no huge page to be had",
          },
        ],
      },
    },
    allocated: {
      description: "Has a huge page; takes mmap_lock anew, so everything is asked again.",
      on: {
        PMD_DETACH: {
          guard: "same", target: "detached",
          description: "under mmap_lock, VMA lock and anon_vma lock for writing: the PMD entry is cleared and flushed",
        },
        COLLAPSE_NEXT: [
          {
            guard: { type: "nextIs", params: { is: "exceed_swap_pte" } }, target: "walking",
            description: "exceed_swap_pte: nothing is brought in for a smaller window",
          },
          { guard: "stops", target: "stopped", description: "the range has changed, or the cgroup is at its limit: no window would do" },
        ],
        COLLAPSE_RESULT: [
          {
            guard: { type: "result", params: { is: "ccgroup_charge_failed" } }, target: "idle", actions: "end",
            description: "ccgroup_charge_failed: the cgroup is at its limit",
          },
          {
            guard: { type: "result", params: { is: "no_process_for_page" } }, target: "idle", actions: "end",
            description: "no_process_for_page: the process is exiting",
          },
          {
            guard: { type: "result", params: { is: "vma_null" } }, target: "idle", actions: "end",
            description: "vma_null: unmapped meanwhile",
          },
          {
            guard: { type: "result", params: { is: "not_suitable_address_range" } }, target: "idle", actions: "end",
            description: "not_suitable_address_range: no area contains the range any more",
          },
          {
            guard: { type: "result", params: { is: "vma_check_failed" } }, target: "idle", actions: "end",
            description: "vma_check_failed: the area may have no huge pages any more",
          },
          {
            guard: { type: "result", params: { is: "page_not_anon" } }, target: "idle", actions: "end",
            description: "page_not_anon: another area, without anonymous memory",
            meta: { lacks: "pages of files" },
          },
          {
            guard: { type: "result", params: { is: "no_pte_table" } }, target: "idle", actions: "end",
            description: "no_pte_table: zapped meanwhile",
          },
          {
            guard: { type: "result", params: { is: "pmd_none" } }, target: "idle", actions: "end",
            description: "pmd_none: the same, in older kernels",
            meta: { lacks: "kernels before 2026" },
          },
          {
            guard: { type: "result", params: { is: "page_pmd_mapped" } }, target: "idle", actions: "end",
            description: "page_pmd_mapped: somebody else was faster",
          },
        ],
      },
    },
    detached: {
      description: "Nobody reaches the pages by this page table any more.",
      on: {
        COLLAPSE_ISOLATED: {
          guard: "same", target: "isolated",
          description: "every page is locked, off the LRU, and has no reference that is not accounted for",
        },
        PMD_REATTACH: { guard: "same", target: "restored", description: "a page could not be isolated: the table goes back as it was" },
      },
    },
    isolated: {
      description: "The pages are this thread's alone.",
      on: {
        COLLAPSE_COPIED: { guard: "same", target: "copied", description: "the huge page has their content" },
        PMD_REATTACH: {
          guard: "same", target: "poisoned",
          description: "the memory of a page is defective: the table goes back as it was",
        },
      },
    },
    copied: {
      description: "No way back: the pages are unmapped and released, the new folio is installed.",
      on: {
        PMD_REINSTALL: { guard: "same", target: "reinstalled", description: "the table goes back, and the folio comes into its window" },
        COLLAPSE_RESULT: {
          guard: { type: "result", params: { is: "succeeded" } }, target: "idle", actions: "end",
          description: "succeeded",
        },
      },
    },
    restored: {
      description: "The range is as it was; the huge page is given up.",
      on: {
        COLLAPSE_NEXT: { guard: "goesOn", target: "walking", description: "a page of the window stands in the way" },
        COLLAPSE_RESULT: [
          {
            guard: { type: "result", params: { is: "exceed_none_pte" } }, target: "idle", actions: "end",
            description: "exceed_none_pte: pages were zapped since the scan",
          },
          {
            guard: { type: "result", params: { is: "exceed_shared_pte" } }, target: "idle", actions: "end",
            description: "exceed_shared_pte: a fork since the scan",
          },
          {
            guard: { type: "result", params: { is: "pte_non_present" } }, target: "idle", actions: "end",
            description: "pte_non_present: a migration entry since the scan",
          },
          {
            guard: { type: "result", params: { is: "page_lazyfree" } }, target: "idle", actions: "end",
            description: "page_lazyfree: given up since the scan",
          },
          {
            guard: { type: "result", params: { is: "page_not_anon" } }, target: "idle", actions: "end",
            description: "page_not_anon",
            meta: { lacks: "pages of files" },
          },
          {
            guard: { type: "result", params: { is: "page_locked" } }, target: "idle", actions: "end",
            description: "page_locked: somebody works on it",
          },
          {
            guard: { type: "result", params: { is: "not_suitable_page_count" } }, target: "idle", actions: "end",
            description: "not_suitable_page_count: a pin, or another reference, since the scan",
          },
          {
            guard: { type: "result", params: { is: "could_not_delete_page_from_lru" } }, target: "idle", actions: "end",
            description: "could_not_delete_page_from_lru: isolated by somebody else, or in a batch",
          },
          {
            guard: { type: "result", params: { is: "lack_referenced_page" } }, target: "idle", actions: "end",
            description: "lack_referenced_page: nobody has used the pages lately",
          },
        ],
      },
    },
    poisoned: {
      description: "The range is as it was; the huge page is given up.",
      on: {
        COLLAPSE_NEXT: { guard: "stops", target: "stopped", description: "the memory of a page is defective" },
        COLLAPSE_RESULT: {
          guard: { type: "result", params: { is: "copy_poisoned_page" } }, target: "idle", actions: "end",
          description: "copy_poisoned_page: the process learns of the defect when it touches the page",
        },
      },
    },
    reinstalled: {
      description: "The range has a folio that is larger than before.",
      on: {
        COLLAPSE_NEXT: {
          guard: { type: "nextIs", params: { is: "succeeded" } }, target: "walking", description: "succeeded: behind it the walk goes on",
        },
      },
    },
    walking: {
      description: "Between two attempts of khugepaged's walk over the windows of a range; under no lock.",
      on: {
        COLLAPSE_ALLOC: { guard: "same", target: "allocated", description: "the next window is worth it" },
        COLLAPSE_NEXT: {
          guard: { type: "nextIs", params: { is: "alloc_huge_page_failed" } }, target: "walking",
          description: "no folio of this size: a smaller one is tried",
        },
        COLLAPSE_WALKED: { guard: "same", target: "idle", actions: "end", description: "no window is left" },
      },
    },
    stopped: {
      description: "An attempt has ended as every other would.",
      on: { COLLAPSE_WALKED: { guard: "same", target: "idle", actions: "end", description: "the walk ends there" } },
    },
  },
});
