/**
 * Which basic blocks of routines and helpers a set of scenarios ran, and which never: code that no scenario reaches is
 * code of which nothing was checked.
 */
import type { Site } from "../program/observer.ts";
import { shortPath } from "../error-sentence.ts";
import { table } from "./summary.ts";

interface Block {
  readonly site: Site;
  count: number;
}

function byPlace({ site: a }: Block, { site: b }: Block): number {
  if (a.file === b.file) return a.line - b.line;
  return a.file < b.file ? -1 : 1;
}

/** Adds up the counts of many runs. A block is known by where it begins. */
export class CoverageTotals {
  readonly #blocks = new Map<string, Block>();

  add(counts: readonly { readonly site: Site; readonly count: number }[]): void {
    for (const { site, count } of counts) {
      const key = `${site.file}:${site.line}:${site.column}`;
      const known = this.#blocks.get(key);
      if (known === undefined) this.#blocks.set(key, { site, count });
      else known.count += count;
    }
  }

  /** One row per routine: blocks, how many ran, and the lines of those that never did. */
  render(): string {
    const routines = new Map<string, { file: string; routine: string; blocks: number; reached: number; missing: number[] }>();
    for (const { site, count } of [...this.#blocks.values()].sort(byPlace)) {
      const key = `${site.file} ${site.routine}`;
      const r = routines.get(key) ?? { file: shortPath(site.file), routine: site.routine, blocks: 0, reached: 0, missing: [] };
      r.blocks++;
      if (count > 0) r.reached++;
      else if (r.missing.at(-1) !== site.line) r.missing.push(site.line);
      routines.set(key, r);
    }
    const rows = [...routines.values()].map(({ file, routine, blocks, reached, missing }) =>
      [file, routine, String(blocks), String(reached), missing.length === 0 ? "-" : missing.join(", ")]);
    const all = [...this.#blocks.values()];
    const total = `${all.filter((b) => b.count > 0).length} of ${all.length} basic blocks ran`;
    const head = ["file", "routine", "blocks", "ran", "lines never reached"];
    return `${table([head, ...rows], [false, false, true, true, false])}\n\n${total}`;
  }
}
