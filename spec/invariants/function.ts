/** Lost function: failure needs a cause that is visible. */
import { LOST_COLLAPSE, LOST_DISCARD, LOST_MIGRATION, LOST_MOVE, LOST_NOTHING, LOST_PROMOTION, LOST_SPLIT } from "../enumerations.ts";
import { never, type Invariant } from "../invariant.ts";

/** What must be so, by the call that has lost its function. */
const FUNCTIONS: Readonly<Record<number, string>> = {
  [LOST_SPLIT]: "a folio is split, unless somebody else refers to it, or nothing maps it",
  [LOST_COLLAPSE]: "a range is collapsed, unless what the result names is there",
  [LOST_PROMOTION]: "a reservation is promoted, unless what the result names is there",
  [LOST_MOVE]: "memory moves, unless there is no memory or no room, and nothing stays behind",
  [LOST_MIGRATION]: "what migration entries stood for is mapped again",
  [LOST_DISCARD]: "what is discarded is unmapped",
};

export const functionInvariants: readonly Invariant[] = [
  {
    id: "F1", name: "a call that nothing stands in the way of does what it is for",
    why:
      "a split, a collapse, a promotion, a move that gives up without need loses memory or time, and breaks no other promise; " +
      "what it should have done, reclaim and the administrator wait for",
    source:
      "each failure of mm/huge_memory.c __folio_split(), mm/khugepaged.c collapse_huge_page(), mm/mremap.c move_vma() has its " +
      "reason in the comments there; impl/lost-function.ts and impl/khugepaged/visible-cause.ts judge them in the step that decides",
    excuse: never,
    holds: (v) => {
      const what = v.lost.what.get();
      return what === LOST_NOTHING ? true : { conjunct: FUNCTIONS[what]!, values: { result: v.lost.detail.get() } };
    },
  },
];
