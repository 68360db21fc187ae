/**
 * A folio that lies across two page tables, where mremap() to an unaligned address has put it. Its first page is then
 * collapsed into another folio, with its neighbour: a walk that looks for it begins at a PMD that maps that other folio,
 * and what is left of it is in the next table.
 *
 * Linux ends the walk there. With the switch `walkEndsAtOtherPmd` a split fails for no reason, and without it the same
 * scenarios hold.
 */
import { holds, violated, type Expectation, type Routine, type Scenario } from "thpcheck";
import { ENABLED_ALWAYS } from "../../impl/config/knobs.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { openGate, passGate } from "../../impl/entry/boot.ts";
import { load, store, sysMadvise, sysMremap } from "../../impl/entry/syscalls.ts";
import { MADV_COLLAPSE } from "../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import { shrinker, SPLIT_DONE, splitter } from "../../kernel/actors.ts";
import { migrating, thpScenario, type ThpScenario } from "../../kernel/thp.ts";
import { isHuge, noted, type K, type Structs } from "../../kernel/world.ts";

const ROOM: Partial<KernelOptions> = {
  // The area is the first two ranges; it moves to the others.
  hugeRanges: 4,
  // What stays, the part that moves, and its copy.
  vmas: 3,
  // As in mremap.ts.
  anonVmas: 2, anonVmaChains: 6,
  // Each range has one that is live and one deposited.
  pageTables: 8,
  // Two huge pages, the one of the collapse, and room for a copy of a page.
  frames: 8,
  enabled: ENABLED_ALWAYS,
};

/** Pages 2 and 3 are a huge page. It moves to pages 5 and 6, of two ranges, and the first of them is collapsed with page 4. */
function* owner(k: K): Routine {
  yield* store(k, 2, 1);
  yield* store(k, 3, 2);
  yield* store(k, 1, 3);
  yield* sysMremap(k, 1, 3, 3, MREMAP_MAYMOVE | MREMAP_FIXED, 4);
  yield* sysMadvise(k, 4, 2, MADV_COLLAPSE);
  yield* openGate(k);
  yield* load(k, 6);
}
function* sibling(k: K): Routine {
  yield* passGate(k);
  yield* store(k, 6, 3);
  yield* load(k, 5);
}

const WHY = "the walks of a split begin at a PMD that maps another folio, and the only page that is left is in the next table (F1)";

/** As it should be, and as Linux does it. */
function bothWays(s: Omit<ThpScenario, "expect" | "tier" | "options" | "threads">, mended: Expectation): Scenario<Structs>[] {
  const here = { "a PMD maps another folio where the walk begins": (k: K) => isHuge(k, 0, 2) };
  const common = { ...s, tier: "quick", areaEnd: 4, threads: { owner, sibling } } as const;
  return [
    thpScenario({ ...common, options: ROOM, sometimes: { ...here, ...s.sometimes }, expect: mended }),
    thpScenario({
      ...common, name: `${s.name}-other-pmd`, options: { ...ROOM, walkEndsAtOtherPmd: true }, sometimes: here,
      expect: violated("F1 a call that nothing stands in the way of does what it is for"),
    }),
  ];
}

export default [
  ...bothWays({
    name: "split-two-tables", why: WHY, others: { splitter },
    sometimes: { "the folio is split": noted(SPLIT_DONE), "a migration entry stands in the second table": (k) => migrating(k, 0) },
  }, holds()),
  ...bothWays({
    name: "split-two-tables-shrinker", why: `${WHY}, by the deferred split queue`, others: { shrinker },
    sometimes: { "a migration entry stands in the second table": (k) => migrating(k, 0) },
  }, holds()),
];
