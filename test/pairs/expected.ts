/**
 * Cells that do not hold, and why. Every other cell must hold, and one that is listed must break the promise that is named:
 * a row that is no longer true fails as well. A fault of ours has no row; it is mended.
 */
import picomatch from "picomatch";
import { nameOf, type Cell } from "./cells.ts";

export interface ExpectedRow {
  /** Names of cells, or globs of them. */
  readonly cells: readonly string[];
  /** The promise that breaks, by its id or its whole name. */
  readonly promise: string;
  /** Whose fault it is, in which releases, and where it is written down. */
  readonly why: string;
}

export const EXPECTED: readonly ExpectedRow[] = [
  {
    cells: [
      "madvise-dontneed-whole+touch-whole@{zero,partly}",
      "madvise-dontneed-whole+touch-whole+{reference,pin,translation}@{zero,partly}",
    ],
    promise: "T5",
    why: "Linux's own, since 6.14 (CONFIG_PT_RECLAIM): MADV_DONTNEED frees an empty table before it flushes, and a fault can map a huge " +
      "page there first; scenario dontneed-table-goes-first",
  },
];

/** A plus sign stands for itself: it begins no group. */
export const cellMatcher = (pattern: string): ((name: string) => boolean) => picomatch(pattern.replaceAll("+", "\\+"));

const rows = EXPECTED.map((row) => ({ row, matches: row.cells.map(cellMatcher) }));

/** What is expected of the cell; null: that it holds. */
export function expectedOf(cell: Cell): ExpectedRow | null {
  const name = nameOf(cell);
  return rows.find(({ matches }) => matches.some((m) => m(name)))?.row ?? null;
}

/** Whether the property is the promise that the row names. */
export function isPromise(property: string, { promise }: ExpectedRow): boolean {
  return property === promise || property.startsWith(`${promise} `);
}
