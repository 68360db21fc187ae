/** Mutants that no scenario kills though they change something: what would show them, and why nothing here does. */
import type { Explanation } from "./explained.ts";

export const SURVIVORS: readonly Explanation[] = [
];
