/** Violations as the search meets them, before one is chosen and made into a trace. */
import { isError, thrownInWords } from "../error-sentence.ts";
import type { PropertyRef } from "../result.ts";
import { StepFault } from "../fault.ts";

/** What is violated, without saying where. */
export interface Broken {
  readonly kind: PropertyRef["kind"];
  /** Index of the property among those of its kind; -1 for deadlocks and faults. */
  readonly index: number;
  /** Property name; for faults the rule. */
  readonly name: string;
  /** For faults: what the program said. Two faults with different messages are different mistakes. */
  readonly message: string;
}

/** A violation at a place in the search: the state `from`, and the step from it, if the violation is of that step. */
export interface Candidate {
  readonly broken: Broken;
  /** Steps of the trace. */
  readonly length: number;
  /** Id of the state the last step starts from, or of the violating state when `ordinal` is NO_STEP. */
  readonly from: number;
  /** Which of the steps of `from`, counting taken steps from 0. */
  readonly ordinal: number;
  /** Fingerprint of the violating state, of a violating step's successor, or of the state whose step failed. */
  readonly low: number;
  readonly high: number;
}

export const NO_STEP = -1;

/** Order of kinds among violations of equal trace length. */
const KINDS: readonly PropertyRef["kind"][] = ["always", "step", "fault", "deadlock", "finally", "recurring", "sometimes",
  "eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress"];

/**
 * Negative when `a` is to be reported rather than `b`: the shorter trace, then the order of declaration, then the
 * fingerprint. A total order over the violations of a state space, so that the choice does not depend on who found what first.
 */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return a.length - b.length
    || KINDS.indexOf(a.broken.kind) - KINDS.indexOf(b.broken.kind)
    || a.broken.index - b.broken.index
    || compareText(a.broken.name, b.broken.name)
    || compareText(a.broken.message, b.broken.message)
    || (a.high >>> 0) - (b.high >>> 0)
    || (a.low >>> 0) - (b.low >>> 0)
    || a.ordinal - b.ordinal;
}

/** Of each promise that is broken, the candidate to report: whoever found which first. */
export class Candidates {
  readonly #best = new Map<string, Candidate>();

  get none(): boolean {
    return this.#best.size === 0;
  }

  add(candidate: Candidate): void {
    const { kind, name } = candidate.broken;
    const key = `${kind} ${name}`;
    const best = this.#best.get(key);
    if (best === undefined || compareCandidates(candidate, best) < 0) this.#best.set(key, candidate);
  }

  /** In the order of `compareCandidates`. */
  sorted(): Candidate[] {
    return [...this.#best.values()].sort(compareCandidates);
  }
}

export function sameBroken(a: Broken, b: Broken): boolean {
  return a.kind === b.kind && a.index === b.index && a.name === b.name && a.message === b.message;
}

/** A step or `init` threw: a finding about the program, whatever was thrown. */
export function faultOf(error: unknown): Broken {
  if (error instanceof StepFault) return { kind: "fault", index: -1, name: error.rule, message: error.message };
  const message = isError(error) ? `${error.name}: ${thrownInWords(error)}` : thrownInWords(error);
  return { kind: "fault", index: -1, name: "exception", message };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
