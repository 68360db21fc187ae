/** Which functions of Linux a routine of impl/ stands for, as its own comment says: `impl/FUNCTIONS.md`, which a house test keeps. */
import { readFileSync } from "node:fs";

const FILE = new URL("../../../impl/FUNCTIONS.md", import.meta.url);

/** By routine: "mm/khugepaged.c collapse_huge_page()". Routines that are not exported, or stand for none, are not there. */
export function kernelNames(): ReadonlyMap<string, string> {
  return namesIn(readFileSync(FILE, "utf8"));
}
/** Throws a RangeError for a text without any. */
export function namesIn(text: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, routine, said] = /^- `(\w+)[(<].*`: (.+)$/.exec(line) ?? [];
    if (routine !== undefined && !said!.startsWith("model: ")) names.set(routine, said!);
  }
  if (names.size === 0) throw new RangeError("impl/FUNCTIONS.md names no function of Linux");
  return names;
}
/** The functions that such a text names, without file. */
export const functionsNamed = (said: string): readonly string[] => [...said.matchAll(/(\w+)\(\)/g)].map(([, name]) => name!);
