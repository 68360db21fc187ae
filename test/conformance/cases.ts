/** Hand-written programs: the recipes and selftests of the kernel, as far as they run one step after the other. */
import { programFromJson, type Program, type ProgramJson } from "./program.ts";
import { COLLAPSE_CASES } from "./cases/collapse.ts";
import { COW_CASES } from "./cases/cow.ts";
import { RECIPES } from "./cases/recipes.ts";
import { VMA_CASES } from "./cases/vma.ts";

/** A program with what it is about, by name. */
export type Cases = Readonly<Record<string, ProgramJson>>;

export const CASES: readonly { readonly name: string; readonly program: Program }[] = Object.entries({ ...RECIPES, ...COLLAPSE_CASES, ...COW_CASES, ...VMA_CASES }).map(([name, json]) => {
  try {
    return { name, program: programFromJson(json) };
  } catch (e) {
    throw new Error(`case ${name}: ${(e as Error).message}`, { cause: e });
  }
});
