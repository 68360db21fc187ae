/** Where text for people goes, and how wide it may be. */
import type picocolors from "picocolors";

/** A part of `process.stdout`. */
export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** Colours, or their absence. */
export type Paint = ReturnType<typeof picocolors.createColors>;

const LINE_WIDTH_DEFAULT = 100;
const LINE_WIDTH_MIN = 20;

/** Characters that a line of `out` may take. */
export function lineWidth(out: Output): number {
  const fromEnvironment = Number(process.env["COLUMNS"]);
  const usable = Number.isInteger(fromEnvironment) && fromEnvironment >= LINE_WIDTH_MIN;
  // A terminal that does not know its width says 0.
  return out.columns || (usable ? fromEnvironment : LINE_WIDTH_DEFAULT);
}
