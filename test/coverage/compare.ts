/** Holds what was reached against the written reasons. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FunctionOfImpl } from "./functions.ts";
import { ROOT, type Block } from "./recorded.ts";

/** A place that nothing reaches. `source` is the text of its line. */
export interface Unreached {
  readonly file: string;
  readonly line: number;
  readonly function: string;
  readonly source: string;
}

/** Why a place is unreached. Found by its text, so that it stays true when lines above it come or go. */
export interface Reason {
  readonly file: string;
  readonly function: string;
  /** The line as it stands in the file, without the space around it. */
  readonly source: string;
  readonly why: string;
}

export interface Comparison {
  readonly blocks: number;
  readonly reached: number;
  readonly explained: readonly (Unreached & { readonly why: string })[];
  readonly unexplained: readonly Unreached[];
  /** Reasons for lines that are reached, or are not there any more. */
  readonly stale: readonly Reason[];
}

/** `lineOf`: the text of a line, 1 upward. */
export function compare(blocks: readonly Block[], functions: readonly FunctionOfImpl[], reasons: readonly Reason[], lineOf: (file: string, line: number) => string = lineOfFile): Comparison {
  const compiled = new Set(blocks.map((b) => `${b.file} ${b.routine}`));
  const places = new Map<string, Unreached>();
  const add = (file: string, line: number, name: string): void => { places.set(`${file}:${line}`, { file, line, function: name, source: lineOf(file, line).trim() }); };
  for (const b of blocks) if (b.count === 0) add(b.file, b.line, b.routine);
  for (const f of functions) if (!compiled.has(`${f.file} ${f.name}`)) add(f.file, f.line, f.name);
  const unreached = [...places.values()].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line));
  const reasonFor = (u: Unreached): Reason | undefined => reasons.find((r) => r.file === u.file && r.function === u.function && r.source === u.source);
  return {
    blocks: blocks.length,
    reached: blocks.filter((b) => b.count > 0).length,
    explained: unreached.flatMap((u) => { const r = reasonFor(u); return r === undefined ? [] : [{ ...u, why: r.why }]; }),
    unexplained: unreached.filter((u) => reasonFor(u) === undefined),
    stale: reasons.filter((r) => !unreached.some((u) => reasonFor(u) === r)),
  };
}

function lineOfFile(file: string, line: number): string {
  return readFileSync(join(ROOT, file), "utf8").split("\n")[line - 1] ?? "";
}
