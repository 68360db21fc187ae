/** A summary as GitHub and GitLab render it: the tally, a table of the scenarios, and the traces of what failed, folded. */
import { count, group } from "../../numbers.ts";
import type { ReportedRun, ResultFormat } from "./reported-run.ts";
import { casesOf, type RunCase } from "./run-case.ts";

const MARK = "<!-- thpcheck -->";

export const markdown: ResultFormat = {
  what: "summary of thpcheck",
  render(run: ReportedRun): string {
    const cases = casesOf(run);
    const bad = cases.filter((c) => c.outcome === "fail" || c.outcome === "error");
    const good = cases.filter((c) => c.outcome === "pass" || c.outcome === "skip");
    const verdict = bad.length === 0 ? "all as expected" : `${count(bad.length, "case")} not as expected`;
    const parts = [MARK, `## thpcheck: ${verdict}`, tally(cases)];
    if (bad.length > 0) parts.push(table(bad), ...bad.filter((c) => c.detail !== "").map(folded));
    if (good.length > 0) {
      parts.push(`<details><summary>${count(good.length, "case")} as expected</summary>`, table(good), "</details>");
    }
    return `${parts.join("\n\n")}\n`;
  },
  isOurs: (text) => text.startsWith(MARK),
};

function tally(cases: readonly RunCase[]): string {
  const states = cases.reduce((sum, c) => sum + (c.result?.states ?? 0), 0);
  const seconds = cases.reduce((sum, c) => sum + c.seconds, 0);
  const of = (outcome: RunCase["outcome"], word: string): string[] => {
    const n = cases.filter((c) => c.outcome === outcome).length;
    return n === 0 ? [] : [`${n} ${word}`];
  };
  return [...of("pass", "as expected"), ...of("fail", "failed"), ...of("error", "with errors"), ...of("skip", "left out"),
    `${group(states)} states in ${seconds.toFixed(1)} s`].join(", ");
}

function table(cases: readonly RunCase[]): string {
  const rows = cases.map((c) => [c.outcome, c.name, c.result === null ? "" : group(c.result.states), c.message].map(cell));
  return [["outcome", "scenario", "states", ""], ["---", "---", "--:", "---"], ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const cell = (text: string): string => escaped(text).replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
/** Inside `pre` nothing is Markdown, not even three backticks of a trace. */
const folded = (c: RunCase): string => `<details><summary>${escaped(c.name)}</summary>\n<pre>${escaped(c.detail)}\n</pre></details>`;
