/** Switches by release: what each release of a list has, the order of the rows, and refusals in words. */
import { describe, expect, it } from "vitest";
import { ageOf, hostRelease, linuxRelease } from "../../../impl/config/linux-release.ts";
import { kernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import {
  SWITCHES, SWITCH_DEFAULTS, SWITCH_NAMES, switchesAt, type SwitchName, type SwitchRow,
} from "../../../impl/config/release.ts";
import {
  KHUGEPAGED_MTHP_MERGED, KHUGEPAGED_MTHP_NONE, SCHEME_DOUBLEMAP_2015, SCHEME_FOLIO, SCHEME_TAIL_PINS_2011, SPLIT_SCAN_BATCH,
  SPLIT_SCAN_DISPOSE_LIST, SPLIT_SCAN_PRIVATE_LIST,
} from "../../../spec/enumerations.ts";
import { switchRows } from "../../commands/catalogue.ts";

const SMALL: KernelOptions = { pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, cpus: 1 };
/** The switches that the table below pins. A row that is added need not be among them. */
const PINNED: ReadonlySet<string> = new Set([
  "collapseTableSync", "refuseLazyfree", "splitZeroRemap", "collapseContinuesAtEmptyPmd", "collapseOfNothingSucceeds",
  "collapseNeedsWritable", "ptReclaim", "hugeZeroUpgrade", "largeFolioReuse", "tlbFlushInterrupts", "coredumpTakesMmapLock",
  "reuseByMapcount", "forcedWriteByDirty", "directReclaim", "lazyfreePmdDiscard",
]);
const on = (release: string): string[] => {
  const values = switchesAt(linuxRelease(release));
  return SWITCH_NAMES.filter((name) => values[name] === true && PINNED.has(name));
};

const ALWAYS = ["tlbFlushInterrupts"];
const BEFORE_5_10 = ["collapseNeedsWritable", "tlbFlushInterrupts", "reuseByMapcount", "forcedWriteByDirty"];
const IN_6_12_117 = ["collapseTableSync", "splitZeroRemap", "collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock"];
const IN_6_12_116 = [...IN_6_12_117, "lazyfreePmdDiscard"];
const IN_6_18 = [
  "collapseTableSync", "splitZeroRemap", "ptReclaim", "hugeZeroUpgrade", "largeFolioReuse", "tlbFlushInterrupts", "coredumpTakesMmapLock",
];
const IN_6_18_43 = [...IN_6_18, "lazyfreePmdDiscard"];
const IN_6_19 = IN_6_18_43.toSpliced(2, 0, "collapseContinuesAtEmptyPmd");
const IN_7_1 = IN_6_19.toSpliced(1, 0, "refuseLazyfree");

describe("the switches of", () => {
  it.each<[string, number, string[]]>([
    ["2.6.38", SCHEME_TAIL_PINS_2011, [...ALWAYS, "reuseByMapcount"]],
    ["2.6.39.4", SCHEME_TAIL_PINS_2011, [...ALWAYS, "reuseByMapcount"]],
    ["3.0", SCHEME_TAIL_PINS_2011, [...ALWAYS, "reuseByMapcount"]],
    ["3.10", SCHEME_TAIL_PINS_2011, [...ALWAYS, "reuseByMapcount"]],
    ["3.19", SCHEME_TAIL_PINS_2011, [...ALWAYS, "reuseByMapcount"]],
    ["4.4", SCHEME_TAIL_PINS_2011, ["collapseNeedsWritable", "tlbFlushInterrupts", "reuseByMapcount"]],
    ["4.5", SCHEME_DOUBLEMAP_2015, ["collapseNeedsWritable", "tlbFlushInterrupts", "reuseByMapcount"]],
    ["4.9.0", SCHEME_DOUBLEMAP_2015, BEFORE_5_10],
    ["4.9.337", SCHEME_DOUBLEMAP_2015, ["collapseTableSync", ...BEFORE_5_10]],
    ["5.9", SCHEME_DOUBLEMAP_2015, BEFORE_5_10],
    ["5.10.158", SCHEME_DOUBLEMAP_2015, BEFORE_5_10.toSpliced(2, 0, "coredumpTakesMmapLock")],
    ["5.10.159", SCHEME_DOUBLEMAP_2015, ["collapseTableSync", ...BEFORE_5_10.toSpliced(2, 0, "coredumpTakesMmapLock")]],
    ["5.10", SCHEME_DOUBLEMAP_2015, ["collapseTableSync", ...BEFORE_5_10.toSpliced(2, 0, "coredumpTakesMmapLock")]],
    ["5.11", SCHEME_DOUBLEMAP_2015, BEFORE_5_10.toSpliced(2, 0, "coredumpTakesMmapLock")],
    ["5.19.5", SCHEME_DOUBLEMAP_2015, ["collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock", "forcedWriteByDirty"]],
    ["5.19.6", SCHEME_DOUBLEMAP_2015, ["collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock"]],
    ["6.0.12", SCHEME_DOUBLEMAP_2015, ["collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock"]],
    ["6.1", SCHEME_DOUBLEMAP_2015, ["collapseTableSync", "collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock"]],
    ["6.2", SCHEME_FOLIO, ["collapseTableSync", "collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock"]],
    ["6.10", SCHEME_FOLIO, ["collapseTableSync", "collapseNeedsWritable", "tlbFlushInterrupts", "coredumpTakesMmapLock"]],
    ["6.12.116", SCHEME_FOLIO, IN_6_12_116],
    ["6.12", SCHEME_FOLIO, IN_6_12_117],
    ["6.13", SCHEME_FOLIO, IN_6_12_116.toSpliced(3, 0, "hugeZeroUpgrade")],
    ["6.16.12", SCHEME_FOLIO, IN_6_18_43.toSpliced(2, 0, "collapseNeedsWritable")],
    ["6.18.43", SCHEME_FOLIO, IN_6_18_43],
    ["6.18", SCHEME_FOLIO, IN_6_18],
    ["6.19", SCHEME_FOLIO, IN_6_19],
    ["7.0", SCHEME_FOLIO, IN_6_19],
    ["7.1", SCHEME_FOLIO, IN_7_1],
    ["7.2", SCHEME_FOLIO, IN_7_1.toSpliced(4, 0, "collapseOfNothingSucceeds")],
    ["7.3", SCHEME_FOLIO, IN_7_1.toSpliced(4, 0, "collapseOfNothingSucceeds").slice(0, -1)],
    ["7.3.1", SCHEME_FOLIO, IN_7_1.toSpliced(4, 0, "collapseOfNothingSucceeds")],
    ["7.3.0", SCHEME_FOLIO, IN_7_1.toSpliced(4, 0, "collapseOfNothingSucceeds")],
  ])("Linux %s", (release, scheme, switches) => {
    expect(on(release)).toEqual(switches);
    expect(switchesAt(linuxRelease(release)).refcountScheme).toBe(scheme);
  });
  it("the newest release are the defaults, but for some that scenarios set, and for what is mended here", () => {
    const unlessSet = {
      ptReclaim: false, faultMarksReferenced: false, usedStaysReferenced: false, adviceEntersIfNew: false,
      khugepagedMthp: KHUGEPAGED_MTHP_NONE, unmapDefersFlush: false,
    };
    const mended = { splitQueueResetsNextFirst: false, walkEndsAtOtherPmd: false };
    expect({ ...switchesAt(linuxRelease("7.3")), ...unlessSet, ...mended }).toEqual(SWITCH_DEFAULTS);
  });
});

/** What `thpcheck conform --kernel` has shown: the last release that was seen without, the first with. RELEASES.md has all. */
describe("seen in guests:", () => {
  it.each<[SwitchName, boolean, string, string]>([
    ["collapseUnmapsByBatch", true, "6.16.12", "6.17.8"], ["mprotectByBatch", true, "6.16.12", "6.17.8"],
    ["migrateStopsAtSplitPmd", true, "6.12.117", "6.16.3"], ["migrateStopsAtSplitPmd", false, "6.19.8", "6.19.10"],
    ["migrateStopsAtSplitPmd", false, "6.18.15", "7.0.4"], ["processMadviseOfSelf", true, "6.12.117", "6.16.3"],
    ["thpDisableExceptAdvised", true, "6.17.13", "6.18.5"], ["mremapMovesSeveral", true, "6.16.12", "6.17.8"],
    ["mremapUnmapsFirst", false, "6.16.12", "6.17.8"], ["unfaultedVmaTakesIn", true, "6.12.117", "6.16.3"],
    ["mremapGrowthLeavesNext", false, "6.12.117", "6.16.3"], ["dontunmapKeepsSource", true, "6.12.107", "6.12.117"],
    ["lazyfreeUnmapsByBatch", true, "6.12.117", "6.16.12"], ["lazyfreeInUseIsSwapbacked", false, "6.12.117", "6.16.12"],
    ["adviceEntersIfNew", true, "7.1.13", "7.2.12"], ["lazyfreeFailedDiscardSplits", false, "6.12.43", "6.16.3"],
    ["adviceEntersIfNew", true, "6.12.107", "6.12.117"], ["adviceEntersIfNew", false, "6.12.117", "6.16.12"],
    ["faultMarksReferenced", true, "7.1.13", "7.2.6"],
    ["dontunmapKeepsSource", true, "7.2.9", "7.2.11"], ["dontunmapKeepsSource", true, "7.1.13", "7.3.4"],
  ])("%s becomes %s between %s and %s", (name, value, before, from) => {
    expect([before, from].map((r) => switchesAt(linuxRelease(r))[name])).toEqual([!value, value]);
  });
});

/** What changelogs, symbols and the code of kernels have shown: `source` of the row says how. */
describe("read off kernels:", () => {
  it.each<[SwitchName, number | boolean, number | boolean, string, string]>([
    ["coldForgetsDirty", true, false, "6.12.107", "6.12.117"], ["coldForgetsDirty", true, true, "6.18.15", "7.2.13"],
    ["coldForgetsDirty", true, false, "7.3.3", "7.3.4"],
    ["khugepagedMthp", KHUGEPAGED_MTHP_NONE, KHUGEPAGED_MTHP_MERGED, "7.1.13", "7.2.12"],
    ["splitQueueScan", SPLIT_SCAN_PRIVATE_LIST, SPLIT_SCAN_BATCH, "6.18.15", "6.19.6"],
    ["splitQueueScan", SPLIT_SCAN_BATCH, SPLIT_SCAN_DISPOSE_LIST, "7.1.13", "7.2.6"],
  ])("%s is %s, then %s: %s, %s", (name, before, after, ...releases) => {
    expect(releases.map((r) => switchesAt(linuxRelease(r))[name])).toEqual([before, after]);
  });
});

describe("the rows", () => {
  const firsts = (row: SwitchRow): (readonly string[])[] => {
    return "values" in row ? row.values.map((v) => v.since) : [row.since, row.until ?? []];
  };
  const rows: [string, SwitchRow][] = Object.entries(SWITCHES);
  /** Of the main line, or a patch of the newest series: what comes after that series is not known. */
  const ofTheMainLine = (release: string): boolean => ageOf(release).patch === 0 || ageOf(release).age === linuxRelease("7.3").age;
  it.each(rows)("%s name releases in order, one of the main line and it the last", (_name, row) => {
    for (const releases of firsts(row)) {
      const ages = releases.map(ageOf);
      expect(ages).toEqual(ages.toSorted((a, b) => a.age - b.age));
      expect(releases.filter(ofTheMainLine)).toEqual(releases.slice(-1));
    }
    const mainline = firsts(row).filter((f) => f.length > 0).map((f) => ageOf(f.at(-1)!).age);
    expect(mainline).toEqual([...new Set(mainline)].toSorted((a, b) => a - b));
  });
  it("an on-off switch is on in one stretch of the main line, and values only go on", () => {
    const majors = [[3, 19], [4, 20], [5, 19], [6, 19], [7, 3]] as const;
    const first = majors.flatMap(([major, last]) => Array.from({ length: last + 1 }, (_, i) => `${major}.${i}.0`));
    const series = ["2.6.38", "2.6.39", ...first];
    for (const name of SWITCH_NAMES) {
      const values = series.map((s) => Number(switchesAt(linuxRelease(s))[name]));
      const changes = values.filter((v, i) => i > 0 && v !== values[i - 1]);
      expect(changes.length, name).toBeLessThanOrEqual(2);
      if (name === "refcountScheme") expect(changes).toEqual([SCHEME_DOUBLEMAP_2015, SCHEME_FOLIO]);
    }
  });
  it("say what they mean and where it is from, and are listed", () => {
    for (const row of Object.values(SWITCHES)) expect([row.meaning, row.source].every((s) => s.length > 5)).toBe(true);
    expect(switchRows().map(([name]) => name)).toEqual(["switch", ...SWITCH_NAMES]);
    expect(switchRows().every((row) => row.length === 6 && row.every((cell) => cell !== ""))).toBe(true);
  });
});

describe("a preset", () => {
  it("gives the switches of the release, and those that are given win", () => {
    const { linux, splitZeroRemap, hugeZeroUpgrade, ptReclaim } = kernelConfig({ ...SMALL, linux: "6.12", hugeZeroUpgrade: true });
    expect([linux, splitZeroRemap, hugeZeroUpgrade, ptReclaim]).toEqual(["6.12", true, true, false]);
    expect(kernelConfig({ ...SMALL, linux: "6.18.44" }).ptReclaim).toBe(true);
    expect(kernelConfig({ ...SMALL, linux: "6.18", ptReclaim: false }).ptReclaim).toBe(false);
  });
  it("is refused with the rows that there is no code for, unless they are given", () => {
    const preset = (linux: string) => () => kernelConfig({ ...SMALL, linux });
    expect(preset("4.4")).toThrow('linux "4.4": not implemented yet: refcountScheme (SCHEME_TAIL_PINS_2011)');
    expect(preset("6.1")).toThrow('linux "6.1": not implemented yet: refcountScheme (SCHEME_DOUBLEMAP_2015)');
    const { refcountScheme, reuseByMapcount } = kernelConfig({ ...SMALL, linux: "5.10", refcountScheme: SCHEME_FOLIO });
    expect([refcountScheme, reuseByMapcount]).toEqual([SCHEME_FOLIO, true]);
  });
  it.each([
    ["", "a release is major.minor or major.minor.patch"], ["six", "a release is"], ["6", "a release is"],
    ["6.18.1.2", "a release is"], ["2.6", "a release is"],
    ["6.18-rc1", "a release is"], [" 6.18", "a release is"], ["6.18.", "a release is"],
    ["2.6.37", "transparent huge pages came with 2.6.38"], ["2.4.20", "transparent huge pages came with 2.6.38"],
    ["1.0", "came with 2.6.38"],
    ["3.20", "there is no 3.20; the last 3 was 3.19"], ["6.20", "there is no 6.20; the last 6 was 6.19"],
    ["7.4", "the newest series that is known is 7.3"], ["8.0", "the newest series that is known is 7.3"],
    ["7.3.5", "the newest 7.3 that is known is 7.3.4"],
  ])("%j is refused: %s", (linux, words) => {
    expect(() => kernelConfig({ ...SMALL, linux })).toThrow(words);
    expect(() => kernelConfig({ ...SMALL, linux })).toThrow(RangeError);
  });
});

describe("the release of a host", () => {
  it.each([
    ["6.18.44-fc", "6.18", 44], ["6.12.74+deb13-cloud-amd64", "6.12", 74], ["6.8.0-41-generic", "6.8", 0],
    ["7.0.0-rc3+", "7.0", 0], ["3.2.0-4-amd64", "3.2", 0],
    ["2.6.39.4-smp", "2.6.39", 4], ["6.18.99", "6.18", 44], ["7.3.12-custom", "7.3", 4], ["7.4.0-rc2", "7.3", 4],
    ["10.1.0", "7.3", 4], ["6.17", "6.17", Infinity],
  ])("%s", (uname, series, patch) => {
    const release = hostRelease(uname);
    expect([release.series, release.patch]).toEqual([series, patch]);
  });
  it.each(["", "fc-6.18", "2.6.32-754.el6", "6"])("%j is refused", (uname) => {
    expect(() => hostRelease(uname)).toThrow(RangeError);
  });
});
