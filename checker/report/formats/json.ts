/** This project's own format, with everything; `replay` and other commands read it. */
import { isJson } from "../../files.ts";
import { RESULT_FORMAT } from "../../result.ts";
import { resultFile, toJson } from "../json.ts";
import type { ReportedRun, ResultFormat } from "./reported-run.ts";

export const json: ResultFormat = {
  what: "file of results",
  render({ head, scenarios, end }: ReportedRun): string {
    return toJson(resultFile(head.tier, head.options.seed, scenarios.map((s) => s.checked.result), end?.patch ?? null));
  },
  isOurs: (text) => isJson(text, (value) => value["format"] === RESULT_FORMAT),
};
