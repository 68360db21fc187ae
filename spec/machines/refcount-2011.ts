/**
 * References of a huge page as Linux 2.6.38 to 4.4 counted them: a pin of a tail page is counted on the head and, so
 * that a split can hand it on, in the tail's `_mapcount`, which is free because no PTE can map part of a huge page. The
 * split marks all PMDs as splitting, distributes the pins under compound_lock, and cannot fail.
 *
 * One instance: a huge page with one tail page that stands for all its tails. Who gets or puts a tail reference takes a
 * temporary reference of the head first, because without a lock the tail may cease to be one at any moment; then
 * compound_lock; then looks again.
 *
 *   none       free
 *   compound   head._count = head = pmds + pins on the head + tail + temps; tail._count = 0; tail._mapcount + 1 = tail
 *   splitting  pass 1: the PMDs get their splitting bit, `marked` of them so far; nobody maps or unmaps meanwhile
 *   split      two pages of their own: `head` and `tailCount` references
 *
 *   locked     compound_lock is held: 1 by a getter or putter of the tail, 2 by the split
 *   temps      getters and putters that hold their temporary reference of the head
 */
import { assign, setup } from "xstate";

export const refcount2011Machine = setup({
  types: {
    context: {} as {
      head: number; pmds: number; headPins: number; tail: number; temps: number; locked: number; marked: number; tailCount: number;
    },
    events: {} as
      | { type: "THP2011_ALLOC" } | { type: "THP2011_MAP" } | { type: "THP2011_UNMAP" } | { type: "THP2011_HEAD_GET" }
      | { type: "THP2011_HEAD_PUT" }
      | { type: "THP2011_TAIL_TRY" } | { type: "THP2011_LOCK" } | { type: "THP2011_TAIL_PIN" }
      | { type: "THP2011_TAIL_UNPIN" } | { type: "THP2011_TAIL_MISS" }
      | { type: "THP2011_SPLIT" } | { type: "THP2011_MARK" } | { type: "THP2011_SPLIT_LOCK" }
      | { type: "THP2011_SPLIT_REFS" } | { type: "THP2011_FREE" },
  },
  guards: {
    mapped: ({ context }) => context.pmds > 0,
    headPinned: ({ context }) => context.headPins > 0,
    inUse: ({ context }) => context.head > 0,
    waiting: ({ context }) => context.temps > 0 && context.locked === 0,
    lockedByPinner: ({ context }) => context.locked === 1,
    lockedAndPinned: ({ context }) => context.locked === 1 && context.tail > 0,
    tailPinned: ({ context }) => context.tail > 0,
    unmarked: ({ context }) => context.marked < context.pmds,
    allMarked: ({ context }) => context.marked === context.pmds && context.locked === 0,
    lockedBySplit: ({ context }) => context.locked === 2,
    unused: ({ context }) => context.head === 0,
    bothUnused: ({ context }) => context.head === 0 && context.tailCount === 0,
  },
  actions: {
    begin: assign({ head: 1, headPins: 1 }),
    map: assign({ head: ({ context }) => context.head + 1, pmds: ({ context }) => context.pmds + 1 }),
    unmap: assign({ head: ({ context }) => context.head - 1, pmds: ({ context }) => context.pmds - 1 }),
    headGet: assign({ head: ({ context }) => context.head + 1, headPins: ({ context }) => context.headPins + 1 }),
    headPut: assign({ head: ({ context }) => context.head - 1, headPins: ({ context }) => context.headPins - 1 }),
    tryHead: assign({ head: ({ context }) => context.head + 1, temps: ({ context }) => context.temps + 1 }),
    lock: assign({ locked: 1 }),
    tailPin: assign({ tail: ({ context }) => context.tail + 1, temps: ({ context }) => context.temps - 1, locked: 0 }),
    tailUnpin: assign({
      tail: ({ context }) => context.tail - 1, temps: ({ context }) => context.temps - 1,
      head: ({ context }) => context.head - 2, locked: 0,
    }),
    miss: assign({ temps: ({ context }) => context.temps - 1, head: ({ context }) => context.head - 1, locked: 0 }),
    mark: assign({ marked: ({ context }) => context.marked + 1 }),
    splitLock: assign({ locked: 2 }),
    distribute: assign({
      tailCount: ({ context }) => context.pmds + context.tail, head: ({ context }) => context.head - context.tail,
      locked: 0, marked: 0,
    }),
    unmapBoth: assign({
      head: ({ context }) => context.head - 1, tailCount: ({ context }) => context.tailCount - 1,
      pmds: ({ context }) => context.pmds - 1,
    }),
    tailPut: assign({ tailCount: ({ context }) => context.tailCount - 1, tail: ({ context }) => context.tail - 1 }),
    clear: assign({ head: 0, pmds: 0, headPins: 0, tail: 0, temps: 0, locked: 0, marked: 0, tailCount: 0 }),
  },
}).createMachine({
  id: "refcount-2011",
  description: "Pins of tail pages in the tail's _mapcount; a split that cannot fail.",
  initial: "none",
  context: { head: 0, pmds: 0, headPins: 0, tail: 0, temps: 0, locked: 0, marked: 0, tailCount: 0 },
  states: {
    none: {
      description: "Free.",
      on: { THP2011_ALLOC: { target: "compound", actions: "begin", description: "one reference, the caller's" } },
    },
    compound: {
      description: "A huge page, mapped by PMDs only.",
      on: {
        THP2011_MAP: { guard: "inUse", actions: "map", description: "fault or fork" },
        THP2011_UNMAP: { guard: "mapped", actions: "unmap", description: "zap" },
        THP2011_HEAD_GET: { guard: "inUse", actions: "headGet", description: "get_page(head)" },
        THP2011_HEAD_PUT: { guard: "headPinned", actions: "headPut", description: "put_page(head)" },
        THP2011_TAIL_TRY: { guard: "inUse", actions: "tryHead", description: "get_page_unless_zero(head), before compound_lock" },
        THP2011_LOCK: { guard: "waiting", actions: "lock", description: "compound_lock" },
        THP2011_TAIL_PIN: {
          guard: "lockedByPinner", actions: "tailPin",
          description: "still a tail: the temporary reference becomes that of the pin",
        },
        THP2011_TAIL_UNPIN: {
          guard: "lockedAndPinned", actions: "tailUnpin",
          description: "still a tail: both the temporary reference and the pin's go",
        },
        THP2011_SPLIT: { guard: "headPinned", target: "splitting", description: "the splitter holds a pin and the anon_vma lock" },
        THP2011_FREE: { guard: "unused", target: "none", actions: "clear", description: "the last reference is gone" },
      },
    },
    splitting: {
      description: "Page-table walkers wait; pins of the tail go on.",
      on: {
        THP2011_MARK: { guard: "unmarked", actions: "mark", description: "pmdp_splitting_flush: GUP-fast is halted, walkers wait" },
        THP2011_HEAD_GET: { actions: "headGet", description: "get_page(head)" },
        THP2011_TAIL_TRY: { actions: "tryHead", description: "get_page_unless_zero(head)" },
        THP2011_LOCK: { guard: "waiting", actions: "lock", description: "compound_lock" },
        THP2011_TAIL_PIN: { guard: "lockedByPinner", actions: "tailPin", description: "still a tail" },
        THP2011_TAIL_UNPIN: { guard: "lockedAndPinned", actions: "tailUnpin", description: "still a tail" },
        THP2011_SPLIT_LOCK: { guard: "allMarked", actions: "splitLock", description: "compound_lock, with all PMDs marked" },
        THP2011_SPLIT_REFS: {
          guard: "lockedBySplit", target: "split", actions: "distribute",
          description: "the tail gets one reference for each PMD and its own pins; the head loses these",
        },
      },
    },
    split: {
      description: "Single pages, mapped by PTEs; each has its own pins.",
      on: {
        THP2011_UNMAP: { guard: "mapped", actions: "unmapBoth", description: "zap, of both pages" },
        THP2011_HEAD_PUT: { guard: "headPinned", actions: "headPut", description: "put_page()" },
        THP2011_LOCK: { guard: "waiting", actions: "lock", description: "compound_lock by who began before the split" },
        THP2011_TAIL_MISS: {
          guard: "lockedByPinner", actions: "miss",
          description: "no tail any more: the temporary reference goes; the page itself is used",
        },
        THP2011_TAIL_UNPIN: { guard: "tailPinned", actions: "tailPut", description: "put_page() of the page that was the tail" },
        THP2011_FREE: { guard: "bothUnused", target: "none", actions: "clear", description: "both pages are free" },
      },
    },
  },
});
