/** An index brought up to date: rows whose program is as it was are kept, with the functions of today. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mapOf } from "../compile/code-map.ts";
import { stepsDigestOf } from "../compile/digest.ts";
import type { Scenario } from "../scenario.ts";
import { indexOf, type IndexedFunction, type MeasuredRow, type ReachIndex, type ReachRow } from "./reach-index.ts";
import { hasBlocks, type Reached, type ReachedFunction } from "./reached.ts";

/** The functions of an index as the project has them today; those that are gone, or have other blocks now, are left out. */
export function functionsOfToday(index: ReachIndex, root: string): Map<string, IndexedFunction> {
  const today = new Map<string, IndexedFunction>();
  for (const [file, functions] of Map.groupBy(index.functions, (f) => f.file)) {
    const now = textOf(join(root, file));
    if (now === null) continue;
    const map = mapOf(now);
    for (const f of functions) {
      const same = map.functions.find((g) => g.name === f.name && g.blocks.length === f.blocks);
      if (same !== undefined) today.set(`${file}\0${f.name}`, { ...f, hash: same.hash });
    }
  }
  return today;
}

/**
 * Whether a row can be kept although functions have changed: its program is the same, and what it runs is still there, with as many
 * blocks. A program that is the same has the same blocks; this is asked all the same, since a wrong row would go unnoticed.
 */
function keptRow(index: ReachIndex, row: number, today: ReadonlyMap<string, IndexedFunction>): MeasuredRow | null {
  const functions: ReachedFunction[] = [];
  for (const f of index.functions) {
    const ran = index.ran(row, f.file, f.name);
    if (ran.length === 0 && (index.rows[row]!.complete || !index.isPart(row, f))) continue;
    const now = today.get(`${f.file}\0${f.name}`);
    if (now === undefined) return null;
    functions.push({ ...now, ran });
  }
  return { ...index.rows[row]!, functions };
}

export interface Freshness {
  /** Rows that are true of the scenarios of today. */
  readonly kept: readonly MeasuredRow[];
  /** Scenarios that have no such row. */
  readonly stale: readonly string[];
  /** Rows of scenarios that there are no more. */
  readonly gone: readonly string[];
}

/** Compares the index with the scenarios of the project, without exploring any. */
export function freshnessOf(index: ReachIndex, scenarios: readonly Scenario[], root: string): Freshness {
  const today = functionsOfToday(index, root);
  const rows = new Map(index.rows.map((r, n) => [r.scenario, n]));
  const kept: MeasuredRow[] = [];
  const stale: string[] = [];
  const counted = scenarios.filter(hasBlocks);
  for (const s of counted) {
    const row = rows.get(s.name);
    const isSame = row !== undefined && index.rows[row]!.program === stepsDigestOf(s);
    const now = isSame ? keptRow(index, row, today) : null;
    if (now === null) stale.push(s.name);
    else kept.push({ ...now, tier: s.tier });
  }
  const names = new Set(counted.map((s) => s.name));
  return { kept, stale, gone: index.rows.map((r) => r.scenario).filter((name) => !names.has(name)) };
}

export function measuredRow(of: Pick<ReachRow, "scenario" | "file" | "tier">, reached: Reached): MeasuredRow {
  const { program, states, complete, functions } = reached;
  return { ...of, states, complete, program, functions };
}

/** The index of these rows, and of functions that were part of programs before and are there still. */
export function renewed(rows: readonly MeasuredRow[], before: ReadonlyMap<string, IndexedFunction>): ReachIndex {
  return indexOf(rows, [...before.values()]);
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
