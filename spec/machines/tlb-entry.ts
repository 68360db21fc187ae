/**
 * What one CPU has cached for one page of the address space that it has loaded: nothing, a small or a huge translation,
 * and never both sizes: processors may fault or mix them up.
 *
 * One instance for each CPU and page number. What the states are in a kernel's machine:
 *
 *   empty  no translation of the page
 *   small  a 4K translation of the page: `cpu.tlb` is not 0
 *   huge   a 2M translation of its range: `cpu.tlbHuge` of the range is not 0
 *
 * TLB_FILL names one page (small) or all of a range (huge). TLB_FLUSH names the pages flushed (`exact`) and, since a
 * huge translation goes as a whole, the others of their ranges.
 */
import { setup } from "xstate";

export const tlbEntryMachine = setup({
  types: {
    events: {} as { type: "TLB_FILL"; huge: boolean } | { type: "TLB_FLUSH"; exact: boolean },
  },
  guards: {
    huge: ({ event }) => event.type === "TLB_FILL" && event.huge,
    small: ({ event }) => event.type === "TLB_FILL" && !event.huge,
    exact: ({ event }) => event.type === "TLB_FLUSH" && event.exact,
  },
}).createMachine({
  id: "tlb-entry",
  description: "A cached translation.",
  initial: "empty",
  states: {
    empty: {
      description: "Nothing cached.",
      on: {
        TLB_FILL: [
          { guard: "huge", target: "huge", description: "a walk met a huge entry" },
          { guard: "small", target: "small", description: "a walk met a PTE" },
        ],
        TLB_FLUSH: { target: "empty", description: "nothing to forget" },
      },
    },
    small: {
      description: "A 4K translation.",
      on: {
        TLB_FILL: { guard: "small", target: "small", description: "walked again, for the dirty bit or for more rights" },
        TLB_FLUSH: [
          { guard: "exact", target: "empty", description: "forgotten" },
          { target: "small", description: "another page of the range is flushed" },
        ],
      },
    },
    huge: {
      description: "A 2M translation.",
      on: {
        TLB_FILL: { guard: "huge", target: "huge", description: "walked again, for the dirty bit or for more rights" },
        TLB_FLUSH: { target: "empty", description: "a flush of any page of the range forgets the whole translation" },
      },
    },
  },
});
