/**
 * Membership of the deferred split queue: large folios that could be split to give memory back.
 *
 * One instance for each page frame. What the states are in a kernel:
 *
 *   out       not on the queue (`deferred` clear), not partially mapped
 *   waiting   on the queue because it may be underused: `deferred` set, PG_partially_mapped clear
 *   partial   on the queue because a part of it is unmapped: `deferred` and PG_partially_mapped set
 *   taken     partially mapped, but off the queue: the shrinker has it in hands
 *
 * A folio that the shrinker finds neither underused nor partially mapped stays out until a part of it is unmapped.
 */
import { setup } from "xstate";

export const deferredSplitMachine = setup({
  types: {
    events: {} as
      | { type: "FOLIO_DEFER" } | { type: "FOLIO_UNDEFER" } | { type: "FOLIO_SET_PARTIALLY_MAPPED" }
      | { type: "FOLIO_CLEAR_PARTIALLY_MAPPED" }
      | { type: "FOLIO_SPLIT" } | { type: "FOLIO_FREE" },
  },
}).createMachine({
  id: "deferred-split",
  description: "Membership of the deferred split queue.",
  initial: "out",
  states: {
    out: {
      description: "Not on the queue.",
      on: {
        FOLIO_DEFER: { target: "waiting", description: "a new huge page, which may turn out to be underused" },
        FOLIO_SET_PARTIALLY_MAPPED: {
          target: "taken",
          description: "some of its pages, but not all, have lost their last mapping; it is queued in the same step",
        },
        FOLIO_SPLIT: { target: "out", description: "a folio is split off the queue" },
        FOLIO_FREE: { target: "out", description: "a folio is freed off the queue" },
      },
    },
    waiting: {
      description: "On the queue; all of it is mapped.",
      on: {
        FOLIO_UNDEFER: { target: "out", description: "the shrinker takes it, or it is freed or split" },
        FOLIO_SET_PARTIALLY_MAPPED: { target: "partial", description: "some of its pages, but not all, have lost their last mapping" },
      },
    },
    partial: {
      description: "On the queue, partially mapped.",
      on: {
        FOLIO_UNDEFER: { target: "taken", description: "the shrinker takes it, or it is freed or split" },
      },
    },
    taken: {
      description: "Off the queue, partially mapped: whoever took it decides.",
      on: {
        FOLIO_DEFER: { target: "partial", description: "it could not be split now, or it has just become partially mapped" },
        FOLIO_CLEAR_PARTIALLY_MAPPED: { target: "out", description: "it is being freed or split" },
      },
    },
  },
});
