/**
 * One page of a reservation: unused until it is handed out, and then either mapped or given back. It is handed out once:
 * two faults of the same page must not both get it, because the slower one would clear what the faster one's process has
 * already written.
 *
 * One instance for each page of each huge range. A page that was handed out is used once it is an anonymous page
 * (folio_add_new_anon_rmap(), with the page-table lock), and busy until then. It remains used until the reservation ends,
 * which is before the page is freed: a block never contains a page that somebody else can get.
 *
 * `frame` is the page frame that was handed out, -1 before. A fault keeps its page when the reservation is released, and
 * may map it when there is another reservation, of other frames: that is no page of this one.
 */
import { assign, setup } from "xstate";

type WithFrame = "RESV_TAKE" | "RESV_RETURN" | "RESV_INSTALL";

export const reservedPageMachine = setup({
  types: {
    context: {} as { frame: number },
    events: {} as { type: WithFrame; frame: number } | { type: "RESV_CREATE" } | { type: "RESV_RELEASE" } | { type: "RESV_PROMOTE" },
  },
  guards: {
    mayTakeTwice: () => false,
    isIts: ({ context, event }) => "frame" in event && event.frame === context.frame,
    isAnothers: ({ context, event }) => "frame" in event && event.frame !== context.frame,
  },
  actions: {
    take: assign({ frame: ({ event }) => ("frame" in event ? event.frame : -1) }),
    clear: assign({ frame: -1 }),
  },
}).createMachine({
  id: "reserved-page",
  description: "A page of a reservation.",
  initial: "none",
  context: { frame: -1 },
  states: {
    none: {
      description: "Of no reservation.",
      on: {
        RESV_CREATE: { target: "unused", description: "its block is reserved; one reference, the reservation's" },
        RESV_INSTALL: { target: "none", description: "by a fault that had the page when its reservation was released" },
      },
    },
    unused: {
      description: "Waits for a fault.",
      on: {
        RESV_TAKE: { target: "busy", actions: "take", description: "handed out, with the reservation's reference" },
        RESV_INSTALL: { target: "unused", description: "of a page that was another reservation's" },
        RESV_RELEASE: { target: "none", description: "to the allocator" },
        RESV_PROMOTE: { target: "none", description: "cleared, and a part of the huge page" },
      },
    },
    busy: {
      description: "A fault has it and has not mapped it.",
      on: {
        RESV_TAKE: {
          guard: "mayTakeTwice", target: "busy",
          description: "the error of the first proposal: no state tells that the page is on its way",
          meta: { lacks: "a kernel that makes the errors of 2018 and is held to the machines: the patch is not" },
        },
        RESV_INSTALL: [
          { guard: "isIts", target: "used", description: "mapped by the PTE at its offset" },
          {
            guard: "isAnothers", target: "busy",
            description: "of a page that was another reservation's: the fault that has this one will find the PTE in use",
          },
        ],
        RESV_RETURN: { guard: "isIts", target: "unused", actions: "clear", description: "the fault gave up" },
        RESV_RELEASE: { target: "none", actions: "clear", description: "the fault keeps it: from now on an ordinary page" },
      },
    },
    used: {
      description: "Mapped by the PTE at its offset, or was.",
      on: {
        RESV_INSTALL: {
          guard: "isAnothers", target: "used",
          description: "of a page that was another reservation's, where this one was unmapped a moment ago",
        },
        RESV_RELEASE: { target: "none", actions: "clear", description: "an ordinary page, with the reference of its mapping" },
        RESV_PROMOTE: { target: "none", actions: "clear", description: "a part of the huge page" },
      },
    },
  },
});
