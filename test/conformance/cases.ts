/** Hand-written programs: the recipes and selftests of the kernel, as far as they run one step after the other. */
import { lackedBy, programFromJson, type Program } from "./program.ts";
import { BEYOND_BY_NAME } from "./cases/beyond.ts";
import type { Cases } from "./cases/cases-by-name.ts";
import { COLLAPSE_CASES } from "./cases/collapse.ts";
import { COW_CASES } from "./cases/cow.ts";
import { RECIPES } from "./cases/recipes.ts";
import { RECLAIM_CASES } from "./cases/reclaim.ts";
import { VMA_CASES } from "./cases/vma.ts";

const BY_NAME = { ...RECIPES, ...COLLAPSE_CASES, ...COW_CASES, ...VMA_CASES, ...RECLAIM_CASES };

export interface Case {
  readonly name: string;
  readonly program: Program;
}

const parsed = (cases: Cases): readonly Case[] => Object.entries(cases).map(([name, json]) => {
  try {
    return { name, program: programFromJson(json) };
  } catch (e) {
    throw new Error(`case ${name}: ${(e as Error).message}`, { cause: e });
  }
});

export const CASES: readonly Case[] = parsed(BY_NAME);
/** Those that need a part which `impl/` lacks: guests run them, and what they said is recorded. */
export const BEYOND_CASES: readonly Case[] = parsed(BEYOND_BY_NAME);

for (const [cases, lacks] of [[CASES, false], [BEYOND_CASES, true]] as const) {
  const wrong = cases.find(({ program }) => (lackedBy(program).length > 0) !== lacks);
  const why = lacks ? "lacks nothing for it: it is no case of cases/beyond.ts" : "lacks a part for it: it belongs into cases/beyond.ts";
  if (wrong !== undefined) throw new Error(`case ${wrong.name}: impl/ ${why}`);
}
