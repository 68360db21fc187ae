/**
 * KTAP version 1, as the kernel's `kunit.py parse` and kselftest's tools read it: a test for each module, a subtest for each scenario.
 * A scenario that is violated as it should be is a plain `ok`: the directives that are made for that turn a failure into a
 * pass in some readers. Whatever leaves nothing known is `not ok`. No text can begin a directive, or the head of another test.
 */
import type { ReportedRun, ResultFormat } from "./reported-run.ts";
import { casesOf, type RunCase } from "./run-case.ts";

const HEAD = "KTAP version 1";
const BY = "# thpcheck";

export const ktap: ResultFormat = {
  what: "KTAP file of thpcheck",
  render(run: ReportedRun): string {
    const modules = [...Map.groupBy(casesOf(run), (c) => c.module)];
    const lines = [HEAD, BY, `1..${modules.length}`];
    modules.forEach(([module, cases], n) => {
      lines.push(...[HEAD, `# Subtest: ${plain(module)}`, `1..${cases.length}`, ...cases.flatMap(subtest)].map((l) => `    ${l}`));
      const isOk = cases.every((c) => c.outcome === "pass" || c.outcome === "skip");
      lines.push(`${isOk ? "ok" : "not ok"} ${n + 1} ${plain(module)}`);
    });
    return `${lines.join("\n")}\n`;
  },
  isOurs: (text) => text.startsWith(`${HEAD}\n${BY}\n`),
};

function subtest(c: RunCase, n: number): string[] {
  const isOk = c.outcome === "pass" || c.outcome === "skip";
  const says = isOk ? [] : [c.message, ...c.detail.split("\n")].flatMap((text) => text.split("\n"));
  const skipped = c.outcome === "skip" ? ` # SKIP ${plain(c.message)}` : "";
  const remarks = says.map((line) => `# ${line.replace(/^(?=\s*Subtest\b)/, "> ")}`.trimEnd());
  return [...remarks, `${isOk ? "ok" : "not ok"} ${n + 1} ${plain(c.name)}${skipped}`];
}

/** On one line, and without the sign that begins a directive. */
const plain = (text: string): string => text.replaceAll("#", " ").replaceAll(/\s+/g, " ").trim();
