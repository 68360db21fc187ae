/**
 * Mutants that change nothing that anybody could see: no thread, no load, no counter, in any schedule. Each with the
 * argument; what the scenarios merely do not show belongs in survivors.ts.
 */
import type { Explanation } from "./explained.ts";

export const EQUIVALENT: readonly Explanation[] = [
];
