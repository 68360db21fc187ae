/**
 * A slot of the swap area: from folio_alloc_swap() to the last entry that names it. What the states are in a kernel:
 *
 *   free    the slot's word in the swap table is NULL
 *   cached  it is a PFN: a folio in the swap cache has the content, or is about to read it
 *   stored  it is a shadow: the content is on the device alone
 *
 *   entries  its count: swap PTEs that name the slot, or are about to (or, under their lock, no longer) do
 */
import { assign, setup } from "xstate";

export const swapEntryMachine = setup({
  types: {
    context: {} as { entries: number },
    events: {} as
      | { type: "SWAP_ADD" } | { type: "SWAP_SET" } | { type: "SWAP_UNSET" } | { type: "SWAP_RECLAIM" }
      | { type: "SWAP_READ" } | { type: "SWAP_DELETE" },
  },
  guards: {
    last: ({ context }) => context.entries === 1,
    notLast: ({ context }) => context.entries > 1,
    named: ({ context }) => context.entries > 0,
    unnamed: ({ context }) => context.entries === 0,
  },
  actions: {
    more: assign({ entries: ({ context }) => context.entries + 1 }),
    less: assign({ entries: ({ context }) => context.entries - 1 }),
  },
}).createMachine({
  id: "swap-entry",
  description: "A slot of the swap area.",
  initial: "free",
  context: { entries: 0 },
  states: {
    free: {
      description: "Nobody uses the slot.",
      on: { SWAP_ADD: { target: "cached", description: "reclaim gives a folio a slot for each of its pages" } },
    },
    cached: {
      description: "In the swap cache.",
      on: {
        SWAP_SET: { actions: "more", description: "reclaim replaces a PTE, or fork duplicates an entry" },
        SWAP_UNSET: { guard: "named", actions: "less", description: "a fault maps the page again, or the entry is zapped" },
        SWAP_RECLAIM: { guard: "named", target: "stored", description: "written and dropped from memory, or never read" },
        SWAP_DELETE: { guard: "unnamed", target: "free", description: "no entry needs the slot: the folio leaves the swap cache" },
      },
    },
    stored: {
      description: "On disk alone.",
      on: {
        SWAP_SET: { actions: "more", description: "fork duplicates an entry" },
        SWAP_UNSET: [
          { guard: "last", target: "free", actions: "less", description: "the last entry is zapped" },
          { guard: "notLast", actions: "less", description: "an entry is zapped" },
        ],
        SWAP_READ: { target: "cached", description: "a fault reads it back" },
      },
    },
  },
});
