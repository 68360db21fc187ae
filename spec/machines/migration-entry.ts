/**
 * Migration entries that stand for a page while its folio is split or migrated: the mappings are gone, who meets an
 * entry waits for the folio's lock, and in the end each entry becomes a mapping again unless it was zapped before.
 *
 * One instance for each page frame. What the states are in a kernel:
 *
 *   none      no migration entry names the page
 *   standing  `entries` PTEs, of tables that are live or held by one operation, name it; its folio is locked
 */
import { assign, setup } from "xstate";

export const migrationEntryMachine = setup({
  types: {
    context: {} as { entries: number },
    events: {} as
      | { type: "MIGRATION_SET" } | { type: "MIGRATION_REMOVE" } | { type: "MIGRATION_ZAP" } | { type: "FOLIO_FREE" }
      | { type: "FOLIO_RELEASE" },
  },
  guards: {
    last: ({ context }) => context.entries === 1,
    notLast: ({ context }) => context.entries > 1,
  },
  actions: {
    more: assign({ entries: ({ context }) => context.entries + 1 }),
    less: assign({ entries: ({ context }) => context.entries - 1 }),
  },
}).createMachine({
  id: "migration-entry",
  description: "Migration entries of a page.",
  initial: "none",
  context: { entries: 0 },
  states: {
    none: {
      description: "The page is mapped by present entries, or not at all.",
      on: {
        MIGRATION_SET: { target: "standing", actions: "more", description: "a PTE, or a part of a huge PMD, is replaced" },
        FOLIO_RELEASE: { target: "none", description: "a folio loses its last reference only when no entry names it" },
        FOLIO_FREE: { target: "none", description: "a page is freed only when no entry names it" },
      },
    },
    standing: {
      description: "Entries stand for the page; its folio is locked.",
      on: {
        MIGRATION_SET: { actions: "more", description: "in another address space, by the walk or by fork" },
        MIGRATION_REMOVE: [
          { guard: "last", target: "none", actions: "less", description: "the last one is mapped again, or becomes the zero page" },
          { guard: "notLast", actions: "less", description: "mapped again, or moved by mremap" },
        ],
        MIGRATION_ZAP: [
          { guard: "last", target: "none", actions: "less", description: "the last one is unmapped by its process" },
          { guard: "notLast", actions: "less", description: "unmapped by its process" },
        ],
      },
    },
  },
});
