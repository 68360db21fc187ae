/** The knobs in /sys/kernel/mm/transparent_hugepage. */
import { beforeEach, expect, it } from "vitest";
import { EINVAL } from "../../impl/errno.ts";
import { KNOB_ENABLED, KNOB_MAX_PTES_NONE, KNOB_SHRINK_UNDERUSED, parseKnob } from "../../impl/sysfs.ts";
import { ENABLED_ALWAYS, ENABLED_MADVISE, ENABLED_NEVER, PMD_ENABLED_INHERIT } from "../../impl/config/knobs.ts";
import { VM_HUGEPAGE } from "../../impl/structs/vma.ts";
import { LEAF, entryHas } from "../../impl/pgtable.ts";
import { MACHINE } from "./calls.ts";
import { Machine } from "./memory-machine.ts";
import { SequentialKernel } from "./sequential-kernel.ts";

const s = new SequentialKernel({ ...MACHINE, pagesToScan: 4096 });
beforeEach(() => s.reset());

const knob = (file: string): number | boolean => {
  const { knob: k } = s.k;
  switch (file) {
    case "enabled": return k.enabled.get();
    case "defrag": return k.defrag.get();
    case "use_zero_page": return k.useZeroPage.get();
    case "shrink_underused": return k.shrinkUnderused.get();
    case "khugepaged/defrag": return k.khugepagedDefrag.get();
    case "khugepaged/max_ptes_none": return k.maxPtesNone.get();
    case "khugepaged/max_ptes_swap": return k.maxPtesSwap.get();
    case "khugepaged/max_ptes_shared": return k.maxPtesShared.get();
    default: return k.pagesToScan.get();
  }
};

// Here a huge page has 4 pages, so that 3 is the kernel's 511.
it.each<[string, string, number | boolean]>([
  ["enabled", "never", 0], ["enabled", "madvise\n", 1], ["enabled", "always", 2],
  ["defrag", "never", 0], ["defrag", "madvise", 1], ["defrag", "defer", 2], ["defrag", "defer+madvise", 3], ["defrag", "always", 4],
  ["use_zero_page", "0", false], ["use_zero_page", "1", true],
  ["shrink_underused", "n", false], ["shrink_underused", "off", false], ["shrink_underused", "Y", true], ["shrink_underused", "on", true], ["shrink_underused", "0", false],
  ["khugepaged/defrag", "0", false], ["khugepaged/defrag", "1\n", true],
  ["khugepaged/max_ptes_none", "0", 0], ["khugepaged/max_ptes_none", "3", 3],
  ["khugepaged/max_ptes_swap", "3", 3], ["khugepaged/max_ptes_shared", "1", 1],
  ["khugepaged/pages_to_scan", "1", 1], ["khugepaged/pages_to_scan", "4096", 4096],
])("%s takes %j", (file, text, value) => {
  expect([s.sysfs(file, text), knob(file)]).toEqual([0, value]);
});

it.each([
  ["enabled", "sometimes"], ["enabled", "inherit"], ["enabled", ""], ["defrag", "yes"], ["use_zero_page", "2"], ["use_zero_page", "y"], ["shrink_underused", "maybe"], ["shrink_underused", "2"],
  ["khugepaged/defrag", "2"], ["khugepaged/max_ptes_none", "4"], ["khugepaged/max_ptes_none", "-1"], ["khugepaged/max_ptes_none", "abc"], ["khugepaged/max_ptes_swap", "4"],
  ["khugepaged/max_ptes_shared", "4"], ["khugepaged/pages_to_scan", "0"], ["khugepaged/pages_to_scan", "-5"],
])("%s refuses %j and stays what it is", (file, text) => {
  const before = knob(file);
  expect([s.sysfs(file, text), knob(file)]).toEqual([-EINVAL, before]);
});

it("text becomes a value, or -1", () => {
  expect([parseKnob(KNOB_ENABLED, "madvise"), parseKnob(KNOB_ENABLED, "Always"), parseKnob(KNOB_MAX_PTES_NONE, "+7"), parseKnob(KNOB_MAX_PTES_NONE, "7 "), parseKnob(KNOB_SHRINK_UNDERUSED, "x")]).toEqual([1, -1, 7, -1, -1]);
  expect(() => s.sysfs("khugepaged/colour", "red")).toThrow(/no knob khugepaged\/colour: it is one of enabled/);
});

it.each([
  [PMD_ENABLED_INHERIT, ENABLED_ALWAYS, false, true], [PMD_ENABLED_INHERIT, ENABLED_NEVER, true, false],
  [ENABLED_ALWAYS, ENABLED_NEVER, false, true], [ENABLED_NEVER, ENABLED_ALWAYS, true, false],
  [ENABLED_MADVISE, ENABLED_NEVER, true, true], [ENABLED_MADVISE, ENABLED_ALWAYS, false, false],
])("the file of PMD size (%i) has its own say beside `enabled` (%i); advised: %s, huge: %s", (pmdEnabled, enabled, advised, huge) => {
  const m = new Machine({ enabled, pmdEnabled });
  if (advised) m.k.vma.flags.set(0, m.k.vma.flags.get(0) | VM_HUGEPAGE);
  m.run("store", [0, 0, 1]);
  expect(entryHas(m.k.mm.pmd.get(0, 0), LEAF)).toBe(huge);
});
