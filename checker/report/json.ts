/** Results as JSON: the document of a run, and how it is read again. */
import * as v from "valibot";
import { readJson } from "../files.ts";
import { count, flag, oneOf, problemOf, recordForm, text } from "../form.ts";
import {
  RESULT_FORMAT, RESULT_VERSION, type PatchReport, type ResultFile, type ResultV1, type RunTotals, type ScenarioResult, type Tier,
} from "../result.ts";
import { UsageError } from "../usage-error.ts";

/** What a result of a run has besides: where it comes from, and how it is seen again. */
export type Surroundings = Required<Pick<ResultV1, "file" | "place" | "explanation" | "replay">>;

/** The document of a run; `end`: of one that has ended. */
export function resultFile(
  { tier, seed }: { readonly tier: Tier; readonly seed: number }, results: readonly (readonly [ScenarioResult, Surroundings])[],
  end: { readonly totals: RunTotals; readonly patch: PatchReport | null } | null,
): ResultFile {
  const all = results.map(([r, around]): ResultV1 => ({ ...toV1(r), ...around }));
  const file: ResultFile = { format: RESULT_FORMAT, version: RESULT_VERSION, tier, seed, results: all };
  if (end === null) return file;
  return end.patch === null ? { ...file, end: end.totals } : { ...file, end: end.totals, patch: end.patch };
}

/** Readers of version 1 know these names, and a name changes only together with the version (`ResultV1`). */
function toV1({ expectedCollisions, levels: _, invariants, ...rest }: ScenarioResult): ResultV1 {
  const promises = invariants.map(({ name, inForce }) => ({ name, unexcused: inForce }));
  return { ...rest, collisionProbability: expectedCollisions, invariants: promises };
}

/** Version 1 does not say how many states each level has. */
function fromV1(result: ResultV1): ScenarioResult {
  const { collisionProbability, invariants, alsoViolated = [], further = [], notes = [], warnings = [], engine = "js", ...rest } = result;
  const promises = invariants.map(({ name, unexcused }) => ({ name, inForce: unexcused }));
  const added = { alsoViolated, further, notes, warnings, engine };
  return { ...rest, expectedCollisions: collisionProbability, levels: [], invariants: promises, ...added };
}

const naming = recordForm({ name: text(), reached: flag() });
const machine = recordForm({
  machine: text(), instances: count(), moves: count(), arrows: count(),
  taken: v.array(recordForm({ arrow: text(), count: count() }), "an array"),
});
const result = recordForm({
  scenario: text(), verdict: oneOf(["holds", "violated", "incomplete", "error"]), asExpected: flag(),
  states: count(), transitions: count(), depth: count(), seconds: v.number("a number"),
  witnesses: v.array(naming, "an array"), notChecked: v.array(v.string("a text"), "an array of texts"),
  warnings: v.optional(v.array(v.string("a text"), "an array of texts")),
  invariants: v.array(recordForm({ name: text(), unexcused: count() }), "an array"),
  violation: v.nullable(recordForm({ property: text(), length: count() })),
  refinement: v.nullable(recordForm({ steps: count(), machines: v.array(machine, "an array") })),
});
/** What of a file of results is read again. */
const resultsForm = recordForm({
  format: v.literal(RESULT_FORMAT, JSON.stringify(RESULT_FORMAT)),
  version: v.literal(RESULT_VERSION, `${RESULT_VERSION}, the version that this thpcheck reads`),
  results: v.array(result, "an array of results"),
});

/** The results in a file that `check --out` has written. Throws a UsageError for a file that is none. */
export function readResults(file: string): readonly ScenarioResult[] {
  const none = (why: string): UsageError =>
    new UsageError(`${file} ${why}; "npx thpcheck check --tier full --out ${file}" writes a file of results`);
  const parsed = readJson(file, none);
  if ((parsed as Partial<ResultFile> | null)?.format !== RESULT_FORMAT) throw none("holds no results");
  const problem = problemOf(resultsForm, parsed);
  if (problem !== null) throw none(`is no whole file of results: ${problem}`);
  return (parsed as ResultFile).results.map(fromV1);
}

export const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
