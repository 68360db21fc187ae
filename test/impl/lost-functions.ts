/** Decisions of `impl/`, each made wrong, so that a call fails although nothing stands in its way, and changes nothing else. */
import type { Replacement } from "../refinement/seeded-patch.ts";

export interface LostFunction extends Replacement {
  readonly name: string;
  readonly scenario: string;
  /** What must have been done, as the promise says it. */
  readonly function: RegExp;
}

export const LOST_FUNCTIONS: readonly LostFunction[] = [
  {
    name: "a split compares with one reference too many", file: "impl/huge-memory/split-folio.ts",
    text: "folioRefFreeze(k, folio, 1 + cached)", replacement: "folioRefFreeze(k, folio, 2 + cached)",
    scenario: "test/cases/kernel/k1-split-shared.ts", function: /a folio is split, unless/,
  },
  {
    name: "a split expects the caller's reference twice", file: "impl/huge-memory/split-folio.ts",
    text: "k.page.refcount.get(folio) - 1 !== expected", replacement: "k.page.refcount.get(folio) - 2 !== expected",
    scenario: "test/cases/kernel/k1-split-shared.ts", function: /a folio is split, unless/,
  },
  {
    name: "the walk that maps a folio again ends after the first area", file: "impl/migrate.ts",
    text: "if (start !== NONE) yield* removeMigrationPte(k, folio, vma, start, useZeroPage);\n    avc = k.avc.nextInTree.get(avc);",
    replacement: "if (start !== NONE) yield* removeMigrationPte(k, folio, vma, start, useZeroPage);\n    avc = NONE;",
    scenario: "test/cases/kernel/k1-split-shared.ts", function: /what migration entries stood for is mapped again/,
  },
  {
    name: "a scan takes pages on the LRU for pages off it", file: "impl/khugepaged/scan.ts",
    text: "if (!k.page.lru.once(folio)) return SCAN_PAGE_LRU;", replacement: "if (k.page.lru.once(folio)) return SCAN_PAGE_LRU;",
    scenario: "collapse-mremap-page", function: /a range is collapsed, unless/,
  },
  {
    name: "a collapse takes a fitting area for one that does not fit", file: "impl/khugepaged/suitability.ts",
    text: "if (!thpVmaSuitableOrder(k, vma, start)) return SCAN_ADDRESS_RANGE;",
    replacement: "if (thpVmaSuitableOrder(k, vma, start)) return SCAN_ADDRESS_RANGE;",
    scenario: "collapse-mremap-page", function: /a range is collapsed, unless/,
  },
  {
    name: "a collapse refuses pages whose references are all accounted for", file: "impl/khugepaged/isolate.ts",
    text: "k.page.refcount.get(folio) !== expected + extraRefs", replacement: "k.page.refcount.get(folio) === expected + extraRefs",
    scenario: "collapse-mremap-page", function: /a range is collapsed, unless/,
  },
  {
    name: "a promotion freezes used pages with a reference too many", file: "impl/thp-reservation/safe-promote.ts",
    text: "if (refsFreeze(k, page, USED_REFS)) {", replacement: "if (refsFreeze(k, page, USED_REFS + 1)) {",
    scenario: "reservation-khugepaged@rfc-choices", function: /a reservation is promoted, unless/,
  },
  {
    name: "a move gives up where there is a table", file: "impl/mremap.ts",
    text: "if (!table) return false;", replacement: "if (table) return false;",
    scenario: "failing-mremap", function: /memory moves, unless/,
  },
  {
    name: "a move finds room and says that there is none", file: "impl/mremap.ts",
    text: "if (found < 0) {", replacement: "if (found >= 0) {",
    scenario: "failing-mremap-grow", function: /memory moves, unless/,
  },
  {
    name: "a discard takes the zero page for a hole", file: "impl/memory/zap.ts",
    text: "if (pteNone(seen)) {", replacement: "if (pteNone(seen) || isZeroPte(k, seen)) {",
    scenario: "dontneed-pt-reclaim", function: /what is discarded is unmapped/,
  },
  {
    name: "an unmapping ends one page before the end of the area", file: "impl/memory/zap.ts",
    text: "yield* unmapPageRange(k, vma, start, Math.min(unmap.vmaEnd, k.vma.end.get(vma)), false);",
    replacement: "yield* unmapPageRange(k, vma, start, Math.min(unmap.vmaEnd, k.vma.end.get(vma)) - 1, false);",
    scenario: "munmap-huge", function: /what is discarded is unmapped/,
  },
];
