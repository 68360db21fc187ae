import type { ProgramJson } from "../program.ts";

/** Programs by what they are about. */
export type Cases = Readonly<Record<string, ProgramJson>>;
