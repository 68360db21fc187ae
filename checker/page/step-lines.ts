/** What a step did, in lines: reads of what changes unseen, stores, locks. */
import { freshInWords, locksOf, staleInWords, storeInWords } from "../report/step-text.ts";
import type { StoryStep } from "../result.ts";
import type { TextLine } from "./data.ts";

/** `read`: the words that the broken promise reads. */
export function stepLines(step: StoryStep, read: ReadonlySet<string>): TextLine[] {
  const { writes, stale, fresh } = step;
  const isOwn = ({ name }: StoryStep["writes"][number]): boolean => read.has(name);
  const hasChanged = ({ before, after }: StoryStep["writes"][number]): boolean => before !== after;
  const seen = fresh.filter((f) => !stale.some((s) => s.name === f.name));
  const line = (style: TextLine["style"]) => (text: string): TextLine => ({ text, style });
  const own = writes.filter((w) => isOwn(w) && hasChanged(w)).map(storeInWords);
  const others = writes.filter((w) => !isOwn(w) && hasChanged(w)).map(storeInWords);
  const same = writes.filter((w) => !hasChanged(w)).map(storeInWords);
  return [
    ...stale.map(staleInWords).map(line("alarm")), ...seen.map(freshInWords).map(line("plain")),
    ...own.map(line("change")), ...others.map(line("plain")), ...same.map(line("dim")),
    ...locksOf(step, writes.length > 0).map(line("dim")),
  ];
}
