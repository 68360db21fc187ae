/** How a block of a program is known in a run: by where it begins. */
import type { BlockSite } from "../system.ts";

/** Absolute path, line and column. */
export function blockKey(file: string, { line, column }: { readonly line: number; readonly column: number }): string {
  return `${file}:${line}:${column}`;
}

/** Places of a program, each by the keys of the blocks around it, the innermost first: the first that is counted is its own. */
export type Probe = readonly (readonly string[])[];

/** Whether one of the places ran, by the counts of a program. */
export function hasRun(probe: Probe, blocks: readonly { readonly site: BlockSite; readonly count: number }[]): boolean {
  const counts = new Map<string, number>();
  for (const { site, count } of blocks) {
    const key = blockKey(site.file, site);
    counts.set(key, (counts.get(key) ?? 0) + count);
  }
  return probe.some((around) => (counts.get(around.find((key) => counts.has(key)) ?? "") ?? 0) > 0);
}
