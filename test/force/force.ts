/** `thpcheck force`: pairs of calls, in many orders on a real kernel, and in all orders in the checker. */
import picomatch from "picomatch";
import { isInterrupted } from "../../checker/cli/interruption.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { whyNoGuests } from "../conformance/guest/qemu.ts";
import { kernelsFor, NotFetched, refuseUnknownKernel, type KernelImage } from "../conformance/guest/store.ts";
import { anchorInWords } from "./anchors.ts";
import type { ForceFlags } from "./flags.ts";
import { bootHost, guestLost, on, type Host } from "./host.ts";
import { outcomeSet, type OutcomeSet } from "./model-set.ts";
import { outcomeInWords, outcomeKey, type Outcome } from "./outcome.ts";
import { pairNamed, PAIRS, type Pair } from "./pairs.ts";
import { forcedRecordings, keep, recorded, type RecordedPair } from "./recording.ts";
import { becameInWords, scheduleIn, scheduleInWords, type Schedule } from "./schedule.ts";
import { anchorTables, tableInWords } from "./table/anchor-table.ts";
import { recordAnchors, unlikeTable } from "./table/record.ts";
import { isTraced, runTraced } from "./traced/command.ts";
import { endsOf, followed, isNoOrder, realise, schedulesOf, type Anchors, type Run } from "./sweep.ts";

const say = (text: string): void => void process.stdout.write(`${text}\n`);

export async function runForce(patterns: readonly string[], flags: ForceFlags): Promise<void> {
  if (isTraced(patterns, flags)) {
    await runTraced(patterns, flags);
    return;
  }
  const pairs = selected(patterns);
  refuseWithoutKernel(flags);
  if (flags.anchors === true && flags.kernel === undefined) {
    anchorTables().flatMap(tableInWords).forEach(say);
    return;
  }
  if (flags.anchors === true && flags.record === true && patterns.length > 0) {
    throw new UsageError("--anchors --record keeps a table of all pairs: name none");
  }
  if (flags.recorded === true || flags.kernel === undefined) {
    compareRecordings(pairs);
    return;
  }
  const schedule = scheduleOf(flags, pairs);
  const why = whyNoGuests();
  if (why !== null) {
    say(`SKIP: ${why}; nothing is forced`);
    return;
  }
  try {
    for (const image of await kernelsFor(flags.kernel, { modules: false, said: say })) {
      if (isInterrupted()) break;
      if (flags.anchors === true && flags.record === true) await recordAnchors(image, say);
      else await onKernel(image, pairs, schedule, flags);
    }
  } catch (e) {
    if (!(e instanceof NotFetched)) throw e;
    say(`SKIP: ${e.message}`);
  }
}

/** What is asked of a kernel names one that there is. */
function refuseWithoutKernel({ kernel, ...flags }: ForceFlags): void {
  const asked = (["schedule", "show", "record"] as const).find((name) => flags[name] !== undefined);
  if (kernel === undefined && asked !== undefined) throw new UsageError(`--${asked} is asked of a kernel: add --kernel 7.3.4`);
  if (kernel !== undefined) refuseUnknownKernel(kernel);
}

function selected(patterns: readonly string[]): readonly Pair[] {
  if (patterns.length === 0) return PAIRS;
  const matches = patterns.map((p) => picomatch(p.replaceAll("+", "\\+")));
  const found = PAIRS.filter(({ name }) => matches.some((m) => m(name)));
  if (found.length > 0) return found;
  throw new UsageError(`no pair is named ${patterns.join(" or ")}: they are ${PAIRS.map((p) => p.name).join(", ")}`);
}
function scheduleOf({ schedule }: ForceFlags, pairs: readonly Pair[]): Schedule | null {
  if (schedule === undefined) return null;
  if (pairs.length !== 1) throw new UsageError("--schedule is of one pair: name it");
  try {
    const segments = scheduleIn(schedule);
    if (segments.some(({ side }) => side > 1)) throw new RangeError("a pair has the threads A and B");
    return segments;
  } catch (e) {
    if (e instanceof RangeError) throw new UsageError(`--schedule: ${e.message}`);
    throw e;
  }
}

// ---- on a kernel ---------------------------------------------------------------------------------------------------

/** What was found of a pair, and how it is said. */
interface Found {
  readonly runs: readonly Run[];
  readonly said: readonly string[];
}

async function onKernel(image: KernelImage, pairs: readonly Pair[], schedule: Schedule | null, flags: ForceFlags): Promise<void> {
  const start = performance.now();
  let [realised, all] = [0, 0];
  const inOrder = new InOrder(pairs.length);
  const waiting = [...pairs.entries()];
  const guest = async (n: number): Promise<void> => {
    const host = await bootHost(image, say);
    try {
      const { bootMs, symbols } = host.machine;
      if (n === 0) say(`Linux ${image.name}: booted in ${(bootMs / 1000).toFixed(1)} s, ${symbols.count} symbols`);
      // What the first program after a boot meets is not what the later ones do: khugepaged is at its first scan.
      await on(host, (m) => followed(m, pairs[0]!));
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [place, pair] = next;
        const found = isInterrupted() ? null : await onPair(host, pair, schedule, flags);
        inOrder.add(place, found?.said ?? []);
        if (found === null || isInterrupted()) continue;
        all += found.runs.filter((r) => r.not === null || !isNoOrder(r.not)).length;
        realised += found.runs.filter((r) => r.not === null).length;
        if (flags.record === true) keep({ kernel: image.release, pairs: [recorded(pair.name, found.runs)] });
      }
    } finally {
      await host.machine.stop();
    }
  };
  // The first error is that of the command, once every guest has ended.
  const ended = await Promise.allSettled(Array.from({ length: Math.min(flags.guests, pairs.length) }, (_, n) => guest(n)));
  const failed = ended.find((e) => e.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (isInterrupted()) {
    say("stopped: of what was not finished nothing is said, or kept");
    process.exitCode = 3;
  }
  const minutes = (performance.now() - start) / 60_000;
  if (all > 0) say(`${realised} of ${all} schedules realised, ${Math.round(all / minutes)} a minute with boot and the checker's part`);
}

/** Says what belongs to each place in the order of the places, as early as it can. */
class InOrder {
  readonly #texts: (readonly string[] | null)[];
  #next = 0;

  constructor(length: number) {
    this.#texts = Array.from({ length }, () => null);
  }

  add(place: number, texts: readonly string[]): void {
    this.#texts[place] = texts;
    for (let t = this.#texts[this.#next] ?? null; t !== null; t = this.#texts[++this.#next] ?? null) t.forEach(say);
  }
}

async function onPair(host: Host, pair: Pair, schedule: Schedule | null, flags: ForceFlags): Promise<Found | null> {
  const { anchors, memory } = await on(host, (m) => followed(m, pair));
  const apart = unlikeTable(host.image.release, pair, anchors);
  if (apart.length > 0) process.exitCode = 1;
  if (flags.anchors === true) return { runs: [], said: [...anchorsSaid(pair, anchors), ...apart] };
  const set = outcomeSet(host.image.release, pair);
  if (JSON.stringify(withoutContents(memory)) !== JSON.stringify(withoutContents(set.memory))) {
    throw new Error(`${pair.name} begins with ${JSON.stringify(memory)} on Linux, and with ${JSON.stringify(set.memory)} in the checker`);
  }
  const runs: Run[] = [];
  const said: string[] = [...apart];
  for (const s of schedule === null ? schedulesOf(anchors, flags.least) : [schedule]) {
    if (isInterrupted()) return null;
    const run = await on(host, (m) => realise(m, pair, s, anchors)).catch((e: unknown) => lostRun(s, e));
    runs.push(run);
    if (schedule !== null || flags.show === true) said.push(`${scheduleInWords(s)}\n${runInWords(run)}`);
  }
  said.push(...compared(pair.name, runs.filter((r) => r.not === null).map((r) => [scheduleInWords(r.schedule), r.outcome]), set,
    runs.flatMap((r) => (r.not === null ? [] : [[scheduleInWords(r.schedule), r.not]]))));
  return { runs, said };
}
/** A schedule whose guests were lost is not realised. Throws every other error. */
function lostRun(schedule: Schedule, e: unknown): Run {
  const not = guestLost(e);
  if (not === null) throw e;
  const outcome: Outcome = { returned: ["", ""], areas: [], pages: [], counters: [] };
  return { schedule, became: [], outcome, not, tries: 1, ms: 0 };
}
/** What pages hold is not read before the calls: that could change the accessed bits. */
const withoutContents = ({ areas, pages }: Pick<Outcome, "areas" | "pages">): unknown =>
  [areas, pages.map((p) => p.replace(/; holds .*$/, "").replace(/, same frame as before|same frame as before, /, ""))];

function anchorsSaid({ name }: Pair, anchors: Anchors): string[] {
  return [name, ...anchors.flatMap((of, side) => [
    `  ${"AB"[side]}, alone, comes by ${of.length} anchors`, ...of.map((a) => `    ${anchorInWords(a)}`),
  ])];
}
function runInWords({ schedule, became, outcome, not, tries, ms }: Run): string {
  const names = [...schedule, ...endsOf(outcome.returned)];
  const lines = became.flatMap((b, i) => (b.what === "skipped" ? [] : [`  ${scheduleInWords([names[i]!])}: ${becameInWords(b)}`]));
  const took = `${ms} ms${tries === 1 ? "" : `, try ${tries}`}`;
  const came = became.length === 0 ? [] : [`  ${outcomeInWords(outcome)}`];
  return [...lines, `  ${not === null ? "realised" : `not realised: ${not}`}, ${took}`, ...came].join("\n");
}

// ---- compared with the checker -------------------------------------------------------------------------------------

type Shown = readonly (readonly [schedule: string, outcome: Outcome])[];

/** What agrees and what does not, in words; a difference makes the exit code 1. */
function compared(name: string, shown: Shown, set: OutcomeSet, not: readonly (readonly string[])[]): string[] {
  const keys = new Set(shown.map(([, o]) => outcomeKey(o)));
  const unknown = shown.filter(([, o]) => !set.outcomes.has(outcomeKey(o)));
  const unseen = [...set.outcomes].filter(([key]) => !keys.has(key));
  const [none, missed] = [not.filter(([, why]) => isNoOrder(why!)), not.filter(([, why]) => !isNoOrder(why!))];
  const noOrder = none.length === 0 ? "" : ` (${none.length} more that no run takes)`;
  const outside = unknown.length === 0 ? "" : `; ${unknown.length} schedules end OUTSIDE OF THEM`;
  const said = [`${name}: ${shown.length} schedules realised, ${missed.length} not${noOrder}; ` +
    `${keys.size} outcomes of the checker's ${set.outcomes.size} (${set.states} states)${outside}`];
  const told = new Map<string, string[]>();
  for (const [schedule, o] of unknown) told.set(outcomeInWords(o), [...told.get(outcomeInWords(o)) ?? [], schedule]);
  for (const [outcome, schedules] of told) {
    const more = schedules.length > 3 ? [`and ${schedules.length - 3} more`] : [];
    said.push([`  Linux, and not the checker: ${outcome}`, ...schedules.slice(0, 3), ...more].join("\n    "));
  }
  for (const [, o] of unseen) said.push(`  not seen: ${outcomeInWords(o)}`);
  for (const [schedule, why] of missed) said.push(`  not realised: ${schedule}: ${why}`);
  if (unknown.length > 0) process.exitCode = 1;
  return said;
}

function compareRecordings(pairs: readonly Pair[]): void {
  for (const { kernel, pairs: kept } of forcedRecordings()) {
    say(`Linux ${kernel}, recorded`);
    for (const p of kept) {
      if (!pairs.some(({ name }) => name === p.name)) continue;
      compared(p.name, shownOf(p), outcomeSet(kernel, pairNamed(p.name)), p.not).forEach(say);
    }
  }
}
/** The runs of a recording, each with its outcome. */
export const shownOf = ({ outcomes, runs }: RecordedPair): Shown => runs.map(([schedule, , place]) => [schedule, outcomes[place]!]);
