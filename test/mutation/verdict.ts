/**
 * What a run of a scenario under a mutant proves.
 *
 * A mutant is killed by a promise that has a name: an invariant, a promise about end states, a machine of the
 * specification, a witness that is not reached any more, a deadlock, an assertion of the kernel, a rule about locks, a
 * sanitizer. It is not killed by a program that does not compile, by a run that ends at a bound, by an error that the
 * routine throws, by a loop that does not end, or by numbers of states that are others than before.
 */
import type { PropertyRef } from "../../checker/result.ts";
import type { FaultRule } from "../../checker/fault.ts";

/** What came of one scenario. */
export type Outcome =
  | { readonly kind: "violated"; readonly property: string; readonly of: PropertyRef["kind"]; readonly message: string; readonly steps: number }
  | { readonly kind: "holds" }
  /** The search ended at a bound of states or time: nothing is known. */
  | { readonly kind: "bounded"; readonly reason: string }
  /** The mutant could not be loaded or compiled. */
  | { readonly kind: "invalid"; readonly reason: string }
  /** The process ended, or the checker failed. */
  | { readonly kind: "crashed"; readonly reason: string };

/** Rules that every program is held to and that say what is wrong with it. The others are ways to crash or to hang. */
const PROMISES: readonly FaultRule[] = ["assertion", "range", "lock-ownership", "lock-held-at-exit", "sleep-in-atomic", "atomicity", "data-race", "lock-order"];

/**
 * The promise by which the outcome kills, or null. "range" (a counter below its least value or above its greatest, an
 * index outside of its table) is one: the layout declares it, as KASAN and UBSAN would see it.
 */
export function killedBy(outcome: Outcome): string | null {
  if (outcome.kind !== "violated") return null;
  if (outcome.of === "sometimes") return `witness lost: ${outcome.property}`;
  if (outcome.of === "fault" && !(PROMISES as readonly string[]).includes(outcome.property)) return null;
  return outcome.property;
}
