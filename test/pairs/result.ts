/** What is known of a cell when it is decided; the one schema for people and machines. */
import type { Overlap } from "./overlap.ts";

/** The reason of a cell that was not begun with. */
export const INTERRUPTED = "interrupted";

export interface CellResult {
  /** As `--only` takes it. */
  readonly cell: string;
  readonly first: string;
  readonly second: string;
  readonly third: string;
  readonly memory: string;
  /** "left out": the two sides cannot interact. */
  readonly verdict: "holds" | "violated" | "incomplete" | "left out";
  readonly asExpected: boolean;
  /** Why it is not as expected, or is left out, or which fault is expected; null otherwise. */
  readonly reason: string | null;
  /** States of this cell; of a violated one those that were looked at. */
  readonly states: number;
  /** Null where nobody looked: of a cell that does not hold, or is left out. */
  readonly overlap: Overlap | null;
  readonly violation: CellViolation | null;
}

export interface CellViolation {
  readonly property: string;
  readonly message: string;
  readonly steps: number;
  /** For `thpcheck replay`. */
  readonly replay: string;
  /** The trace as text; null where it was not asked for. */
  readonly trace: string | null;
}

/** The file of results. */
export interface PairsReport {
  readonly format: "thpcheck-pairs";
  readonly version: 1;
  readonly cells: readonly CellResult[];
  readonly seconds: number;
}
