/** Decides cells of one program: a batch in one search, and those that do not hold once more, each by itself. */
import { DEFAULT_CHECK_OPTIONS } from "../../checker/check/options.ts";
import { recipeOf } from "../../checker/check/verdict.ts";
import { renderTrace } from "../../checker/report/counterexample.ts";
import { replayCommand } from "../../checker/report/replay-command.ts";
import type { Patch } from "../../checker/result.ts";
import { explore, type ExploreOptions, type Finding, type Outcome } from "../../checker/search/explore.ts";
import { replay } from "../../checker/trace/replay.ts";
import { storyOf } from "../../checker/trace/story.ts";
import { batchOf, type Counted } from "./batch.ts";
import { choicesOf, nameOf, type Cell } from "./cells.ts";
import { expectedOf, isPromise, type ExpectedRow } from "./expected.ts";
import { overlapOf } from "./overlap.ts";
import { OPERATIONS } from "./operations.ts";
import { PROGRAM_FILE, type Program } from "./program-of.ts";
import type { CellResult, CellViolation } from "./result.ts";

export interface DecideOptions {
  readonly seed: number;
  /** States that a cell may take where it is searched by itself, and a batch on the average of its cells; null: any number. */
  readonly maxStates: number | null;
  readonly patch: Patch | null;
  /** How a trace is shown; null: not at all. */
  readonly view: { readonly width: number; readonly color: boolean; readonly full: boolean } | null;
}

/** The results of the cells, in their order. */
export async function decide(program: Program, cells: readonly Cell[], options: DecideOptions): Promise<CellResult[]> {
  const results = new Map<string, CellResult>();
  let together: Cell[] = [];
  for (const cell of cells) {
    if (expectedOf(cell) === null && cells.length > 1) together.push(cell);
    else results.set(nameOf(cell), await alone(program, cell, options));
  }
  while (together.length > 0) {
    const { outcome, counts } = await search(program, together, options);
    const { finding } = outcome;
    if (finding === null) {
      const cut = cutBy(outcome);
      for (const [i, cell] of together.entries()) results.set(nameOf(cell), holding(program, cell, counts[i]!, cut, null));
      break;
    }
    const broken = together.find((cell) => String(choicesOf(cell)) === String(finding.initial));
    if (broken === undefined) throw new Error(`[thpcheck internal] a violation of no cell: ${finding.name}: ${finding.message}`);
    results.set(nameOf(broken), await alone(program, broken, options));
    together = together.filter((cell) => cell !== broken);
  }
  return cells.map((cell) => results.get(nameOf(cell))!);
}

/** One cell in a search of its own, with its shortest trace if there is one. */
async function alone(program: Program, cell: Cell, options: DecideOptions): Promise<CellResult> {
  const row = expectedOf(cell);
  const { outcome, counts } = await search(program, [cell], options, row);
  const { finding } = outcome;
  if (finding === null) return holding(program, cell, counts[0]!, cutBy(outcome), row);
  const violation = violationOf(program, finding, options);
  const wanted = row !== null && isPromise(violation.property, row);
  const reason = wanted ? row.why : row === null ? violation.message : `"${row.promise}" should break, and ${violation.property} does`;
  return { ...named(cell), verdict: "violated", asExpected: wanted, reason, states: counts[0]!.states, overlap: null, violation };
}

/** Why the search did not see everything; null: it did. */
const cutBy = (outcome: Outcome): string | null => (outcome.complete ? null : outcome.stopReason ?? "the search ended early");

function holding(program: Program, cell: Cell, { states, ends }: Counted, cut: string | null, row: ExpectedRow | null): CellResult {
  const what = { ...named(cell), states, violation: null };
  if (cut !== null) return { ...what, verdict: "incomplete", asExpected: false, reason: cut, overlap: null };
  const overlap = overlapOf(program.system, cell);
  const reason = row !== null ? `"${row.promise}" should break, and every promise holds: mended, or never true`
    : ends === 0 ? "no end is reached, so nothing was asked of memory at rest" : null;
  return { ...what, verdict: "holds", asExpected: reason === null, reason, overlap };
}

export function named(cell: Cell): Pick<CellResult, "cell" | "first" | "second" | "third" | "memory"> {
  const { memory, third, first, second } = cell;
  return { cell: nameOf(cell), first: OPERATIONS[first]!.name, second: OPERATIONS[second]!.name, third, memory };
}

async function search(
  program: Program, cells: readonly Cell[], options: DecideOptions, row: ExpectedRow | null = null,
): Promise<{ readonly outcome: Outcome; readonly counts: readonly Counted[] }> {
  const { system, counts } = batchOf(program.system, cells);
  const { seed, maxStates } = options;
  const promises = [...system.always, ...system.stepProperties, ...system.finally];
  const wanted = row === null ? null : promises.find((p) => isPromise(p, row)) ?? row.promise;
  const asked: ExploreOptions = {
    ...DEFAULT_CHECK_OPTIONS, workers: 1, seed, maxStates: maxStates === null ? null : maxStates * cells.length,
    minimise: cells.length === 1, wanted,
  };
  return { outcome: await explore(system, null, asked), counts };
}

function violationOf({ scenario, system, source }: Program, finding: Finding, { seed, patch, view }: DecideOptions): CellViolation {
  const { name, config = {}, policy } = scenario;
  const { programHash } = source;
  const replayed = replay({ system, scenario: name, programHash, config, policy, patch }, recipeOf(finding, name, programHash, seed));
  const command = replayCommand(replayed.trace, replayed.actors, PROGRAM_FILE);
  const shown = view === null ? null : renderTrace(replayed, { ...view, replayCommand: command }, storyOf(scenario, replayed));
  return { property: finding.name, message: replayed.message, steps: finding.steps.length, replay: command, trace: shown };
}
