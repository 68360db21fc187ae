/**
 * How areas cover a huge range, and what that permits: a huge PMD lies inside one area, always. So whoever moves a
 * boundary into a huge range splits the PMD first.
 *
 * One instance for each huge range of each address space. Attached areas are those in the tree: `vma.mm` is the address
 * space and `vma.detached` is clear. What the states are in a kernel:
 *
 *   bare      no attached area touches the range
 *   cut       areas touch it, none contains it
 *   whole     an area contains it; the PMD entry is none or a table
 *   huge      an area contains it; the PMD entry is a leaf (huge page, huge zero page, invalidated or not)
 *   orphaned  the PMD entry is a leaf and no attached area contains the range: munmap has detached the area and not yet zapped the PMD
 *
 *   areas  attached areas that touch the range
 *   whole  attached areas that contain it: 2 only inside the step of a merge, which grows one area before it removes another
 */
import { assign, setup } from "xstate";

type Coverage = { areas: number; whole: number };
/** `before`, `after`: what the area is to the range: 0 outside of it, 1 touches it, 2 contains it. */
type AreaEvent = { type: "VMA_CREATE" | "VMA_BOUNDS" | "VMA_REMOVE"; before: number; after: number };
type Event =
  | AreaEvent | { type: "PMD_SET_HUGE" } | { type: "PMD_SET_HUGE_ZERO" } | { type: "PMD_SPLIT" }
  | { type: "PMD_CLEAR"; table: boolean } | { type: "RESV_CREATE" };

const areasAfter = (c: Coverage, e: Event): number => ("after" in e ? c.areas + (e.after > 0 ? 1 : 0) - (e.before > 0 ? 1 : 0) : c.areas);
const wholeAfter = (c: Coverage, e: Event): number => {
  return "after" in e ? c.whole + (e.after === 2 ? 1 : 0) - (e.before === 2 ? 1 : 0) : c.whole;
};
/** The area was to the range what the event says, and is something else now. */
const possible = (c: Coverage, e: Event): boolean => {
  return "after" in e && e.before !== e.after && (e.before === 0 || (e.before === 1 ? c.areas > c.whole : c.whole > 0));
};

export const vmaBoundsMachine = setup({
  types: {
    context: {} as Coverage,
    events: {} as Event,
  },
  guards: {
    ofTable: ({ event }) => event.type === "PMD_CLEAR" && event.table,
    ofLeaf: ({ event }) => event.type === "PMD_CLEAR" && !event.table,
    containedAfter: ({ context, event }) => possible(context, event) && wholeAfter(context, event) > 0,
    touchedAfter: ({ context, event }) => possible(context, event) && areasAfter(context, event) > 0 && wholeAfter(context, event) === 0,
    leftAfter: ({ context, event }) => possible(context, event) && areasAfter(context, event) === 0,
    uncontainedAfter: ({ context, event }) => possible(context, event) && wholeAfter(context, event) === 0,
  },
  actions: {
    recount: assign({
      areas: ({ context, event }) => areasAfter(context, event), whole: ({ context, event }) => wholeAfter(context, event),
    }),
  },
}).createMachine({
  id: "vma-bounds",
  description: "A huge PMD lies inside one area.",
  initial: "bare",
  context: { areas: 0, whole: 0 },
  states: {
    bare: {
      description: "No area.",
      on: {
        VMA_CREATE: [
          { guard: "containedAfter", target: "whole", actions: "recount", description: "an area that contains the range" },
          { guard: "touchedAfter", target: "cut", actions: "recount", description: "an area that touches the range" },
        ],
        VMA_BOUNDS: [
          { guard: "containedAfter", target: "whole", actions: "recount", description: "an area grows over the range" },
          { guard: "touchedAfter", target: "cut", actions: "recount", description: "an area grows into the range" },
        ],
        PMD_CLEAR: { guard: "ofTable", target: "bare", description: "munmap frees a table" },
      },
    },
    cut: {
      description: "Areas with boundaries inside the range.",
      on: {
        VMA_CREATE: {
          guard: "touchedAfter", target: "cut", actions: "recount",
          description: "another area that touches the range; none can contain it, since areas do not overlap",
        },
        VMA_BOUNDS: [
          { guard: "containedAfter", target: "whole", actions: "recount", description: "a merge" },
          { guard: "touchedAfter", target: "cut", actions: "recount", description: "boundaries move" },
          { guard: "leftAfter", target: "bare", actions: "recount", description: "the last area that touches the range leaves it" },
        ],
        VMA_REMOVE: [
          { guard: "touchedAfter", target: "cut", actions: "recount", description: "one of several areas goes" },
          { guard: "leftAfter", target: "bare", actions: "recount", description: "the last one goes" },
        ],
        PMD_CLEAR: { guard: "ofTable", target: "cut", description: "exit frees tables while the areas are still there" },
      },
    },
    whole: {
      description: "One area contains the range: a huge page may be mapped.",
      on: {
        VMA_CREATE: {
          guard: "containedAfter", target: "whole", actions: "recount",
          description: "the split of an area links the new part before the old one shrinks",
        },
        VMA_BOUNDS: [
          { guard: "containedAfter", target: "whole", actions: "recount", description: "a merge" },
          { guard: "touchedAfter", target: "cut", actions: "recount", description: "a boundary moves into the range" },
          { guard: "leftAfter", target: "bare", actions: "recount", description: "the area leaves the range" },
        ],
        VMA_REMOVE: [
          { guard: "containedAfter", target: "whole", actions: "recount", description: "a merge has grown another area over the range" },
          { guard: "leftAfter", target: "bare", actions: "recount", description: "munmap, exit" },
        ],
        RESV_CREATE: { target: "whole", description: "a reservation for a range that one area contains" },
        PMD_SET_HUGE: { target: "huge", description: "fault, fork, mremap or collapse" },
        PMD_SET_HUGE_ZERO: { target: "huge", description: "read fault, fork or mremap" },
        PMD_SPLIT: { target: "whole", description: "the huge zero page, whose entry is cleared first" },
        PMD_CLEAR: { guard: "ofTable", target: "whole", description: "a table goes" },
      },
    },
    huge: {
      description: "A huge PMD inside one area. No boundary may come into the range.",
      on: {
        VMA_CREATE: {
          guard: "containedAfter", target: "huge", actions: "recount",
          description: "an area is linked before another one that it replaces goes",
        },
        VMA_BOUNDS: {
          guard: "containedAfter", target: "huge", actions: "recount",
          description: "boundaries outside of the range, or a merge: the range stays inside one area",
        },
        VMA_REMOVE: [
          { guard: "containedAfter", target: "huge", actions: "recount", description: "a merge has grown another area over the range" },
          {
            guard: "uncontainedAfter", target: "orphaned", actions: "recount",
            description: "munmap detaches the whole area before it zaps",
          },
        ],
        PMD_SET_HUGE: { target: "huge", description: "the same entry with other bits" },
        PMD_SPLIT: { target: "whole", description: "into a table: boundaries may move now" },
        PMD_CLEAR: { guard: "ofLeaf", target: "whole", description: "zap, mremap or the replacement of the huge zero page" },
      },
    },
    orphaned: {
      description: "A huge PMD of a detached area, which munmap or exit is about to zap.",
      on: {
        PMD_CLEAR: { guard: "ofLeaf", target: "bare", description: "zap" },
        PMD_SPLIT: { target: "bare", description: "by an rmap walk that meets it before the zap does" },
        PMD_SET_HUGE: {
          target: "orphaned",
          description: "an rmap walk puts the entry back",
          meta: { lacks: "migration of whole huge pages" },
        },
      },
    },
  },
});
