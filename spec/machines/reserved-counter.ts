/**
 * NR_THP_RESERVED: the unused pages of all reservations. MemAvailable and the overcommit heuristic add it to what is
 * free, so drift makes the machine promise memory that it does not have, or refuse memory that it has.
 *
 * One instance: the node.
 */
import { assign, setup } from "xstate";

export const reservedCounterMachine = setup({
  types: {
    context: {} as { reserved: number },
    events: {} as
      | { type: "RESV_CREATE"; pages: number } | { type: "RESV_TAKE" } | { type: "RESV_RETURN" }
      | { type: "RESV_RELEASE"; unused: number } | { type: "RESV_PROMOTE"; unused: number },
  },
  guards: {
    mayTake: ({ context }) => context.reserved > 0,
    mayDrop: ({ context, event }) => "unused" in event && event.unused <= context.reserved,
    countsReturn: () => true,
  },
  actions: {
    add: assign({ reserved: ({ context, event }) => context.reserved + (event.type === "RESV_CREATE" ? event.pages : 0) }),
    one: assign({ reserved: ({ context }) => context.reserved - 1 }),
    back: assign({ reserved: ({ context }) => context.reserved + 1 }),
    drop: assign({ reserved: ({ context, event }) => context.reserved - ("unused" in event ? event.unused : 0) }),
  },
}).createMachine({
  id: "reserved-counter",
  description: "NR_THP_RESERVED.",
  initial: "counting",
  context: { reserved: 0 },
  states: {
    counting: {
      description: "The unused pages of all reservations.",
      on: {
        RESV_CREATE: { actions: "add", description: "+ the pages of the block" },
        RESV_TAKE: { guard: "mayTake", actions: "one", description: "- 1 when a page is handed out" },
        RESV_RETURN: [
          { guard: "countsReturn", actions: "back", description: "+ 1 when the fault gave up" },
          {
            target: "counting",
            description: "the error of the first proposal: the aborted fault has already been counted",
            meta: { lacks: "a kernel that makes the errors of 2018 and is held to the machines: the patch is not" },
          },
        ],
        RESV_RELEASE: { guard: "mayDrop", actions: "drop", description: "- the unused pages" },
        RESV_PROMOTE: { guard: "mayDrop", actions: "drop", description: "- the unused pages, which the huge page uses now" },
      },
    },
  },
});
