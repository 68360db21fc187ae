/** Explores a scenario completely and says which lines of `impl/` it reached. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { Scenario, Structs } from "thpcheck";
import { run } from "../../checker/search/options.ts";

const IMPL = fileURLToPath(new URL("../../../impl/", import.meta.url));

/** The first lines of the blocks that ran, as "file routine: text"; the scenario holds. */
export async function linesReached<S extends Structs>(s: Scenario<S>): Promise<ReadonlySet<string>> {
  const { system } = compileScenario(s as unknown as Scenario, { coverage: true });
  const outcome = await run(system);
  if (process.env["EXPLORED"] !== undefined) console.log(`${s.name}: ${outcome.states} states`);
  expect(outcome.finding === null ? "holds" : `${outcome.finding.name}: ${outcome.finding.message}`).toBe("holds");
  expect(outcome.complete).toBe(true);
  const texts = new Map<string, readonly string[]>();
  const lines = new Set<string>();
  for (const { site, count } of system.coverage.counts()) {
    if (count === 0) continue;
    let text = texts.get(site.file);
    if (text === undefined) texts.set(site.file, text = readFileSync(site.file, "utf8").split("\n"));
    lines.add(`${relative(IMPL, site.file)} ${site.routine}: ${text[site.line - 1]!.trim()}`);
  }
  return lines;
}
