/** Hand-written programs: the recipes and selftests of the kernel, as far as they run one step after the other. */
import { programFromJson, type Program } from "./program.ts";
import { COLLAPSE_CASES } from "./cases/collapse.ts";
import { COW_CASES } from "./cases/cow.ts";
import { RECIPES } from "./cases/recipes.ts";
import { VMA_CASES } from "./cases/vma.ts";

const BY_NAME = { ...RECIPES, ...COLLAPSE_CASES, ...COW_CASES, ...VMA_CASES };

export interface Case {
  readonly name: string;
  readonly program: Program;
}

export const CASES: readonly Case[] = Object.entries(BY_NAME).map(([name, json]) => {
  try {
    return { name, program: programFromJson(json) };
  } catch (e) {
    throw new Error(`case ${name}: ${(e as Error).message}`, { cause: e });
  }
});
