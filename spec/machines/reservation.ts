/**
 * A reservation of a huge page for a range that has been touched, but not filled: the block is allocated at the first
 * fault, each later fault takes the page at its own offset, and when enough are used the range is promoted in place.
 *
 * The rules are those of the safe design (section by section: hand-out and count change together, promotion from
 * exactly this reservation's pages, release of the unused pages only). What a policy may choose is in the guards: see
 * `mayReserve`, `mayPromote` and `mayRelease`, which a variant replaces with `provide`.
 *
 * One instance for each huge range of each address space. `unused` is thp_reservation.nr_unused. That a range is promoting
 * or installed no data of a kernel says: it is where the thread stands that promotes.
 */
import { assign, setup } from "xstate";

export const reservationMachine = setup({
  types: {
    context: {} as { unused: number },
    events: {} as
      | { type: "RESV_CREATE"; pages: number } | { type: "RESV_TAKE" } | { type: "RESV_RETURN" } | { type: "RESV_RELEASE"; unused: number }
      | { type: "RESV_PROMOTE"; unused: number } | { type: "RESV_PROMOTED" } | { type: "RESV_PROMOTE_FAIL" }
      | { type: "PMD_SET_HUGE" } | { type: "PMD_SET_HUGE_ZERO" } | { type: "MM_FREE" },
  },
  guards: {
    mayReserve: () => true,
    hasUnused: ({ context }) => context.unused > 0,
    mayReturn: () => true,
    countsAll: ({ context, event }) => event.type === "RESV_RELEASE" && event.unused === context.unused,
    mayPromote: ({ context, event }) => event.type === "RESV_PROMOTE" && event.unused === context.unused,
  },
  actions: {
    create: assign({ unused: ({ event }) => (event.type === "RESV_CREATE" ? event.pages : 0) }),
    take: assign({ unused: ({ context }) => context.unused - 1 }),
    giveBack: assign({ unused: ({ context }) => context.unused + 1 }),
    clear: assign({ unused: 0 }),
  },
}).createMachine({
  id: "reservation",
  description: "A huge page's worth of memory, reserved for a range and handed out page by page.",
  initial: "none",
  context: { unused: 0 },
  states: {
    none: {
      description: "No reservation.",
      on: {
        RESV_CREATE: {
          guard: "mayReserve", target: "reserved", actions: "create",
          description: "the first fault in the range; all of the range lies inside one area, and its PMD is no huge one",
        },
        PMD_SET_HUGE: { target: "none", description: "a huge PMD and a reservation of the same range never coexist" },
        PMD_SET_HUGE_ZERO: { target: "none", description: "the same holds of the huge zero page" },
        MM_FREE: { target: "none", description: "no reservation outlives its address space" },
      },
    },
    reserved: {
      description: "`unused` of its pages have not been handed out.",
      on: {
        RESV_TAKE: {
          guard: "hasUnused", actions: "take",
          description: "a fault gets the page at its own offset, together with the reservation's reference to it",
        },
        RESV_RETURN: {
          guard: "mayReturn", actions: "giveBack",
          description: "the fault gave up: charge failed, or somebody else was faster",
        },
        RESV_RELEASE: {
          guard: "countsAll", target: "none", actions: "clear",
          description: "unused pages go back to the allocator: zap, unmap, memory pressure, exit",
        },
        RESV_PROMOTE: {
          guard: "mayPromote", target: "promoting", actions: "clear",
          description: "enough are used, every PTE maps its own page: the unused ones are zeroed, all are frozen",
        },
      },
    },
    promoting: {
      description: "khugepaged turns the pages into a huge page.",
      on: {
        RESV_PROMOTED: { target: "installed", description: "the block is a compound page" },
        RESV_PROMOTE_FAIL: {
          target: "none",
          description: "too late to go back to a reservation: used pages stay mapped, the others are released",
        },
      },
    },
    installed: {
      description: "The reservation is gone, the huge page not yet mapped.",
      on: {
        PMD_SET_HUGE: { target: "none", description: "the huge PMD" },
      },
    },
  },
});
