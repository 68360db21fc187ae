/** Options that are refused: which option, its value, and what it must be. */
import { expect, it } from "vitest";
import { KNOB_NAMES, KNOB_ROWS } from "../../../impl/config/knobs.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { KNOBS } from "../../../impl/sysfs.ts";

const SMALL: KernelOptions = { pagesPerHugePage: 4, hugeRanges: 2, frames: 8, mms: 1, cpus: 2 };

it.each<[Record<string, unknown>, string]>([
  [{ pagesPerHugePage: 3 }, "pagesPerHugePage 3: a power of two from 2 to 512"],
  [{ pagesPerHugePage: 1024 }, "a power of two from 2 to 512"],
  [{ frames: 6 }, "frames 6: a positive multiple of pagesPerHugePage 4"],
  [{ frames: 0 }, "frames 0: a positive multiple"],
  [{ mms: 0 }, "mms 0: a whole number, 1 or more"], [{ cpus: 1.5 }, "cpus 1.5: a whole number, 1 or more"],
  [{ vmas: "2" }, "vmas 2: a whole number, 0 or more"],
  [{ pageTables: -1 }, "pageTables -1: a whole number, 0 or more"],
  [{ gatherBatch: 0 }, "gatherBatch 0: a whole number, 1 or more"],
  [{ refcountMax: -1 }, "refcountMax -1: a whole number, 1 or more"], [{ contents: 31 }, "contents 31: at most 30"],
  [{ enabled: 3 }, "enabled 3: one of 0 (never), 1 (madvise), 2 (always)"],
  [{ pmdEnabled: 4 }, "pmdEnabled 4: one of 0 (never), 1 (madvise), 2 (always), 3 (inherit)"],
  [{ defrag: "always" }, "defrag always: one of 0 (never), 1 (madvise), 2 (defer), 3 (defer+madvise), 4 (always)"],
  [{ useZeroPage: 1 }, "useZeroPage 1: true or false"],
  [{ maxPtesNone: 4 }, "maxPtesNone 4: khugepaged/max_ptes_none answers EINVAL outside 0..3"],
  [{ maxPtesShared: -1 }, "maxPtesShared -1: khugepaged/max_ptes_shared answers EINVAL outside 0..3"],
  [{ pagesToScan: 0 }, "pagesToScan 0: khugepaged/pages_to_scan answers EINVAL outside 1..2147483647"],
  [{ promotionThreshold: 5 }, "promotionThreshold 5: promotion_threshold answers EINVAL outside 1..4"],
  [{ promotionThreshold: 2 }, "promotionThreshold 2: without a policy there are no reservations"],
  [{ ptReclaim: 1 }, "ptReclaim 1: true or false"], [{ chargeMayFail: "yes" }, "chargeMayFail yes: true or false"],
  [{ refcountScheme: 7 }, "refcountScheme 7: only SCHEME_FOLIO (2) is implemented"],
  [{ refcountScheme: 0 }, "refcountScheme 0: SCHEME_TAIL_PINS_2011 is a place to fill in; only SCHEME_FOLIO (2) is implemented"],
])("%j is refused: %s", (options, words) => {
  expect(() => kernelConfig({ ...SMALL, ...options })).toThrow(RangeError);
  expect(() => kernelConfig({ ...SMALL, ...options })).toThrow(words);
});

it("a kernel may have no page tables to give", () => {
  expect(kernelConfig({ ...SMALL, pageTables: 0 }).pageTables).toBe(0);
});

it("the defaults are Linux's, scaled to the page size", () => {
  const c = kernelConfig({ ...SMALL, pagesPerHugePage: 512, frames: 1024 });
  expect([c.maxPtesNone, c.maxPtesSwap, c.maxPtesShared, c.pagesToScan]).toEqual([511, 64, 256, 4096]);
  expect([c.refcountMax, c.lruBatch, c.gatherBatch]).toEqual([65535, 15, 512]);
});

it("sysfs knows each knob by its file, under the number of its row", () => {
  expect(KNOBS).toEqual(Object.fromEntries(KNOB_NAMES.map((name, i) => [KNOB_ROWS[name].file, i])));
  // The type `Knob` of sysfs.ts is Int<0, 9>.
  expect(KNOB_NAMES).toHaveLength(10);
});
