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
const ofGuests = parsed(BEYOND_BY_NAME);
const lacks = ({ program }: Case): boolean => lackedBy(program).length > 0;
/** Those that change knobs of the whole machine: only guests run them, and `impl/` is compared. */
export const GUEST_CASES: readonly Case[] = ofGuests.filter((c) => !lacks(c));
/** Those that need a part which `impl/` lacks: guests run them, and what they said is recorded. */
export const BEYOND_CASES: readonly Case[] = ofGuests.filter(lacks);

const wrong = CASES.find(lacks);
if (wrong !== undefined) throw new Error(`case ${wrong.name}: impl/ lacks a part for it: it belongs into cases/beyond.ts`);
