/**
 * The part of a trace that decides everything else: which choices `init` takes, then which actor steps and which
 * choices it takes. A trace file, a trace string and a finding of the search are three ways to write one down, and
 * `replay` reads nothing but this.
 */
import type { Patch, PropertyRef, Trace } from "../result.ts";

export interface RecipeStep {
  /** The actor's name, or its index where the source of the recipe gives no name. */
  readonly actor: string | number;
  /** What the step is known by: its label, one byte computed from it (`labelByte`), or null when nothing is known. */
  readonly label: string | number | null;
  readonly choices: readonly number[];
}

export interface Recipe {
  readonly scenario: string;
  /** Hash of the program that the trace was recorded from, or as many leading digits as the source keeps; empty when unknown. */
  readonly programHash: string;
  readonly seed: number;
  readonly property: PropertyRef;
  readonly initial: readonly number[];
  readonly steps: readonly RecipeStep[];
  /** The patch of the program, where the source of the recipe keeps it. */
  readonly patch?: Patch | null;
  /** Index of the state at which a cycle starts, or null. */
  readonly loop: number | null;
}

export const recipeOfTrace = (trace: Trace): Recipe => trace;

/** A byte that changes, 255 times out of 256, when the label does: what a trace string keeps of each label (FNV-1a, folded). */
export function labelByte(label: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) h = Math.imul(h ^ label.charCodeAt(i), 0x01000193);
  return ((h >>> 24) ^ (h >>> 16) ^ (h >>> 8) ^ h) & 255;
}
