/**
 * The life of an address space, and its registration with khugepaged.
 *
 * One instance for each mm object. What the states are in a kernel:
 *
 *   absent      mm_count is 0
 *   alive       mm_users > 0
 *   exiting     mm_users is 0, mm_count > 0: the memory is being torn down, or the object waits for its last reference
 *   registered  an mm_slot is on khugepaged's list (it holds one mm_count)
 */
import { assign, setup } from "xstate";

export const mmMachine = setup({
  types: {
    context: {} as { registered: boolean },
    events: {} as
      | { type: "MM_CREATE" } | { type: "MM_EXIT" } | { type: "MM_FREE" } | { type: "MM_REGISTER" } | { type: "MM_UNREGISTER" }
      | { type: "VMA_CREATE" } | { type: "PMD_POPULATE" } | { type: "PMD_SET_HUGE" } | { type: "TABLE_ALLOC" },
  },
  guards: {
    registered: ({ context }) => context.registered,
    unregistered: ({ context }) => !context.registered,
  },
  actions: {
    register: assign({ registered: true }),
    unregister: assign({ registered: false }),
  },
}).createMachine({
  id: "mm",
  description: "The life of an address space.",
  initial: "absent",
  context: { registered: false },
  states: {
    absent: {
      description: "No such address space.",
      on: { MM_CREATE: { target: "alive", description: "fork" } },
    },
    alive: {
      description: "A process uses it.",
      on: {
        MM_REGISTER: {
          guard: "unregistered", actions: "register",
          description: "an area that could have huge pages: khugepaged looks at it from now on",
        },
        MM_EXIT: { target: "exiting", description: "the last user is gone" },
        VMA_CREATE: { target: "alive", description: "mmap, fork, or the split of an area" },
        TABLE_ALLOC: { target: "alive", description: "a table for it" },
        PMD_POPULATE: { target: "alive", description: "a table of PTEs" },
        PMD_SET_HUGE: { target: "alive", description: "a huge page" },
      },
    },
    exiting: {
      description: "Nobody uses it; no area and no mapping is added, except by a collapse that was under way.",
      on: {
        MM_UNREGISTER: {
          guard: "registered", actions: "unregister",
          description: "exit frees the slot, or khugepaged does when its cursor has left it",
        },
        PMD_SET_HUGE: { target: "exiting", description: "a collapse that had passed its last check ends" },
        MM_FREE: { guard: "unregistered", target: "absent", description: "the last reference is gone" },
      },
    },
  },
});
