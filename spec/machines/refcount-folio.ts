/**
 * References of a folio as today's Linux counts them (SCHEME_FOLIO): on the head alone, whichever of its pages was meant,
 * one for each mapping and one for everybody else who holds it. This has been so since the redesign of 2015. The split
 * of a folio can therefore fail (somebody else holds a reference). The split of a PMD cannot: it only adds references.
 *
 * One instance for each page frame: the folio whose head it is. What the states are in a kernel:
 *
 *   none      no folio begins here, see `folio.ts`
 *   counted   _refcount = refs > 0
 *   frozen    _refcount 0, locked, by a split
 *   released  _refcount 0, not locked
 *
 *   refs  _refcount
 *   pmds  mappings by PMDs: _entire_mapcount + 1, 0 for a single page
 *   ptes  mappings by PTEs: _large_mapcount - _entire_mapcount, for a single page _mapcount + 1
 *   pins  _pincount
 *
 * A mapping has a reference of its own, but for one moment: while a PMD is split, the folio is mapped by the PTEs and still
 * by the PMD, whose reference the last of them takes over. So where both kinds of mappings are, as many references
 * can be missing as there are PMD mappings.
 */
import { assign, setup } from "xstate";

interface Context {
  readonly refs: number;
  readonly pmds: number;
  readonly ptes: number;
  readonly pins: number;
}

/** References that mappings and pins need. */
function needed(c: Context): number {
  return c.pins + Math.max(c.pmds, c.ptes);
}

export const refcountFolioMachine = setup({
  types: {
    context: {} as Context,
    events: {} as
      | { type: "FOLIO_ALLOC" } | { type: "FOLIO_GET"; refs: number } | { type: "FOLIO_PUT"; refs: number }
      | { type: "FOLIO_RELEASE" } | { type: "FOLIO_FREE" }
      | { type: "FOLIO_MAP_PMD" } | { type: "FOLIO_UNMAP_PMD" } | { type: "FOLIO_MAP_PTE" } | { type: "FOLIO_UNMAP_PTE" }
      | { type: "FOLIO_PIN" } | { type: "FOLIO_UNPIN" }
      | { type: "FOLIO_FREEZE" } | { type: "FOLIO_SPLIT"; part: "head" | "rest" } | { type: "FOLIO_UNFREEZE" }
      | { type: "FOLIO_SPLIT_FAIL" },
  },
  guards: {
    hasReferenceForPmd: ({ context }) => needed({ ...context, pmds: context.pmds + 1 }) <= context.refs,
    hasReferenceForPte: ({ context }) => needed({ ...context, ptes: context.ptes + 1 }) <= context.refs,
    mappedByPmd: ({ context }) => context.pmds > 0,
    mappedByPte: ({ context }) => context.ptes > 0,
    pinnable: ({ context }) => needed(context) < context.refs,
    pinned: ({ context }) => context.pins > 0,
    leavesEnough: ({ context, event }) => {
      return event.type === "FOLIO_PUT" && context.refs - event.refs > 0 && context.refs - event.refs >= needed(context);
    },
    idle: ({ context }) => needed(context) === 0,
    onlyTheSplits: ({ context }) => context.refs === 1 && needed(context) === 0,
    isHead: ({ event }) => event.type === "FOLIO_SPLIT" && event.part === "head",
    isRest: ({ event }) => event.type === "FOLIO_SPLIT" && event.part === "rest",
  },
  actions: {
    one: assign({ refs: 1, pmds: 0, ptes: 0, pins: 0 }),
    get: assign({ refs: ({ context, event }) => context.refs + (event.type === "FOLIO_GET" ? event.refs : 0) }),
    put: assign({ refs: ({ context, event }) => context.refs - (event.type === "FOLIO_PUT" ? event.refs : 0) }),
    mapPmd: assign({ pmds: ({ context }) => context.pmds + 1 }),
    unmapPmd: assign({ pmds: ({ context }) => context.pmds - 1 }),
    mapPte: assign({ ptes: ({ context }) => context.ptes + 1 }),
    unmapPte: assign({ ptes: ({ context }) => context.ptes - 1 }),
    pin: assign({ pins: ({ context }) => context.pins + 1 }),
    unpin: assign({ pins: ({ context }) => context.pins - 1 }),
    zero: assign({ refs: 0, pmds: 0, ptes: 0, pins: 0 }),
  },
}).createMachine({
  id: "refcount-folio",
  description: "References on the head.",
  initial: "none",
  context: { refs: 0, pmds: 0, ptes: 0, pins: 0 },
  states: {
    none: {
      description: "No folio begins here: nobody may take a reference.",
      on: {
        FOLIO_ALLOC: { target: "counted", actions: "one", description: "the allocator's reference is the caller's" },
        FOLIO_SPLIT: {
          guard: "isRest", target: "frozen",
          description: "a tail, which has no count of its own, becomes a head with a count of 0",
        },
      },
    },
    counted: {
      description: "One reference for each mapping, the others for whoever holds it.",
      on: {
        FOLIO_GET: { actions: "get", description: "from somebody who holds one, or by try_get: the count is not 0" },
        FOLIO_PUT: { guard: "leavesEnough", actions: "put", description: "never one that a mapping or a pin needs" },
        FOLIO_MAP_PMD: { guard: "hasReferenceForPmd", actions: "mapPmd", description: "the reference of the mapping is there before" },
        FOLIO_MAP_PTE: {
          guard: "hasReferenceForPte", actions: "mapPte",
          description: "the reference of the mapping is there before; the last PTE of a PMD split takes over that of the PMD mapping",
        },
        FOLIO_UNMAP_PMD: {
          guard: "mappedByPmd", actions: "unmapPmd",
          description: "its reference is dropped later, after the TLB flush, or has become that of a PTE",
        },
        FOLIO_UNMAP_PTE: { guard: "mappedByPte", actions: "unmapPte", description: "its reference is dropped later: after the TLB flush" },
        FOLIO_PIN: { guard: "pinnable", actions: "pin", description: "on top of a reference" },
        FOLIO_UNPIN: { guard: "pinned", actions: "unpin", description: "its reference is dropped later" },
        FOLIO_FREEZE: {
          guard: "onlyTheSplits", target: "frozen", actions: "zero",
          description: "exactly the reference of the split is left; anything else, and the split fails",
        },
        FOLIO_SPLIT_FAIL: { target: "counted", description: "a split can fail" },
        FOLIO_RELEASE: { guard: "idle", target: "released", actions: "zero", description: "the last reference goes: no mapping, no pin" },
      },
    },
    frozen: {
      description: "Nobody can take a reference.",
      on: {
        FOLIO_SPLIT: { guard: "isHead", target: "frozen", description: "its parts become folios" },
        FOLIO_UNFREEZE: { target: "counted", actions: "one", description: "one reference each" },
      },
    },
    released: {
      description: "Nobody holds it, nobody can.",
      on: { FOLIO_FREE: { target: "none", description: "the frames go back to the allocator" } },
    },
  },
});
