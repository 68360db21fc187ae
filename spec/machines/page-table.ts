/**
 * A page-table page of PTEs: where it comes from, who holds it, when it may be freed.
 *
 * One instance for each page-table page. What the states are in a kernel (`ptTable.state`):
 *
 *   free       of the allocator
 *   private    allocated, withdrawn or unlinked: one operation holds it, no page table reaches it
 *              (though walkers that found it before may still be inside)
 *   live       one PMD entry points to it
 *   deposited  kept with the PMD lock's page for the split of a huge PMD
 *   rcu        unlinked, freed after a grace period
 */
import { setup } from "xstate";

export const pageTableMachine = setup({
  types: {
    events: {} as
      | { type: "TABLE_ALLOC" } | { type: "TABLE_FREE" } | { type: "TABLE_DEPOSIT" } | { type: "TABLE_WITHDRAW" } | { type: "TABLE_RCU" }
      | { type: "PMD_POPULATE" } | { type: "PMD_SPLIT" } | { type: "PMD_CLEAR" } | { type: "PMD_DETACH" } | { type: "PMD_REATTACH" }
      | { type: "PMD_REINSTALL" },
  },
}).createMachine({
  id: "page-table",
  description: "The life of a page-table page.",
  initial: "free",
  states: {
    free: {
      description: "Of the allocator.",
      on: { TABLE_ALLOC: { target: "private", description: "pte_alloc_one()" } },
    },
    private: {
      description: "Held by one operation.",
      on: {
        PMD_POPULATE: { target: "live", description: "a PMD entry points to it from now on" },
        PMD_SPLIT: { target: "live", description: "filled, it takes the place of a huge entry" },
        PMD_REATTACH: { target: "live", description: "a collapse gives up" },
        PMD_REINSTALL: { target: "live", description: "a collapse of a part of it is done" },
        TABLE_DEPOSIT: { target: "deposited", description: "with a huge PMD; it is empty" },
        TABLE_RCU: { target: "rcu", description: "lockless walkers may still be inside" },
        TABLE_FREE: { target: "free", description: "nobody has ever seen it, or only holders of its lock" },
      },
    },
    live: {
      description: "A PMD entry points to it.",
      on: {
        PMD_CLEAR: { target: "private", description: "munmap, exit or mremap unlinks it" },
        PMD_DETACH: { target: "private", description: "a collapse takes it out" },
      },
    },
    deposited: {
      description: "Kept for the split of a huge PMD.",
      on: { TABLE_WITHDRAW: { target: "private", description: "the huge PMD goes, or is split" } },
    },
    rcu: {
      description: "Waits for the end of a grace period.",
      on: { TABLE_FREE: { target: "free", description: "no walker can be inside any more" } },
    },
  },
});
