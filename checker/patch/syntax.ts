/** Whether a patched module can be read at all: asked once, before any scenario loads it. */
import { parse } from "@babel/parser";

export const MODULE = /\.[cm]?[jt]s$/;

/** What is wrong with the text, with its place after `file`; null: nothing, or it is no module. */
export function syntaxProblem(text: string, file: string): string | null {
  if (!MODULE.test(file) || /\.d\.[cm]?ts$/.test(file)) return null;
  try {
    parse(text, { sourceType: "module", plugins: ["typescript"] });
    return null;
  } catch (e) {
    const { line, column } = (e as { loc?: { line: number; column: number } }).loc ?? { line: 1, column: 0 };
    const what = (e as Error).message.replace(/ \(\d+:\d+\)$/, "").replace(/\.$/, "");
    const shown = text.split("\n")[line - 1]?.trim() ?? "";
    return `${file}:${line}:${column + 1}, as patched, does not parse: ${what}; the line there is "${shown}"`;
  }
}
