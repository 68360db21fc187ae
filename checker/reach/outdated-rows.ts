/** Rows of the index that are no longer true: asked of those that something is said of, since to ask of all takes seconds. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { stepsDigestOf } from "../compile/digest.ts";
import { loadModules } from "../project/project.ts";
import type { ReachRow } from "./reach-index.ts";

/** Names of those of the scenarios that are others by now, or gone. Loads their modules without any patch. */
export async function outdatedAmong(rows: readonly ReachRow[], root: string): Promise<Set<string>> {
  const files = [...new Set(rows.map((r) => join(root, r.file)))];
  const { scenarios } = await loadModules(files.filter((f) => existsSync(f)));
  const today = new Map(scenarios.map(({ scenario }) => [scenario.name, scenario]));
  return new Set(rows.filter((r) => !today.has(r.scenario) || stepsDigestOf(today.get(r.scenario)!) !== r.program).map((r) => r.scenario));
}
