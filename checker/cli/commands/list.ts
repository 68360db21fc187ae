/** `thpcheck list`: the scenarios of the project. */
import { expectationInWords } from "../../check.ts";
import { shortPath } from "../../error-sentence.ts";
import { toJson } from "../../report/json.ts";
import { table } from "../../report/summary.ts";
import type { Tier } from "../../result.ts";
import { EXIT_AS_EXPECTED, EXIT_USAGE, type Host } from "../host.ts";
import { selectScenarios } from "../select.ts";

export interface ListRequest {
  readonly patterns: readonly string[];
  /** null: every tier. */
  readonly tier: Tier | null;
  readonly format: "pretty" | "json";
}

/** Writes the list and returns the exit code. */
export async function runList(request: ListRequest, host: Host): Promise<number> {
  const { scenarios, failures, warnings } = await selectScenarios(request.patterns, request.tier ?? "nightly", host.folder);
  if (request.format === "json") {
    host.out.write(toJson(scenarios.map(({ scenario: s, file }) => ({ name: s.name, tier: s.tier, why: s.why, expected: expectationInWords(s.expect), file: shortPath(file) }))));
  } else {
    const rows = scenarios.map(({ scenario: s, file }) => [s.name, s.tier, expectationInWords(s.expect), shortPath(file), s.why]);
    host.out.write(`${table([["scenario", "tier", "expected", "file", "why"], ...rows], [false, false, false, false, false], (line, i) => (i === 0 ? host.paint.bold(line) : line))}\n`);
  }
  for (const f of [...failures, ...warnings]) host.err.write(`thpcheck: ${f}\n`);
  return failures.length > 0 ? EXIT_USAGE : EXIT_AS_EXPECTED;
}
