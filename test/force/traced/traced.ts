/**
 * `thpcheck force TRACE`: does a real kernel do what a run of the checker says? The run is made a schedule of that kernel, which is
 * forced, and what comes of it is compared with what the checker says comes of the run.
 */
import { isInterrupted } from "../../../checker/cli/interruption.ts";
import { readRecipe } from "../../../checker/cli/commands/replay.ts";
import { matchScenarios, selectScenarios } from "../../../checker/project/select.ts";
import type { Patch } from "../../../checker/result.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import type { Path } from "../../../checker/search/steps.ts";
import { UsageError } from "../../../checker/usage-error.ts";
import { textToStep } from "../../conformance/program.ts";
import type { ForcedMachine, RealPair } from "../machine.ts";
import { outcomeKey, type Compared, type Outcome } from "../outcome.ts";
import { becameInWords, forEachSide, scheduleInWords, SIDES, type Became } from "../schedule.ts";
import { followed, realise, type Run as Forced } from "../sweep.ts";
import { runOf } from "./calls-of-trace.ts";
import { derive, type Derived, type Expected, type PointOf } from "./derive.ts";
import { agreed } from "./points.ts";
import { NotForceable, type Run } from "./run.ts";
import type { NamedRun } from "./traces.ts";
import { pathTo } from "./witness.ts";

export interface Asked {
  /** A trace as `replay` takes it, or the name of a scenario where a witness is named. */
  readonly trace: string;
  readonly witness?: string | undefined;
  readonly scenario?: string | undefined;
  readonly from?: string | undefined;
}

/** The run that is meant. Throws a NotForceable for one that cannot be made of the agent's calls, a UsageError for what is no trace. */
export async function askedRun(asked: Asked, folder: string): Promise<Run> {
  const { scenario, path, what } = await askedPath(asked, folder);
  return { ...runOf(scenario, path), name: what };
}

/** Throws as askedRun(). */
export async function namedRun({ scenario: name, witness }: NamedRun, folder: string): Promise<Run> {
  const scenario = await scenarioNamed(name, name, folder, null);
  const what = witness === null ? "what it breaks" : JSON.stringify(witness);
  return { ...runOf(scenario, pathTo(scenario, witness)), name: `${name}, ${what}` };
}

async function askedPath(
  { trace, witness, scenario, from }: Asked, folder: string,
): Promise<{ readonly scenario: Scenario; readonly path: Path; readonly what: string }> {
  if (witness !== undefined) {
    const found = await scenarioNamed(from ?? trace, trace, folder, null);
    return { scenario: found, path: pathTo(found, witness), what: `${found.name}, ${JSON.stringify(witness)}` };
  }
  const recipe = readRecipe(trace, scenario ?? null);
  const found = await scenarioNamed(from ?? recipe.scenario, recipe.scenario, folder, recipe.patch ?? null);
  const actors = "threads" in found ? found.threads.map((t) => t.name) : [];
  const steps = recipe.steps.map(({ actor, choices }) => ({ actor: typeof actor === "number" ? actor : actors.indexOf(actor), choices }));
  return { scenario: found, path: { initial: recipe.initial, steps }, what: `${found.name}, ${JSON.stringify(recipe.property.name)}` };
}
async function scenarioNamed(pattern: string, name: string, folder: string, patch: Patch | null): Promise<Scenario> {
  const { scenarios } = await selectScenarios([pattern], "nightly", folder, patch);
  const found = scenarios.length === 1 ? scenarios[0] : matchScenarios(name, scenarios, "nightly")[0];
  if (found === undefined) throw new UsageError(`there is no scenario ${JSON.stringify(name)}`);
  return found.scenario;
}

/** The same for the agent. */
export function realOf(run: Run): RealPair & Compared {
  const ranges = Math.floor(run.areaEnd / run.options.pagesPerHugePage);
  const rest = run.areaEnd % run.options.pagesPerHugePage;
  const area = textToStep(`0 mmap 0.0 ${ranges}.${rest} rw fixed`);
  return {
    knobs: run.knobs, memory: [area, ...run.memory.map((c) => c.step)],
    calls: forEachSide(run.calls, (of) => of.map((c) => c.step)),
    pages: run.options.pagesPerHugePage, alone: run.alone,
  };
}

export type Verdict =
  | { readonly verdict: "confirmed"; readonly forced: Forced; readonly derived: Derived }
  | { readonly verdict: "refuted"; readonly why: string; readonly forced: Forced; readonly derived: Derived }
  | { readonly verdict: "not realised"; readonly why: string; readonly forced: Forced | null };

/** Forces the run. Throws a NotForceable that says which turn cannot be forced there. */
export async function forceRun(machine: ForcedMachine, run: Run, say: (text: string) => void = () => {}): Promise<Verdict> {
  const real = realOf(run);
  const { anchors, memory } = await followed(machine, { ...real, name: run.name });
  if (isInterrupted()) return { verdict: "not realised", why: "stopped", forced: null };
  const { pointOf, withWrites, points, apart } = agreed(run, anchors);
  say(`  alone, they come by ${points.map((of) => of.length).join(" and ")} points, as often and in the same order as in the checker`);
  for (const words of apart) say(`  left out: ${words}`);
  const derived = derivedBy(run, [pointOf, withWrites]);
  say(`  ${scheduleInWords(derived.schedule)}`);
  if (derived.distance > 0) say(`  ${derived.distance} steps from where the trace switches; the checker shows the same there`);
  if (!derived.tells) say("  the calls of one thread behind those of another show the same");
  const there = difference("before the calls", withoutContents(derived.memory), withoutContents(memory));
  if (there !== null) return { verdict: "not realised", why: `it begins with something else: ${there}`, forced: null };
  const forced = await realise(machine, { ...real, name: run.name }, derived.schedule, anchors);
  if (forced.not !== null) return { verdict: "not realised", why: forced.not, forced };
  const waiting = waits(derived, forced.became);
  const why = waiting ?? apartIn(comparable(derived.outcome), comparable(forced.outcome));
  if (why === null) return { verdict: "confirmed", forced, derived };
  if (waiting === null && forced.became.some((b) => b.what === "blocked")) {
    return { verdict: "not realised", why: `${RAN_BESIDE}: ${why}`, forced };
  }
  return { verdict: "refuted", why, forced, derived };
}
/** Nobody holds a thread back that waits in the kernel and is let go there: an outcome of another order says nothing of this one. */
const RAN_BESIDE = "a thread that waited for the other one ran beside it from then on, in an order that was not forced";

/** By the first of these points by which there is a schedule. */
function derivedBy(run: Run, [pointOf, ...others]: readonly PointOf[]): Derived {
  try {
    return derive(run, pointOf!);
  } catch (e) {
    if (!(e instanceof NotForceable) || others.length === 0) throw e;
    return derivedBy(run, others);
  }
}

/** What became of the segments, in the checker and on the kernel: the first difference. */
function waits({ schedule, expected }: Derived, became: readonly Became[]): string | null {
  for (const [i, e] of expected.entries()) {
    const is = became[i]!;
    if (is.what === e || is.what === "skipped") continue;
    return `${scheduleInWords([schedule[i]!])}: in the checker it ${WORDS[e]}, on Linux it is ${becameInWords(is)}`;
  }
  return null;
}
const WORDS: Readonly<Record<Expected, string>> = { held: "comes there", ended: "ends", blocked: "waits for the other one" };

/**
 * Without what a machine that runs for a while has of its own: whether there is a huge zero page already, and which frame the allocator
 * gives next.
 */
export function comparable(o: Outcome): Outcome {
  return {
    ...o, pages: o.pages.map((p) => p.replace(/, same frame as before|same frame as before, /, "")),
    counters: o.counters.filter((c) => !c.startsWith("thp_zero_page_alloc ")),
  };
}

/** The first of an outcome's parts that is another on Linux. */
export function apartIn(checker: Outcome, linux: Outcome): string | null {
  if (outcomeKey(checker) === outcomeKey(linux)) return null;
  const of = (o: Outcome): string[] => [...o.returned.map((r, i) => `${SIDES[i]} ${r}`), ...o.areas, ...o.pages, ...o.counters];
  return difference("at the end", of(checker), of(linux));
}
function difference(when: string, checker: readonly string[], linux: readonly string[]): string | null {
  const mine = checker.filter((line) => !linux.includes(line));
  const theirs = linux.filter((line) => !checker.includes(line));
  if (mine.length + theirs.length === 0) return null;
  const [checkers, linuxs] = [mine, theirs].map((lines) => (lines.length === 0 ? "nothing more" : lines.join("; ")));
  return `${when} the checker has ${checkers}, Linux ${linuxs}`;
}
const withoutContents = ({ areas, pages }: Pick<Outcome, "areas" | "pages">): readonly string[] =>
  [...areas, ...pages.map((p) => p.replace(/; holds .*$/, "").replace(/, same frame as before|same frame as before, /, ""))];
