/** What the benchmark asks of each tool. */
import type { BenchModel } from "./models.ts";

/** One run of one tool on one model. */
export interface Measurement {
  /** Or faults: the model's unit. */
  readonly states: number;
  /** As the tool counts them. */
  readonly transitions: number;
  /** The search alone, by the tool's own clock. */
  readonly searchSeconds: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number | null;
  readonly peakBytes: number | null;
}

export interface Contestant {
  /** As printed: `thpcheck, 1 worker`. */
  readonly name: string;
  /** Contestants of one tool share its name in the ratios. */
  readonly tool: "thpcheck" | "earlier" | "spin" | "tlc" | "xstate";
  readonly workers: number;
  /** Of this checker: whether it holds the steps of the kernel to the machines of the specification. */
  readonly refines?: boolean;
  /** From the edges of the model to the transitions that this tool must report, by its way of counting. */
  readonly expectedTransitions: (edges: number, model: BenchModel) => number;
  /** Whatever is not to be timed, such as compiling; gives the run, or null: this tool does not have the model. Throws with the tool's output when that fails. */
  readonly prepare: (model: BenchModel, folder: string) => (() => Measurement) | null;
}

/** A number that the tool must have printed, thousands separators allowed. */
export function numberIn(text: string, pattern: RegExp, what: string): number {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`${what} is missing from the output:\n${text.slice(-2000)}`);
  return Number(found.replaceAll(",", ""));
}
