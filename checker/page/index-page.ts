/** The index of a run as a page: its cases, what was in force, transitions of machines, coverage. It needs no script. */
import { readFileSync } from "node:fs";
import { count, group } from "../numbers.ts";
import { CoverageTotals } from "../report/coverage.ts";
import type { ReportedRun } from "../report/formats/reported-run.ts";
import { casesOf, type RunCase } from "../report/formats/run-case.ts";
import { invariantTotals } from "../report/invariants.ts";
import { arrowsTaken } from "../report/refinement.ts";
import type { ReplayedTrace, ScenarioResult } from "../result.ts";
import { viewerStyle } from "./bundle.ts";
import { document } from "./document.ts";
import { escaped } from "./escaped.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
const STYLE = new URL("index.css", import.meta.url);

export function indexStyle(): string {
  return `${viewerStyle()}\n${readFileSync(STYLE, "utf8")}`;
}

/** `pages`: the address of the page of each case that has one, by the case's name. */
export function indexPage(run: ReportedRun, pages: ReadonlyMap<string | ReplayedTrace, string>): string {
  const cases = casesOf(run);
  const results = run.scenarios.map((s) => s.checked.result);
  return document("thpcheck", indexStyle(), POLICY, [
    // Before everything whose colours depend on it.
    choice("light"), choice("dark"), "<article>", heading(run, cases),
    section("Scenarios", caseTable(cases, pages)), section("Invariants in force", invariants(results)),
    section("Transitions of machines", machines(results)), section("Coverage", coverage(run)),
    section("Not checked", list([...new Set(results.flatMap((r) => r.notChecked))])), "</article>",
  ]);
}

const choice = (theme: string): string =>
  `<input type="checkbox" class="theme-choice" id="${theme}"><label class="theme-label" for="${theme}">${theme}</label>`;

function heading({ head, end }: ReportedRun, cases: readonly RunCase[]): string {
  const bad = cases.filter((c) => c.outcome === "fail" || c.outcome === "error");
  const verdict = bad.length === 0 ? "all as expected" : `${count(bad.length, "case")} not as expected`;
  const states = cases.reduce((sum, c) => sum + (c.result?.states ?? 0), 0);
  const { strategy, seed } = head.options;
  const how = [`tier ${head.tier}`, strategy, `seed ${seed}`, `${group(states)} states`,
    ...(head.options.patch === null ? [] : [`patch ${head.options.patch.name}`]), ...(end === null ? [] : [`exit code ${end.exitCode}`])];
  const mark = bad.length === 0 ? "good" : "alarm";
  return `<h1 class="${mark}">${escaped(`thpcheck: ${verdict}`)}</h1><p class="dim">${escaped(how.join(", "))}</p>`;
}

/** Nothing where there is nothing to say. */
const section = (title: string, content: string): string =>
  (content === "" ? "" : `<details open><summary><h2>${escaped(title)}</h2></summary>${content}</details>`);

const list = (sentences: readonly string[]): string =>
  (sentences.length === 0 ? "" : `<ul>${sentences.map((s) => `<li>${escaped(s)}</li>`).join("")}</ul>`);

/** What failed comes first. */
function caseTable(cases: readonly RunCase[], pages: ReadonlyMap<string | ReplayedTrace, string>): string {
  const order = ["fail", "error", "skip", "pass"];
  const sorted = [...cases].sort((a, b) => order.indexOf(a.outcome) - order.indexOf(b.outcome));
  const rows = sorted.map((c): Row => ({
    mark: c.outcome,
    cells: [escaped(c.outcome), named(c, pages), ...figures(c.result), escaped([c.message, ...(c.result?.warnings ?? [])].join(" "))],
  }));
  return table(["", "scenario", "states", "transitions", "depth", "seconds", ""], rows);
}

function named({ name, trace, result }: RunCase, pages: ReadonlyMap<string | ReplayedTrace, string>): string {
  // Two violations of a scenario may have one name: a promise may be called as a rule is.
  const page = trace !== null ? pages.get(trace) : result === null ? undefined : pages.get(name);
  return page === undefined ? escaped(name) : `<a href="${escaped(encodeURI(page))}">${escaped(name)}</a>`;
}

function figures(r: ScenarioResult | null): string[] {
  return r === null ? ["", "", "", ""] : [group(r.states), group(r.transitions), group(r.depth), r.seconds.toFixed(2)];
}

interface Row {
  readonly mark?: string;
  /** HTML. */
  readonly cells: readonly string[];
}

function table(heads: readonly string[], rows: readonly Row[]): string {
  const head = heads.map((h) => `<th>${escaped(h)}</th>`).join("");
  const body = rows.map(({ mark = "", cells }) => `<tr class="${mark}">${cells.map((c) => `<td>${c}</td>`).join("")}</tr>`).join("\n");
  return `<div class="wide"><table><tbody><tr>${head}</tr>\n${body}</tbody></table></div>`;
}

function invariants(results: readonly ScenarioResult[]): string {
  const rows = [...invariantTotals(results)].map(([name, { scenarios, states, inForce }]): Row => ({
    mark: inForce === 0 ? "fail" : "", cells: [escaped(name), group(scenarios), group(states), group(inForce)],
  }));
  return rows.length === 0 ? "" : table(["invariant", "scenarios", "states", "in force"], rows);
}

function machines(results: readonly ScenarioResult[]): string {
  const arrows = new Map(results.flatMap((r) => r.refinement?.machines ?? []).map((m) => [m.machine, m.arrows]));
  const taken = arrowsTaken(results);
  return [...arrows].map(([machine, all]) => {
    const own = [...taken.get(machine) ?? []];
    const rows = own.map(([arrow, times]): Row => ({ cells: [`<code>${escaped(arrow)}</code>`, group(times)] }));
    const head = `${escaped(machine)} <span class="dim">${own.length} of ${all}</span>`;
    return `<details><summary>${head}</summary>${table(["transition", "taken"], rows)}</details>`;
  }).join("\n");
}

function coverage({ scenarios }: ReportedRun): string {
  const totals = new CoverageTotals();
  for (const { checked } of scenarios) totals.add(checked.coverage);
  return scenarios.every(({ checked }) => checked.coverage.length === 0) ? "" : `<pre>${escaped(totals.render())}</pre>`;
}
