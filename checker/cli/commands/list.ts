/** `thpcheck list`: the scenarios of the project, or another list that its configuration has. */
import { expectationInWords } from "../../check/verdict.ts";
import { rowsProblem } from "../../config-form.ts";
import { shortPath } from "../../error-sentence.ts";
import { toJson } from "../../report/json.ts";
import { table } from "../../report/summary.ts";
import type { Tier } from "../../result.ts";
import { UsageError } from "../../usage-error.ts";
import { EXIT_AS_EXPECTED, EXIT_USAGE, type Host } from "../host.ts";
import { namesTableOf, writeNames } from "../../project/names-table.ts";
import { findConfigFile, loadConfig } from "../../project/project.ts";
import { selectScenarios } from "../../project/select.ts";
import { runUserCode } from "../../project/user-code.ts";

export interface ListRequest {
  readonly patterns: readonly string[];
  /** null: every tier. */
  readonly tier: Tier | null;
  readonly format: "pretty" | "json";
}

/** Writes the list and returns the exit code. */
export async function runList(request: ListRequest, host: Host): Promise<number> {
  const own = await ownList(request.patterns, host.folder);
  if (own !== null) {
    const [headings, ...rows] = own;
    const record = (row: readonly string[]): unknown => Object.fromEntries(headings.map((heading, i) => [heading, row[i] ?? ""]));
    if (request.format === "json") host.out.write(toJson(rows.map(record)));
    else writeTable(own, host);
    return EXIT_AS_EXPECTED;
  }
  const { scenarios, failures, warnings } = await selectScenarios(request.patterns, request.tier ?? "nightly", host.folder);
  if (request.format === "json") {
    host.out.write(toJson(scenarios.map(({ scenario: { name, tier, why, expect }, file }) =>
      ({ name, tier, why, expected: expectationInWords(expect), file: shortPath(file) }))));
  } else {
    const rows = scenarios.map(({ scenario: s, file }) => [s.name, s.tier, expectationInWords(s.expect), shortPath(file), s.why]);
    writeTable([["scenario", "tier", "expected", "file", "why"], ...rows], host);
  }
  for (const f of [...failures, ...warnings]) host.err.write(`thpcheck: ${f}\n`);
  return failures.length > 0 ? EXIT_USAGE : EXIT_AS_EXPECTED;
}

/** Writes the table of names, unless a module cannot be loaded: it would lose its names. Returns the exit code. */
export async function updateNames(host: Host): Promise<number> {
  const { scenarios, failures } = await selectScenarios([], "nightly", host.folder);
  for (const f of failures) host.err.write(`thpcheck: ${f}\n`);
  if (failures.length > 0) return EXIT_USAGE;
  const config = findConfigFile(host.folder)!;
  writeNames(config, scenarios);
  host.out.write(`${shortPath(namesTableOf(config))}: ${scenarios.length} names\n`);
  return EXIT_AS_EXPECTED;
}

/** The headings, and the rows below them. */
type Rows = readonly [readonly string[], ...(readonly string[])[]];

function writeTable(rows: Rows, { out, paint }: Host): void {
  out.write(`${table(rows, rows[0].map(() => false), (line, i) => (i === 0 ? paint.bold(line) : line))}\n`);
}

/** The list of that name, if the configuration has one. */
async function ownList(patterns: readonly string[], folder: string): Promise<Rows | null> {
  const file = patterns.length === 1 ? findConfigFile(folder) : null;
  const lists = file === null ? undefined : (await loadConfig(file)).config.lists;
  const name = patterns[0]!;
  if (lists === undefined || !Object.hasOwn(lists, name)) return null;
  const rows: unknown = await runUserCode(`${shortPath(file!)}: list ${JSON.stringify(name)}`, () => lists[name]!());
  const problem = rowsProblem(rows);
  if (problem !== null) throw new UsageError(`${shortPath(file!)}: list ${JSON.stringify(name)}: ${problem}`);
  return rows as Rows;
}
