/** What a run says of the patch that it ran under, for people. */
import { count, group } from "../numbers.ts";
import type { PatchFile, PatchHunk, PatchPlace, PatchReach, PatchReport } from "../result.ts";
import type { Paint } from "./output.ts";
import { shellQuote } from "./replay-command.ts";

/** Places of one hunk, scenarios of one place, and commands, that are shown. */
const PLACES_SHOWN = 8;
const SCENARIOS_SHOWN = 4;
const COMMANDS_SHOWN = 4;
const SOURCE_SHOWN = 60;

/** Before the run: what was applied, and where. One line for each file, and for each hunk that does not lie where it says. */
export function appliedInWords({ name, files }: PatchReport): string[] {
  const lines = files.flatMap((f) => {
    const hunks = f.parts > 1 ? `${f.parts} parts, together ${count(f.hunks.length, "hunk")}` : count(f.hunks.length, "hunk");
    const what = { changed: hunks, new: "a new file", gone: "taken away", renamed: `was ${f.was}; ${hunks}` }[f.change];
    const kind = f.isModule || f.change === "gone" ? "" : ", no module";
    return [`  ${f.file}: ${what}${kind}`, ...f.hunks.filter((h) => h.at !== h.says).map(moved)];
  });
  return [`${name} applies:`, ...lines];
}

function moved({ says, at, elsewhere }: PatchHunk): string {
  const by = `${count(Math.abs(at - says), "line")} ${at > says ? "further down" : "further up"}`;
  const others = elsewhere.join(", ");
  const doubt = elsewhere.length === 0 ? "" : `; it would fit at line ${others} as well: look whether this is the place that is meant`;
  return `    the hunk at line ${says} was found at line ${at}, ${by}${doubt}`;
}

/** After the run: which changed lines ran, what did not, and who comes there. `isAnswered`: something is broken under the patch. */
export function patchInWords(report: PatchReport, isAnswered: boolean, paint: Paint): string {
  const lines = [paint.bold(`${report.name}, in ${count(report.scenarios.length, "scenario")}:`)];
  for (const file of report.files) for (const hunk of file.hunks) lines.push(...hunkInWords(file, hunk, report, paint));
  lines.push(...countsInWords(report), ...warnings(report, paint), ...reachInWords(report, isAnswered));
  return lines.join("\n");
}

function hunkInWords({ file }: PatchFile, hunk: PatchHunk, report: PatchReport, paint: Paint): string[] {
  const functions = [...new Set(hunk.places.map((p) => p.function))];
  const head = `  ${file}:${hunk.at}${functions.length === 0 ? "" : ` ${functions.join(", ")}`}`;
  const leaves = hunk.places.filter((p) => p.leaf);
  // The head of a statement matters where it is all that ran.
  const isTold = (p: PatchPlace): boolean => leaves.some((l) => l.kind === p.kind && l.line === p.line);
  const shown = hunk.places.filter((p) => p.leaf || (p.kind === "added" && p.ranIn.length > 0 && !isTold(p)));
  // What did not run comes first where not all is shown.
  const chosen = new Set([...shown].sort((a, b) => a.ranIn.length - b.ranIn.length).slice(0, PLACES_SHOWN));
  const rows = shown.filter((p) => chosen.has(p)).map((p) => `    ${placeInWords(p, report, paint)}`);
  if (shown.length > chosen.size) rows.push(`    and ${count(shown.length - chosen.size, "place")} more, which ran`);
  const other = othersInWords(hunk, report);
  return [head, ...rows, ...(other === null ? [] : [`    ${other}`])];
}

function placeInWords(p: PatchPlace, { scenarios }: PatchReport, paint: Paint): string {
  const source = p.source.length > SOURCE_SHOWN ? `${p.source.slice(0, SOURCE_SHOWN - 3)}...` : p.source;
  const of = `${p.ranIn.length} of ${count(scenarios.length, "scenario")}`;
  if (p.kind === "removed") {
    const line = `taken out: ${source} (line ${p.line})`;
    if (p.unknown) return `${line}: who runs it without the patch is not known`;
    if (p.ranIn.length > 0) return `${line}: without the patch it runs in ${of}: ${named(p)}`;
    return `${line}: ${paint.red("without the patch it runs in none of them")}`;
  }
  const line = p.kind === "between" ? `where lines were taken out (line ${p.line})` : `line ${p.line}: ${source}`;
  const times = p.ranIn.reduce((sum, r) => sum + (r.times ?? 0), 0);
  if (times > 0) return `${line}: ran ${count(times, "time")}, in ${of}: ${named(p)}`;
  return `${line}: ${paint.red(p.unknown ? "is part of no program of this run" : "never ran")}`;
}

/** The scenarios that ran it, the most often first. */
function named({ ranIn }: PatchPlace): string {
  const order = [...ranIn].sort((a, b) => (b.times ?? 0) - (a.times ?? 0));
  const shown = order.slice(0, SCENARIOS_SHOWN).map((r) => `${r.scenario}${r.times === null ? "" : ` ${group(r.times)}`}`);
  return `${shown.join(", ")}${order.length > SCENARIOS_SHOWN ? ", ..." : ""}`;
}

/** What of a hunk is no code that is counted. */
function othersInWords({ effect, others, places }: PatchHunk, { otherPrograms, scenarios }: PatchReport): string | null {
  const what = others.join(", ");
  if (effect === "nothing") return others.length === 0 ? "no part of a module: nothing of it runs" : `${what}: nothing of it runs`;
  const uncounted = others.filter((o) => o !== "comments" && o !== "empty lines");
  const rest = uncounted.length > 0 ? uncounted.join(", ") : "code that is evaluated when a scenario is set up, or in a promise or a guard";
  if (effect === "elsewhere") {
    const those = `${otherPrograms!.length} of ${count(scenarios.length, "scenario")}`;
    return `${rest}: no counter can tell where that matters; it makes another program of ${those}`;
  }
  if (uncounted.length === 0) return null;
  return effect === "never" && places.length === 0
    ? `${rest}: no counter can tell where that matters, and it makes no other program of any of the scenarios`
    : `besides: ${rest}, which no counter can tell of`;
}

/** Whether the patch makes a difference as far as counts of states show. */
function countsInWords({ countsAsPinned, countsOther, wasExercised, scenarios }: PatchReport): string[] {
  const pinned = countsAsPinned.length + countsOther.length;
  if (!wasExercised || pinned === 0) return [];
  if (countsOther.length > 0) return [`  other counts than without the patch: ${countsOther.length} of ${count(pinned, "scenario")}`];
  if (pinned < scenarios.length) return [];
  return ["  all counts are as they are pinned without the patch: as far as counts show, it makes no difference to any state"];
}

function warnings({ files, wasExercised }: PatchReport, paint: Paint): string[] {
  const mark = paint.red(paint.bold("WARNING:"));
  const hunks = files.flatMap(({ file, hunks: all }) => all.map((hunk) => ({ file, hunk })));
  const idle = hunks.filter(({ hunk }) => hunk.effect === "never").map(({ file, hunk }) => `${file}:${hunk.at}`);
  if (!wasExercised && idle.length === 0) return [`${mark} the patch changes nothing that runs: no result can say anything of it`];
  const lines: string[] = [];
  if (idle.length > 0) {
    const none = `no scenario of this run executes the changed lines of ${idle.join(", ")}`;
    lines.push(`${mark} ${none}: a result "holds" says nothing of ${wasExercised ? "them" : "the patch"}`);
  }
  const partly = hunks.flatMap(({ file, hunk }) => (hunk.effect === "ran" ? missedLines(hunk).map((l) => `${file}:${l}`) : []));
  if (partly.length > 0) lines.push(`${mark} of lines that are changed, no scenario of this run executes ${partly.join(", ")}`);
  return lines;
}

/** Lines of a hunk that ran in no scenario, of which others did. */
function missedLines({ places }: PatchHunk): string[] {
  const missed = places.filter((p) => p.leaf && p.ranIn.length === 0 && (p.kind === "added" || (p.kind === "removed" && !p.unknown)));
  return [...new Set(missed.map((p) => (p.kind === "removed" ? `${p.line} (taken out)` : String(p.line))))];
}

function reachInWords(report: PatchReport, isAnswered: boolean): string[] {
  const { name, files, reach, mayReach, outdated, outdatedScenarios, knownPlaces } = report;
  const isNever = files.some((f) => f.hunks.some((h) => h.effect === "never" || missedLines(h).length > 0));
  const texts = outdated.join(", ");
  const lines = outdated.length === 0 ? [] : [`the index is of another text of ${texts}: of these, who runs any line is listed`];
  if (outdatedScenarios > 0) {
    const others = `${count(outdatedScenarios, "scenario")} are others by now`;
    lines.push(`the index is out of date, ${others}: who comes there is told as it was ("npx thpcheck reach --update" measures them)`);
  }
  if (reach === null) {
    const make = '"npx thpcheck reach --update" finds out, once for all patches';
    return isNever ? [`which other scenarios come there is not known: ${make} (it takes minutes)`] : [];
  }
  if (reach.length > 0 && isAnswered) {
    lines.push(`${count(reach.length, "scenario")} more come to the changed lines: npx thpcheck check --patch ${shellQuote(name)} --reach`);
  } else if (reach.length > 0) {
    const more = `${count(reach.length, "scenario")} more come to the changed lines`;
    lines.push(`${more}${isNever ? ", those first that together come to all of them" : ""}:`, ...commands(report, reach));
  } else if (isNever && knownPlaces > 0) {
    lines.push("no other scenario of the project, of whatever tier, is known to come there: the patch needs a scenario of its own");
  }
  if (isNever && mayReach.length > 0) lines.push(`too large to be known whole, may come there: ${mayReach.join(", ")}`);
  return lines;
}

function commands({ name, knownPlaces }: PatchReport, reach: readonly PatchReach[]): string[] {
  const patch = `--patch ${shellQuote(name)}`;
  const each = reach.slice(0, COMMANDS_SHOWN)
    .map((r) => [`npx thpcheck check ${shellQuote(r.scenario)} ${patch}`, priceOf(r, knownPlaces)]);
  const all = [`npx thpcheck check ${patch} --reach`, `all ${reach.length}, one after the other until a violation`];
  const rows = reach.length > COMMANDS_SHOWN ? [...each, all] : each;
  const width = Math.max(...rows.map(([command]) => command!.length));
  return rows.map(([command, price]) => `  ${command!.padEnd(width)}  ${price}`);
}

function priceOf({ tier, states, places }: PatchReach, known: number): string {
  return `${tier}, ${count(states, "state")}${known > 1 ? `, ${places} of ${known} places` : ""}`;
}
