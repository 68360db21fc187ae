/** Faults in khugepaged's collapse to sizes between a page and a huge page, each of one place, and the promise that names it. */
import type { MthpFault } from "./mthp-faults.ts";

const COLLAPSE = "impl/khugepaged/collapse.ts";
const WALK = "impl/khugepaged/mthp-collapse.ts";
const ISOLATE = "impl/khugepaged/isolate.ts";
const LIMITS = "impl/khugepaged/suitability.ts";
const BESIDE = /^K13 entries outside of a window are as they were/;
/** A collapse gives up, and nothing stands in its way. */
const FUNCTION = /^F1 a call that nothing stands in the way of does what it is for/;
const OVER = /^assertion: .*a new folio is mapped over what another entry maps/;
/** A page is given back that was not isolated. */
const RELEASED = /^assertion: .*khugepaged: an isolated folio is on the LRU/;

/** Their scenarios are those of test/scenarios/mthp-collapse.ts. */
export const MTHP_COLLAPSE_FAULTS: readonly MthpFault[] = [
  {
    name: "the entry behind the window is cleared, too", file: COLLAPSE, scenario: "mthp-collapse-zero", found: BESIDE,
    text: "for (let j = 0; j < nr; j++) setPteAt(k, table, i + j, ENTRY_NONE);",
    replacement: "for (let j = 0; j < nr; j++) setPteAt(k, table, i + j, ENTRY_NONE);\n" +
      "    if (i + nr === windowFirst(k) + (1 << cc.order) && i + nr < k.param.hpagePmdNr.get()) setPteAt(k, table, i + nr, ENTRY_NONE);",
  },
  {
    name: "the pages of the first window are copied, whatever the window", file: COLLAPSE,
    scenario: "mthp-collapse-alone", found: /^P16 memory holds what was stored last/,
    text: "const pte: Entry = ptepGetLockless(k, table, windowFirst(k) + i);",
    replacement: "const pte: Entry = ptepGetLockless(k, table, i);",
  },
  {
    name: "the pages of the first window are isolated, whatever the window", file: ISOLATE,
    scenario: "mthp-collapse-alone", found: FUNCTION,
    text: "let i: PteIndex = windowFirst(k);\n  while (i < windowFirst(k) + (1 << cc.order)) {",
    replacement: "let i: PteIndex = 0;\n  while (i < 1 << cc.order) {",
  },
  {
    name: "everything to the end of the table is unmapped", file: COLLAPSE,
    scenario: "mthp-collapse-hole", found: RELEASED,
    text: "while (i < windowFirst(k) + (1 << cc.order)) {\n    const pte: Entry = ptepGetLockless(k, table, i);",
    replacement: "while (i < k.param.hpagePmdNr.get()) {\n    const pte: Entry = ptepGetLockless(k, table, i);",
  },
  {
    name: "the folio is mapped at the beginning of the range", file: COLLAPSE,
    scenario: "mthp-collapse-alone", found: OVER,
    text: "yield* mapAnonFolioPteNopf(k, folio, table, vma, start);\n  announceWindow(k);",
    replacement: "yield* mapAnonFolioPteNopf(k, folio, table, vma, hpageAddress(k, start));\n  announceWindow(k);",
  },
  {
    name: "the folio has the size of a huge page", file: COLLAPSE,
    scenario: "mthp-collapse-alone", found: OVER,
    text: "yield* allocFolio(k, cc.order, true);", replacement: "yield* allocFolio(k, k.param.hpagePmdOrder.get(), true);",
  },
  {
    name: "the anon_vma is released when the window is isolated", file: COLLAPSE,
    scenario: "mthp-collapse-split", found: /^L5 the anon_vma lock is kept/,
    text: "if (isPmdOrder(k, cc.order)) anonVmaUnlockWrite(k, anonVma);\n\n", replacement: "anonVmaUnlockWrite(k, anonVma);\n\n",
  },
  {
    name: "the anon_vma is released before the table is back, after a failure", file: COLLAPSE,
    scenario: "mthp-collapse-gup", found: /^L5 the anon_vma lock is kept/,
    text: "    yield* reattachTable(k, mm, start, table, false);\n    anonVmaUnlockWrite(k, anonVma);\n",
    replacement: "    anonVmaUnlockWrite(k, anonVma);\n    yield* reattachTable(k, mm, start, table, false);\n",
  },
  {
    name: "the anon_vma is kept after poison", file: COLLAPSE,
    scenario: "mthp-collapse-fails", found: /^lock-held-at-exit: .*holds anonVma/,
    text: "    if (!isPmdOrder(k, cc.order)) anonVmaUnlockWrite(k, anonVma);\n    return SCAN_COPY_MC;",
    replacement: "    return SCAN_COPY_MC;",
  },
  {
    name: "after poison the pages of the first window are given back", file: COLLAPSE,
    scenario: "mthp-collapse-fails", found: /^lock-held-at-exit: .*holds page/,
    text: "releasePtePages(k, table, windowFirst(k) + (1 << cc.order));", replacement: "releasePtePages(k, table, 1 << cc.order);",
  },
  {
    name: "pages of neighbours are given back with those of the window", file: ISOLATE,
    scenario: "mthp-collapse-gup-beside", found: RELEASED,
    text: "left > windowFirst(k); left--", replacement: "left > 0; left--",
  },
  {
    name: "a hole is filled although max_ptes_none is 0", file: LIMITS,
    scenario: "mthp-collapse-hole", found: /^K7 a collapse to a smaller size/,
    text: "(1 << order) - 1 : 0;", replacement: "(1 << order) - 1 : 1;",
  },
  {
    name: "what fills a hole is not counted", file: COLLAPSE, scenario: "mthp-collapse-fills", found: /^T8 MM_ANONPAGES/,
    text: "      k.mm.anonPages.add(k.vma.mm.get(vma), 1);\n",
    replacement: "      if (isPmdOrder(k, cc.order)) k.mm.anonPages.add(k.vma.mm.get(vma), 1);\n",
  },
  {
    name: "what has been collapsed is tried in smaller windows", file: WALK,
    scenario: "mthp-collapse-sizes", found: /^K8 windows of one pass/,
    text: "descends = lowerMaySucceed(result);", replacement: "descends = lowerMaySucceed(result) || result === SCAN_SUCCEED;",
  },
  {
    name: "the table is not looked for again under the lock", file: "impl/khugepaged/detach.ts",
    scenario: "mthp-collapse-table", found: /^assertion: .*unlinking a table where there is none/,
    text: "  if (still !== SCAN_SUCCEED) return still;\n", replacement: "",
  },
  {
    name: "a window asks whether huge pages are enabled", file: LIMITS, scenario: "mthp-collapse-alone", found: FUNCTION,
    text: "isInSet(collapsePossibleOrders(k, vma), cc.order)",
    replacement: "isInSet(collapsePossibleOrders(k, vma), k.param.hpagePmdOrder.get())",
  },
  {
    name: "the walk goes on where no window can succeed", file: WALK, scenario: "mthp-collapse-munmap", found: /^refines collapse/,
    text: "default: return false;", replacement: "default: return true;",
  },
];
