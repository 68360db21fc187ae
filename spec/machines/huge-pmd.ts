/**
 * A PMD entry: none, a table of PTEs, or a huge page, and the ways between them.
 *
 * A huge entry becomes a table by a split, which never fails and never allocates: there is no event for its failure. A
 * table never becomes a huge entry directly: a collapse takes the table out first, so that nobody can be inside it.
 *
 * One instance for each huge range of each address space. What the states are in a kernel:
 *
 *   none      the entry is 0, and no collapse holds the range's table
 *   table     present and no leaf: points to a table of PTEs
 *   huge      a present (or PROT_NONE) leaf that maps a folio
 *   zero      a leaf that maps the huge zero page
 *   invalid   a leaf that names its folio but is not present for the hardware: pmdp_invalidate()
 *   migration a leaf that is a migration entry
 *   detached  the entry is 0, and a collapse holds the table: the machine `collapse` of some CPU is in detached or isolated with this range
 *   copied    as detached, but the table has been given up: `collapse` is in copied
 *
 * While detached or copied: mmap_lock and the VMA lock are held for writing, so no fault populates the entry.
 *
 * COLLAPSE_RESULT comes here when a collapse has succeeded, after PMD_SET_HUGE. Most often the huge page is there then; but
 * the VMA lock goes first and mmap_lock, with the report, in the next step. In between, who needs the VMA lock alone
 * (a fault, MADV_DONTNEED) may have zapped the huge page, split it, or read its range anew: so `none`, `table`, `invalid`
 * and `zero` accept it. No other collapse can have begun, which takes mmap_lock: `detached` and `copied` do not.
 * Permissions of a huge entry, and that it may change them, are left to the invariants (X1, T9).
 */
import { setup } from "xstate";

export const hugePmdMachine = setup({
  types: {
    events: {} as
      | { type: "PMD_POPULATE" } | { type: "PMD_SET_HUGE" } | { type: "PMD_SET_HUGE_ZERO" } | { type: "PMD_INVALIDATE" }
      | { type: "PMD_SPLIT" } | { type: "PMD_CLEAR"; table: boolean }
      | { type: "PMD_DETACH" } | { type: "PMD_REATTACH" } | { type: "PMD_REINSTALL" }
      | { type: "COLLAPSE_COPIED" } | { type: "COLLAPSE_RESULT" }
      | { type: "PMD_SET_MIGRATION" } | { type: "TLB_FILL" } | { type: "MM_FREE" } | { type: "RESV_CREATE" },
  },
  guards: {
    ofTable: ({ event }) => event.type === "PMD_CLEAR" && event.table,
    ofLeaf: ({ event }) => event.type === "PMD_CLEAR" && !event.table,
  },
}).createMachine({
  id: "huge-pmd",
  description: "A PMD entry and the transitions that it may make.",
  initial: "none",
  states: {
    none: {
      description: "Nothing is mapped in the huge range.",
      on: {
        PMD_POPULATE: { target: "table", description: "a fault, fork or mremap installs a table of PTEs" },
        PMD_SET_HUGE: { target: "huge", description: "a fault, fork or mremap maps a huge page; its table is deposited before" },
        PMD_SET_HUGE_ZERO: { target: "zero", description: "a read fault, fork or mremap maps the huge zero page" },
        PMD_SPLIT: { target: "table", description: "the split of the huge zero page, whose entry is cleared first" },
        MM_FREE: { target: "none", description: "an address space ends with nothing mapped" },
        COLLAPSE_RESULT: {
          target: "none",
          description: "a collapse has succeeded, and the huge page has been zapped already: its VMA lock goes before it reports",
        },
        RESV_CREATE: { target: "none", description: "a reservation begins before anything is mapped" },
      },
    },
    table: {
      description: "A table of PTEs.",
      on: {
        PMD_CLEAR: { guard: "ofTable", target: "none", description: "munmap or exit frees the table, or mremap moves it" },
        COLLAPSE_RESULT: { target: "table", description: "a collapse has succeeded, and the split of the huge page already as well" },
        RESV_CREATE: { target: "table", description: "a reservation for a range with other pages" },
        PMD_DETACH: { target: "detached", description: "a collapse takes the table out; translations are flushed" },
      },
    },
    huge: {
      description: "A huge page.",
      on: {
        PMD_INVALIDATE: { target: "invalid", description: "out of the hardware's reach before it changes" },
        PMD_CLEAR: { guard: "ofLeaf", target: "none", description: "zap, or mremap moves it" },
        PMD_SET_MIGRATION: {
          target: "migration",
          description: "page migration of a whole huge page",
          meta: { lacks: "migration of whole huge pages" },
        },
        COLLAPSE_RESULT: { target: "huge", description: "a collapse has succeeded only when the huge page is there" },
        TLB_FILL: { target: "huge", description: "a CPU caches the huge translation" },
      },
    },
    zero: {
      description: "The huge zero page.",
      on: {
        COLLAPSE_RESULT: {
          target: "zero",
          description:
            "a collapse has succeeded, and the huge page has been zapped already, and the range read, which maps " +
            "the huge zero page: its VMA lock goes before it reports",
        },
        PMD_CLEAR: { guard: "ofLeaf", target: "none", description: "zap, mremap, split, or a write that gets a huge page" },
        TLB_FILL: { target: "zero", description: "a CPU caches the huge translation" },
      },
    },
    invalid: {
      description: "A huge page that the hardware cannot use.",
      on: {
        COLLAPSE_RESULT: { target: "invalid", description: "a collapse has succeeded, and the split of the huge page begun" },
        PMD_SPLIT: { target: "table", description: "the deposited table, filled, takes its place; this cannot fail" },
        PMD_SET_HUGE: { target: "huge", description: "back with other bits" },
      },
    },
    migration: {
      description: "A migration entry for a whole huge page.",
      on: {
        PMD_SET_HUGE: { target: "huge", description: "the migration ends", meta: { lacks: "migration of whole huge pages" } },
        PMD_SPLIT: {
          target: "table",
          description: "into migration entries for each page",
          meta: { lacks: "migration of whole huge pages" },
        },
        PMD_CLEAR: { guard: "ofLeaf", target: "none", description: "zap", meta: { lacks: "migration of whole huge pages" } },
      },
    },
    detached: {
      description: "A collapse holds the table.",
      on: {
        PMD_REATTACH: { target: "table", description: "the collapse gives up: the table is as it was" },
        COLLAPSE_COPIED: { target: "copied", description: "the huge page has the content of all pages: no way back" },
      },
    },
    copied: {
      description: "A collapse replaces the table.",
      on: {
        PMD_SET_HUGE: { target: "huge", description: "the huge page takes the table's place; the table is deposited with it" },
        PMD_REINSTALL: { target: "table", description: "the table goes back, for a folio that is smaller than a huge page" },
      },
    },
  },
});
