/**
 * The life of a folio: allocated, mapped by PMDs and by PTEs, pinned, isolated, frozen and split, or freed.
 *
 * One instance for each page frame: the folio whose head it is. What the states are in a kernel:
 *
 *   absent    no folio begins here: the frame lies in a free block, or is the tail of a folio
 *   owned     head, _refcount > 0, mapped by nothing
 *   mapped    head, _refcount > 0, mapped: pmds + ptes > 0
 *   frozen    head, _refcount 0 and locked: a split has frozen it, or it is a part that the split has just cut off
 *   released  head, _refcount 0 and not locked: the last reference is gone, it is on its way to the allocator
 *
 *   order     its order, while owned, mapped or frozen; else 0
 *   pmds      _entire_mapcount + 1 (0 for a single page)
 *   ptes      mappings by PTEs: _large_mapcount - _entire_mapcount, for a single page _mapcount + 1
 *   pins      _pincount: pins by FOLL_PIN
 *   lru       PG_lru, or waiting in the LRU batch of a CPU; false while released
 *
 * Membership of the deferred split queue is a machine of its own (`deferred-split.ts`), so are its references
 * (`refcount-folio.ts`) and the migration entries that stand for its pages (`migration-entry.ts`).
 */
import { assign, setup } from "xstate";

export const folioMachine = setup({
  types: {
    context: {} as { order: number; pmds: number; ptes: number; pins: number; lru: boolean },
    events: {} as
      | { type: "FOLIO_ALLOC"; order: number }
      | { type: "FOLIO_MAP_PMD" } | { type: "FOLIO_UNMAP_PMD" } | { type: "FOLIO_MAP_PTE" } | { type: "FOLIO_UNMAP_PTE" }
      | { type: "FOLIO_PIN" } | { type: "FOLIO_UNPIN" }
      | { type: "FOLIO_LRU_ADD" } | { type: "FOLIO_ISOLATE" } | { type: "FOLIO_PUTBACK" }
      | { type: "FOLIO_FREEZE" } | { type: "FOLIO_SPLIT"; part: "head" | "rest"; order: number }
      | { type: "FOLIO_UNFREEZE"; order: number }
      | { type: "FOLIO_SPLIT_FAIL" }
      | { type: "FOLIO_DEFER" } | { type: "FOLIO_SET_PARTIALLY_MAPPED" } | { type: "FOLIO_RELEASE" } | { type: "FOLIO_FREE" },
  },
  guards: {
    large: ({ context }) => context.order > 0,
    asMeant: ({ context, event }) => event.type === "FOLIO_UNFREEZE" && context.order === event.order,
    onLru: ({ context }) => context.lru,
    offLru: ({ context }) => !context.lru,
    unpinned: ({ context }) => context.pins === 0,
    pinned: ({ context }) => context.pins > 0,
    mayFreeze: ({ context }) => context.order > 0 && context.pins === 0,
    lastIsPmd: ({ context }) => context.pmds === 1 && context.ptes === 0,
    moreThanPmd: ({ context }) => context.pmds > 0 && context.pmds + context.ptes > 1,
    lastIsPte: ({ context }) => context.ptes === 1 && context.pmds === 0,
    moreThanPte: ({ context }) => context.ptes > 0 && context.pmds + context.ptes > 1,
    isHead: ({ context, event }) => event.type === "FOLIO_SPLIT" && event.part === "head" && context.order > event.order,
    isRest: ({ event }) => event.type === "FOLIO_SPLIT" && event.part === "rest",
  },
  actions: {
    begin: assign({ order: ({ event }) => (event.type === "FOLIO_ALLOC" ? event.order : 0) }),
    mapPmd: assign({ pmds: ({ context }) => context.pmds + 1 }),
    unmapPmd: assign({ pmds: ({ context }) => context.pmds - 1 }),
    mapPte: assign({ ptes: ({ context }) => context.ptes + 1 }),
    unmapPte: assign({ ptes: ({ context }) => context.ptes - 1 }),
    pin: assign({ pins: ({ context }) => context.pins + 1 }),
    unpin: assign({ pins: ({ context }) => context.pins - 1 }),
    joinLru: assign({ lru: true }),
    leaveLru: assign({ lru: false }),
    becomePart: assign({ order: ({ event }) => (event.type === "FOLIO_SPLIT" ? event.order : 0) }),
    forget: assign({ order: 0, pmds: 0, ptes: 0, pins: 0, lru: false }),
  },
}).createMachine({
  id: "folio",
  description: "The life of a folio.",
  initial: "absent",
  context: { order: 0, pmds: 0, ptes: 0, pins: 0, lru: false },
  states: {
    absent: {
      description: "No folio begins at this frame.",
      on: {
        FOLIO_ALLOC: { target: "owned", actions: "begin", description: "the allocator hands out the frames with one reference" },
        FOLIO_SPLIT: {
          guard: "isRest", target: "frozen", actions: "becomePart",
          description: "a tail page begins a folio of its own; its count is still 0, and it is not on the LRU",
        },
      },
    },
    owned: {
      description: "Somebody holds a reference; no page table maps it.",
      on: {
        FOLIO_MAP_PMD: { guard: "large", target: "mapped", actions: "mapPmd", description: "first mapping, or again after a migration" },
        FOLIO_MAP_PTE: { target: "mapped", actions: "mapPte", description: "first mapping, or again after a migration" },
        FOLIO_PIN: { actions: "pin", description: "a lockless pinner that will find the entry gone, and unpin" },
        FOLIO_UNPIN: { guard: "pinned", actions: "unpin", description: "the pin may outlive the mapping" },
        FOLIO_LRU_ADD: {
          guard: "offLru", actions: "joinLru",
          description: "into the batch of a CPU, from there to the LRU; a page that was split off, at once",
        },
        FOLIO_ISOLATE: { guard: "onLru", actions: "leaveLru", description: "somebody takes it off the LRU, with a reference" },
        FOLIO_PUTBACK: { guard: "offLru", actions: "joinLru", description: "the isolation ends" },
        FOLIO_FREEZE: {
          guard: "mayFreeze", target: "frozen",
          description: "the split holds the only reference and makes it 0: nobody can get another",
        },
        FOLIO_SET_PARTIALLY_MAPPED: { guard: "large", target: "owned", description: "noticed before the rest was unmapped" },
        FOLIO_SPLIT_FAIL: { target: "owned", description: "nothing maps it, or it is a single page: no split" },
        FOLIO_DEFER: {
          guard: "large", target: "owned",
          description: "the shrinker, which holds a reference, puts it back on the split queue",
        },
        FOLIO_RELEASE: { guard: "unpinned", target: "released", actions: "forget", description: "the last reference goes" },
      },
    },
    mapped: {
      description: "Page tables map it.",
      on: {
        FOLIO_MAP_PMD: { guard: "large", actions: "mapPmd", description: "fork" },
        FOLIO_MAP_PTE: { actions: "mapPte", description: "fork, the split of a PMD, or the end of a migration" },
        FOLIO_UNMAP_PMD: [
          { guard: "lastIsPmd", target: "owned", actions: "unmapPmd", description: "the last mapping goes" },
          { guard: "moreThanPmd", actions: "unmapPmd", description: "zap, or the split of a PMD" },
        ],
        FOLIO_UNMAP_PTE: [
          { guard: "lastIsPte", target: "owned", actions: "unmapPte", description: "the last mapping goes" },
          { guard: "moreThanPte", actions: "unmapPte", description: "zap, copy-on-write, migration, collapse" },
        ],
        FOLIO_PIN: { actions: "pin", description: "get_user_pages with FOLL_PIN" },
        FOLIO_UNPIN: { guard: "pinned", actions: "unpin", description: "the pin ends" },
        FOLIO_LRU_ADD: { guard: "offLru", actions: "joinLru", description: "a new folio, after its first mapping" },
        FOLIO_ISOLATE: { guard: "onLru", actions: "leaveLru", description: "a collapse takes the folio it is going to replace" },
        FOLIO_PUTBACK: { guard: "offLru", actions: "joinLru", description: "the isolation ends" },
        FOLIO_DEFER: { guard: "large", target: "mapped", description: "it joins the split queue" },
        FOLIO_SET_PARTIALLY_MAPPED: { guard: "large", target: "mapped", description: "a part of it is unmapped" },
        FOLIO_SPLIT_FAIL: { target: "mapped", description: "somebody else holds a reference: the folio stays whole, and mapped" },
      },
    },
    frozen: {
      description: "A split is at work; the reference count is 0.",
      on: {
        FOLIO_SPLIT: {
          guard: "isHead", actions: "becomePart", description: "its parts become folios; this is the first, and may be split again",
        },
        FOLIO_UNFREEZE: {
          guard: "asMeant", target: "owned",
          description: "one reference again; only of the order that the split was to leave it with, which cannot fail any more",
        },
      },
    },
    released: {
      description: "Nobody refers to it any more.",
      on: {
        FOLIO_FREE: { target: "absent", description: "the frames go back to the allocator" },
      },
    },
  },
});
