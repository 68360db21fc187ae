/**
 * Lost function (F1): a kernel that gives up without need is found, by name. Each fault here makes one decision of `impl/`
 * wrong, so that a call fails although nothing stands in its way, and changes nothing else.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTwoFilesPatch } from "diff";
import { describe, expect, it } from "vitest";
import { ask } from "../cases/run.ts";
import { ROOT } from "../house/sources.ts";

const F1 = "F1 a call that nothing stands in the way of does what it is for";

interface Fault {
  readonly name: string;
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  readonly scenario: string;
  readonly function: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    name: "a split compares with one reference too many", file: "impl/huge-memory/split-folio.ts",
    right: "folioRefFreeze(k, folio, 1)", wrong: "folioRefFreeze(k, folio, 2)",
    scenario: "test/cases/kernel/k1-split-shared.ts", function: /a folio is split, unless/,
  },
  {
    name: "a split expects the caller's reference twice", file: "impl/huge-memory/split-folio.ts",
    right: "k.page.refcount.get(folio) - 1 !== expected", wrong: "k.page.refcount.get(folio) - 2 !== expected",
    scenario: "test/cases/kernel/k1-split-shared.ts", function: /a folio is split, unless/,
  },
  {
    name: "the walk that maps a folio again ends after the first area", file: "impl/migrate.ts",
    right: "if (start !== NONE) yield* removeMigrationPte(k, folio, vma, start, useZeroPage);\n    avc = k.avc.nextInTree.get(avc);",
    wrong: "if (start !== NONE) yield* removeMigrationPte(k, folio, vma, start, useZeroPage);\n    avc = NONE;",
    scenario: "test/cases/kernel/k1-split-shared.ts", function: /what migration entries stood for is mapped again/,
  },
  {
    name: "a scan takes pages on the LRU for pages off it", file: "impl/khugepaged/scan.ts",
    right: "if (!k.page.lru.once(folio)) return SCAN_PAGE_LRU;", wrong: "if (k.page.lru.once(folio)) return SCAN_PAGE_LRU;",
    scenario: "collapse-mremap-page", function: /a range is collapsed, unless/,
  },
  {
    name: "a collapse takes a fitting area for one that does not fit", file: "impl/khugepaged/suitability.ts",
    right: "if (!thpVmaSuitableOrder(k, vma, start)) return SCAN_ADDRESS_RANGE;",
    wrong: "if (thpVmaSuitableOrder(k, vma, start)) return SCAN_ADDRESS_RANGE;",
    scenario: "collapse-mremap-page", function: /a range is collapsed, unless/,
  },
  {
    name: "a collapse refuses pages whose references are all accounted for", file: "impl/khugepaged/isolate.ts",
    right: "k.page.refcount.get(folio) !== expected + extraRefs", wrong: "k.page.refcount.get(folio) === expected + extraRefs",
    scenario: "collapse-mremap-page", function: /a range is collapsed, unless/,
  },
  {
    name: "a promotion freezes used pages with a reference too many", file: "impl/thp-reservation/safe-promote.ts",
    right: "if (refsFreeze(k, page, USED_REFS)) {", wrong: "if (refsFreeze(k, page, USED_REFS + 1)) {",
    scenario: "reservation-khugepaged@rfc-choices", function: /a reservation is promoted, unless/,
  },
  {
    name: "a move gives up where there is a table", file: "impl/mremap.ts",
    right: "if (!table) return false;", wrong: "if (table) return false;",
    scenario: "failing-mremap", function: /memory moves, unless/,
  },
  {
    name: "a move finds room and says that there is none", file: "impl/mremap.ts",
    right: "if (found < 0) {", wrong: "if (found >= 0) {",
    scenario: "failing-mremap-grow", function: /memory moves, unless/,
  },
  {
    name: "a discard takes the zero page for a hole", file: "impl/memory/zap.ts",
    right: "if (pteNone(seen)) {", wrong: "if (pteNone(seen) || isZeroPte(k, seen)) {",
    scenario: "dontneed-pt-reclaim", function: /what is discarded is unmapped/,
  },
  {
    name: "an unmapping ends one page before the end of the area", file: "impl/memory/zap.ts",
    right: "yield* unmapPageRange(k, vma, start, Math.min(unmap.vmaEnd, k.vma.end.get(vma)), false);",
    wrong: "yield* unmapPageRange(k, vma, start, Math.min(unmap.vmaEnd, k.vma.end.get(vma)) - 1, false);",
    scenario: "munmap-huge", function: /what is discarded is unmapped/,
  },
];

/** The file with the text replaced, as a patch. */
function patchOf({ file, right, wrong }: Fault): string {
  const before = readFileSync(join(ROOT, file), "utf8");
  expect(before.split(right), `${file} has another text by now`).toHaveLength(2);
  const path = join(mkdtempSync(join(tmpdir(), "thpcheck-lost-")), "fault.patch");
  writeFileSync(path, createTwoFilesPatch(`a/${file}`, `b/${file}`, before, before.replace(right, wrong), "", "", { context: 1 }));
  return path;
}

describe("a call that gives up without need", () => {
  it.each(FAULTS)("$name", async (fault) => {
    const { text, results } = await ask(["check", fault.scenario, "--patch", patchOf(fault)]);
    expect(Object.values(results).map((r) => r.violation?.property)).toContain(F1);
    expect(text).toMatch(fault.function);
  });
});
