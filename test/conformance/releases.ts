/**
 * `RELEASES.md`: what each release does otherwise than the one before it, as recordings show it, and which switches of
 * `impl/config/release.ts` follow it. A program *shows* a switch where `impl/` with the switch turned back is not what that
 * kernel did, and is with it: so a row without a program is one that nothing here would miss.
 */
import { fileURLToPath } from "node:url";
import { hostRelease } from "../../impl/config/linux-release.ts";
import { SWITCHES, SWITCH_NAMES, switchesAt, type SwitchName, type SwitchRow } from "../../impl/config/release.ts";
import { compare } from "./compare.ts";
import { ImplKernel } from "./implementation.ts";
import { lineToText, type Observations } from "./observation.ts";
import { lackedBy, programFromJson, stepToText, type Program } from "./program.ts";
import type { RecordedRun, Recording } from "./recording.ts";

export const RELEASES = fileURLToPath(new URL("./RELEASES.md", import.meta.url));

/** Switches that no program shows which `impl/` can run, with the reason. */
export const UNSHOWN: Partial<Readonly<Record<SwitchName, string>>> = {
  splitQueueScan: "it takes two threads, and the words of a list",
  coldForgetsDirty: "it takes a store while the advice is given",
  processMadviseLocksOnce: "it takes another thread between the two ranges",
  discardTakesVmaLock: "it takes another thread that waits for the lock, or does not",
  discardFlushesAtEnd: "it takes another thread before the flush",
  splitTowardPage: "no program that says an offset was recorded on 6.12 and 6.16",
  usedStaysReferenced: "no program of pages that are referenced and old, and used once more or advised, was recorded on 6.12 and 6.16",
  unmapDrainsBatch: "it takes a look at free memory, or at the batch",
};

/** A switch that has another value on a kernel than on the one recorded before it. */
export interface Change {
  readonly name: SwitchName;
  /** The last kernel without, the first with. */
  readonly before: string;
  readonly from: string;
  readonly value: number | boolean;
}

/** Releases of a distribution alone: a kernel with other patches tells nothing of when Linux changed. */
export const ofReleases = (all: readonly Recording[]): readonly Recording[] => all.filter(({ kernel }) => /^[\d.]+$/.test(kernel));

/** In the order of the recordings, and of the rows. */
export function changes(kernels: readonly string[]): readonly Change[] {
  return kernels.slice(1).flatMap((from, i) => {
    const before = kernels[i]!;
    const [old, now] = [before, from].map((k) => switchesAt(hostRelease(k)));
    return SWITCH_NAMES.flatMap((name) => (old![name] === now![name] ? [] : [{ name, before, from, value: now![name] }]));
  });
}

const isLacked = (run: RecordedRun): boolean => lackedBy(programFromJson(run.program)).length > 0;
/** Without the programs for which `impl/` lacks a part. */
export const compared = ({ kernel, runs }: Recording): Recording => ({ kernel, runs: runs.filter((r) => !isLacked(r)) });

/** Runs that both have, and that are not alike. */
export function differing(before: Recording, from: Recording): readonly RecordedRun[] {
  const old = new Map(before.runs.map((r) => [r.name, JSON.stringify([r.program, r.seen])]));
  return from.runs.filter((r) => old.has(r.name) && old.get(r.name) !== JSON.stringify([r.program, r.seen]));
}

/** Of these runs of a kernel, the names of those that `impl/` would not agree with if the switch were as on another kernel. */
export function shownBy({ name, before }: Change, kernel: string, runs: readonly RecordedRun[]): readonly string[] {
  if (runs.length === 0) return [];
  const turned = new ImplKernel(kernel, { [name]: switchesAt(hostRelease(before))[name] });
  return runs.flatMap(({ name: run, program, seen }) => {
    try {
      return compare([seen], turned.run(programFromJson(program))).difference === null ? [] : [run];
    } catch {
      return [run];
    }
  });
}

/** A change with the programs that show it. */
export interface Shown extends Change {
  readonly programs: readonly string[];
}

export function shown(all: readonly Recording[]): readonly Shown[] {
  const of = new Map(all.map((r) => [r.kernel, r]));
  return changes(all.map((r) => r.kernel)).map((change) => {
    const runs = differing(of.get(change.before)!, of.get(change.from)!);
    return { ...change, programs: shownBy(change, change.from, runs) };
  });
}

// ---- as text ---------------------------------------------------------------------------------------------------

const valueOf = (row: SwitchRow, value: number | boolean): string =>
  ("values" in row ? row.values.find((v) => v.value === value)!.name : value === true ? "on" : "off");

const HEAD = `# Releases: what each does otherwise

Written by \`npx thpcheck releases --write\`, from the recordings and the rows of \`impl/config/release.ts\`. A kernel is a release of
Debian's, pinned by hash in \`guest/kernels.json\`. "Shown by": programs that disagree with what the newer kernel did as soon as the
switch is turned back, and agree as it is; the first of them is named, and can be run by \`conform --program\`.
`;

/** The whole file. */
export function releasesText(recordings: readonly Recording[]): string {
  const releases = ofReleases(recordings);
  const all = releases.map(compared);
  const found = shown(all);
  return [HEAD, kernelsText(all), changesText(found), rowsText(all, found), beyondText(releases)].join("\n");
}

export function kernelsText(all: readonly Recording[]): string {
  const rows = all.map(({ kernel, runs }, i) => {
    const before = all[i - 1];
    if (before === undefined) return `| ${kernel} | ${runs.length} | - | - |`;
    const differs = differing(before, all[i]!).length;
    const names = changes([before.kernel, kernel]).map((c) => `\`${c.name}\``).join(", ");
    return `| ${kernel} | ${runs.length} | ${differs} | ${names || "none"} |`;
  });
  return [
    "## The kernels", "", "| kernel | programs | not as on the one before | switches that change |", "|---|---|---|---|", ...rows, "",
  ].join("\n");
}

export function changesText(found: readonly Shown[]): string {
  const rows = found.map(({ name, before, from, value, programs }) => {
    const by = programs.length === 0 ? `none: ${UNSHOWN[name] ?? ""}` : `${programs[0]!.replaceAll("|", "/")} (${programs.length})`;
    return `| \`${name}\` | ${valueOf(SWITCHES[name], value)} | ${before} | ${from} | ${by} |`;
  });
  return [
    "## Where behaviour changes", "",
    "| switch | becomes | last without | first with | shown by (of how many) |", "|---|---|---|---|---|", ...rows, "",
  ].join("\n");
}

function rowsText(all: readonly Recording[], found: readonly Shown[]): string {
  const changing = new Set(found.map((f) => f.name));
  const newest = switchesAt(hostRelease(all.at(-1)!.kernel));
  const same = SWITCH_NAMES.filter((name) => !changing.has(name)).map((name) => `\`${name}\` (${valueOf(SWITCHES[name], newest[name])})`);
  const meanings = [...changing].map((name) => `- \`${name}\`: ${SWITCHES[name].meaning}.`);
  return ["## What the switches mean", "", ...meanings, "", `The same on all of these kernels: ${same.join(", ")}.`, ""].join("\n");
}

// ---- what impl/ lacks ------------------------------------------------------------------------------------------

/** The first step that two kernels answer otherwise, by what it returns if there is one, and a line of each. */
function firstDifference(program: Program, a: Observations, b: Observations): readonly [step: string, was: string, is: string] {
  const returned = (o: Observations, i: number): string => o[i]?.[0] ?? "";
  const at = program.steps.findIndex((_, i) => returned(a, i) !== returned(b, i));
  if (at >= 0) return [stepToText(program.steps[at]!), lineToText(returned(a, at)), lineToText(returned(b, at))];
  const step = program.steps.findIndex((_, i) => (a[i] ?? []).join() !== (b[i] ?? []).join());
  const [mine, theirs] = [a[step] ?? [], b[step] ?? []];
  const inWords = (line: string | undefined): string => (line === undefined ? "nothing" : lineToText(line));
  return [
    stepToText(program.steps[step]!), inWords(mine.find((l) => !theirs.includes(l))), inWords(theirs.find((l) => !mine.includes(l))),
  ];
}

export function beyondText(all: readonly Recording[]): string {
  const rows: string[] = [];
  const same: string[] = [];
  for (const name of new Set(all.flatMap(({ runs }) => runs.filter(isLacked).map((r) => r.name)))) {
    const seen = all.flatMap(({ kernel, runs }) => runs.filter((r) => r.name === name).map((run) => ({ kernel, run })));
    const program = programFromJson(seen[0]!.run.program);
    const changed = seen.slice(1).flatMap(({ kernel, run }, i) => {
      const before = seen[i]!;
      if (JSON.stringify(before.run.seen) === JSON.stringify(run.seen)) return [];
      return [`| ${name} | ${before.kernel} | ${kernel} | ${firstDifference(program, before.run.seen, run.seen).join(" | ")} |`];
    });
    if (changed.length === 0) same.push(`- ${name} (${seen.length})`);
    rows.push(...changed);
  }
  return [
    "## Beyond impl/", "",
    "Programs for which `impl/` lacks a part (`cases/beyond.ts`), and where what they say changes: the first step that differs.", "",
    "| program | last | first | step | was | is |", "|---|---|---|---|---|---|", ...rows, "",
    "The same on all kernels on which they were run (how many):", "", ...same, "",
  ].join("\n");
}
