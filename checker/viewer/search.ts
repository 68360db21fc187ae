/** Search in the steps of a trace. */
import type { PageData } from "../page/data.ts";

/** What is known of step `n`, in small letters. */
function textOf({ program, trace }: PageData, n: number): string {
  const step = trace.steps[n - 1]!;
  const stack = step.stack.map(({ routine, file, line }) => `${routine} ${trace.sources[file]!.file}:${line}`);
  const lines = step.lines.map((l) => l.text);
  return [program.actors[step.actor]!, step.label, step.call ?? "", ...step.choices, ...stack, ...lines, ...step.events, ...step.statistics]
    .join("\n").toLowerCase();
}

/** The steps that have all these words, in any order; none for no words. */
export function stepsFound(page: PageData, words: string): number[] {
  const wanted = words.toLowerCase().split(/\s+/).filter((w) => w !== "");
  if (wanted.length === 0) return [];
  return page.trace.steps.map((_, n) => n + 1).filter((n) => {
    const text = textOf(page, n);
    return wanted.every((w) => text.includes(w));
  });
}

/** The next of these steps behind `from`, or before it; round and round. */
export function nextFound(found: readonly number[], from: number, back: boolean): number | null {
  if (found.length === 0) return null;
  if (back) return found.findLast((n) => n < from) ?? found.at(-1)!;
  return found.find((n) => n > from) ?? found[0]!;
}
