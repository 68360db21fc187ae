/** GitLab's code quality report: a list of what is wrong, each at a line. A run in which nothing is wrong gives an empty list. */
import { createHash } from "node:crypto";
import { isJson } from "../../files.ts";
import type { ReportedRun, ResultFormat } from "./reported-run.ts";
import { casesOf, type RunCase } from "./run-case.ts";

const CHECK = "thpcheck/";

export const gitlab: ResultFormat = {
  what: "code quality file of thpcheck",
  render(run: ReportedRun): string {
    return `${JSON.stringify(casesOf(run).filter((c) => c.outcome === "fail" || c.outcome === "error").map(issueOf), null, 2)}\n`;
  },
  isOurs: (text) => isJson(text, (value) => Array.isArray(value)
    && value.every((issue: { check_name?: unknown } | null) => String(issue?.check_name).startsWith(CHECK))),
};

/** An issue has to lie somewhere; what is about the whole run lies in the configuration. */
const NOWHERE = { file: "thpcheck.config.ts", line: 1 };

function issueOf(c: RunCase): object {
  const { file, line } = c.place ?? NOWHERE;
  return {
    description: `${c.name}: ${c.message}`, check_name: `${CHECK}${c.rule}`, severity: c.outcome === "fail" ? "critical" : "major",
    // The same finding in another commit, at another line, is no new one.
    fingerprint: createHash("sha256").update(JSON.stringify([c.module, c.name, c.rule])).digest("hex"),
    location: { path: file, lines: { begin: line } },
  };
}
