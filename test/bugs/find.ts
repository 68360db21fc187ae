/** Looks for one bug: the scenario under the patch must break the promise, and must hold without the patch. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checkScenario } from "../../checker/check/check.ts";
import { DEFAULT_CHECK_OPTIONS, type Checked, type CheckOptions } from "../../checker/check/options.ts";
import type { LoadedScenario } from "../../checker/project/project.ts";
import { selectScenarios } from "../../checker/project/select.ts";
import type { Patch } from "../../checker/result.ts";
import { UsageError } from "../../checker/usage-error.ts";
import { ROOT, type Bug } from "./bug.ts";
import { toldTrace, type ToldTrace } from "./trace-table.ts";

const SCENARIO_FILES = ["test/bugs/scenarios", "test/scenarios"].flatMap((folder) => readdirSync(join(ROOT, folder)).filter((f) => f.endsWith(".ts")).map((f) => join(ROOT, folder, f)));

/** The one schema for people and machines; `contracts`: `thpcheck bugs`. */
export interface Finding {
  readonly id: string;
  readonly outcome: "found" | "missed" | "does-not-apply" | "not-expressible";
  /** The promise that must break; null where the bug is not expressible. */
  readonly promise: string | null;
  /** Steps of the trace. */
  readonly steps: number | null;
  readonly states: number | null;
  /** Walks taken, with PCT. */
  readonly walks: number | null;
  readonly seconds: number | null;
  /** The part that impl/ lacks; null where the bug is expressible. */
  readonly needs: string | null;
  /** Why it is missed or does not apply; null otherwise. */
  readonly reason: string | null;
}

export interface FindOptions {
  readonly seconds: number;
  /** Walks of PCT in place of the search; null: search. */
  readonly pct: number | null;
  readonly pctDepth: number;
  readonly seed: number;
  /** Ask that the scenario holds without the patch; else a bug counts as found where it is seen. */
  readonly sound: boolean;
  /** Tell what it takes to show each trace. */
  readonly traces: boolean;
}

export interface Found {
  readonly finding: Finding;
  /** The check of the patched program; null when it could not be loaded. */
  readonly checked: Checked | null;
  /** Its trace; null where nobody asked, or nothing was found. */
  readonly trace: ToldTrace | null;
}
type Told = Omit<Found, "finding"> & { readonly checked: Checked };

/** What the unpatched scenarios gave: several bugs share one. */
export type Soundness = Map<string, string | null>;

export async function findBug(bug: Bug, options: FindOptions, sound: Soundness): Promise<Found> {
  const none = { id: bug.id, promise: bug.promise, steps: null, states: null, walks: null, seconds: null, needs: null };
  let told: Told;
  try {
    told = await checkUnder(bug, options);
  } catch (e) {
    // It does not fit the files any more, or makes a module that cannot be loaded.
    if (!(e instanceof UsageError)) throw e;
    return { finding: { ...none, outcome: "does-not-apply", reason: e.message }, checked: null, trace: null };
  }
  const { result } = told.checked;
  const measured = { ...none, states: result.states, walks: result.walks, seconds: result.seconds, steps: result.violation?.length ?? null };
  const why = result.violation !== null && breaks(result.violation, bug.promise)
    ? options.sound ? await unsound(bug.scenario, options, sound) : null
    : result.violation !== null ? `it violates ${JSON.stringify(result.violation.property)}: ${result.violation.message}`
    : result.verdict === "holds" ? "every promise holds under the patch" : `${result.verdict}: ${result.reason ?? ""}`;
  return { finding: { ...measured, outcome: why === null ? "found" : "missed", reason: why }, ...told };
}

/** Whether it is the promise that is violated: by name, or, of an assertion, by how its message begins. */
export function breaks(violation: { readonly property: string; readonly message: string }, promise: string): boolean {
  return promise.startsWith("assertion: ") ? violation.property === "assertion" && violation.message.startsWith(promise) : violation.property === promise;
}

function checkUnder(bug: Bug, options: FindOptions): Promise<Told> {
  return check(bug.scenario, {
    ...DEFAULT_CHECK_OPTIONS, seconds: options.seconds, seed: options.seed, patch: bug.patch,
    // The machines of the specification would often stop the run earlier, with less to say of the bug.
    refine: bug.promise.startsWith("refines "),
    ...(options.pct === null ? {} : { strategy: "pct", walks: options.pct, pctDepth: options.pctDepth, minimise: false }),
  }, options.traces);
}

/** Why the scenario is no witness: without the patch it does not hold. Null when it does. */
async function unsound(scenario: string, { seconds }: FindOptions, sound: Soundness): Promise<string | null> {
  const known = sound.get(scenario);
  if (known !== undefined) return known;
  const { result } = (await check(scenario, { ...DEFAULT_CHECK_OPTIONS, seconds: 10 * seconds })).checked;
  const why = result.verdict === "holds" && result.asExpected ? null : `without the patch ${scenario} does not hold: ${result.reason ?? result.verdict}`;
  sound.set(scenario, why);
  return why;
}

async function check(name: string, options: CheckOptions, traces = false): Promise<Told> {
  const { scenario } = await loadedUnder(name, options.patch);
  const checked = await checkScenario(scenario, options, 1);
  return { checked, trace: traces && checked.replayed !== null ? toldTrace(scenario, checked.replayed) : null };
}

/** The scenario of that name, as the patch has it. */
export async function loadedUnder(name: string, patch: Patch | null): Promise<LoadedScenario> {
  // By its file, if the text of one has the name: each patch loads the program anew, and most modules are not needed.
  const file = SCENARIO_FILES.find((f) => readFileSync(f, "utf8").includes(`name: "${name}"`));
  const { scenarios } = await selectScenarios([file ?? name], "nightly", ROOT, patch);
  return { ...scenarios.find((s) => s.scenario.name === name)!, from: null };
}
