/** This project's own format, with everything; `replay` and other commands read it. Its schema: `result.schema.json`. */
import { isJson } from "../../files.ts";
import { RESULT_FORMAT, type RunTotals } from "../../result.ts";
import { resultFile, toJson, type Surroundings } from "../json.ts";
import { replayCommand } from "../replay-command.ts";
import type { ReportedScenario, RunEnd } from "../reporter.ts";
import { namedFile, placeOfBreak, placeOfRefusal } from "./place.ts";
import type { ReportedRun, ResultFormat } from "./reported-run.ts";

export const json: ResultFormat = {
  what: "file of results",
  render({ head, scenarios, end }: ReportedRun): string {
    const results = scenarios.map((s) => [s.checked.result, surroundingsOnce(s, head.folder)] as const);
    const { seed } = head.options;
    return toJson(resultFile({ tier: head.tier, seed }, results, end === null ? null : { totals: totalsOf(end), patch: end.patch }));
  },
  isOurs: (text) => isJson(text, (value) => value["format"] === RESULT_FORMAT),
};

/** The document is written anew after each scenario, and a trace is not encoded anew for each. */
const known = new WeakMap<ReportedScenario, Surroundings>();
function surroundingsOnce(s: ReportedScenario, folder: string): Surroundings {
  const before = known.get(s);
  if (before !== undefined) return before;
  const made = surroundingsOf(s, folder);
  known.set(s, made);
  return made;
}

function surroundingsOf({ loaded, checked: { result, replayed } }: ReportedScenario, folder: string): Surroundings {
  return {
    file: namedFile(loaded.file, folder), place: placeOfBreak(replayed, folder) ?? placeOfRefusal(result, folder),
    explanation: replayed?.explanation ?? null,
    replay: replayed === null ? null : replayCommand(replayed.trace, replayed.actors, loaded.from),
  };
}

function totalsOf({ exitCode, results, notRun, leftOut, failures }: RunEnd): RunTotals {
  const n = (is: (r: RunEnd["results"][number]) => boolean): number => results.filter(is).length;
  const isCut = (verdict: string): boolean => verdict === "incomplete" || verdict === "error";
  return {
    exitCode, asExpected: n((r) => r.asExpected && !isCut(r.verdict)), notAsExpected: n((r) => !r.asExpected && !isCut(r.verdict)),
    incomplete: n((r) => r.verdict === "incomplete"), error: n((r) => r.verdict === "error"),
    states: results.reduce((sum, r) => sum + r.states, 0), seconds: results.reduce((sum, r) => sum + r.seconds, 0),
    notRun, leftOut, failures,
  };
}
