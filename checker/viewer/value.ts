/** The value of a field, marked where the step changed it. */
import { h, type JSX } from "preact";
import type { Moment, Word } from "./moment.ts";

export interface ValueProps {
  readonly moment: Moment;
  readonly word: Word;
  /** What is written in place of the value; null: the value. */
  readonly as?: string | null;
}

export function Value({ moment, word, as = null }: ValueProps): JSX.Element {
  const { field } = word;
  const text = moment.text(word);
  const changed = moment.isChanged(word);
  const was = changed ? `\nbefore this step: ${moment.textBefore(word)}` : "";
  const guard = field.guard === null ? "" : ` (guard: ${field.guard})`;
  const name = moment.name(word);
  const look = field.lockBase >= 0 ? ` lock ${text === "free" ? "free" : "held"}` : "";
  const off = as !== null && text === "false" ? " off" : "";
  return h("span", {
    class: `value${changed ? " changed" : ""}${look}${off}`, "data-word": name, "data-value": as === null ? undefined : text,
    title: `${name}${as === null ? "" : ` = ${text}`}: ${field.meaning}${guard}${was}`,
  }, as ?? text);
}
