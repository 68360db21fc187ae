/**
 * One page of a reservation: unused until it is handed out, and then either mapped or given back. It is handed out once:
 * two faults of the same page must not both get it, because the slower one would clear what the faster one's process has
 * already written.
 *
 * One instance for each page of each huge range. A page that was handed out is used if the PTE at its offset maps it, and
 * busy if not.
 */
import { setup } from "xstate";

export const reservedPageMachine = setup({
  types: {
    events: {} as { type: "RESV_CREATE" } | { type: "RESV_TAKE" } | { type: "RESV_RETURN" } | { type: "RESV_INSTALL" } | { type: "RESV_RELEASE" } | { type: "RESV_PROMOTE" },
  },
  guards: { mayTakeTwice: () => false },
}).createMachine({
  id: "reserved-page",
  description: "A page of a reservation.",
  initial: "none",
  states: {
    none: {
      description: "Of no reservation.",
      on: {
        RESV_CREATE: { target: "unused", description: "its block is reserved; one reference, the reservation's" },
      },
    },
    unused: {
      description: "Waits for a fault.",
      on: {
        RESV_TAKE: { target: "busy", description: "handed out, with the reservation's reference" },
        RESV_RELEASE: { target: "none", description: "to the allocator" },
        RESV_PROMOTE: { target: "none", description: "cleared, and a part of the huge page" },
      },
    },
    busy: {
      description: "A fault has it and has not mapped it.",
      on: {
        RESV_TAKE: { guard: "mayTakeTwice", target: "busy", description: "the error of the first proposal: no state tells that the page is on its way" },
        RESV_INSTALL: { target: "used", description: "mapped by the PTE at its offset" },
        RESV_RETURN: { target: "unused", description: "the fault gave up" },
        RESV_RELEASE: { target: "none", description: "the fault keeps it: from now on an ordinary page" },
      },
    },
    used: {
      description: "Mapped by the PTE at its offset.",
      on: {
        RESV_RELEASE: { target: "none", description: "an ordinary page, with the reference of its mapping" },
        RESV_PROMOTE: { target: "none", description: "a part of the huge page" },
      },
    },
  },
});
