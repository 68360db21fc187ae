/** One change of one place of the kernel. */
import { createHash } from "node:crypto";
import { createTwoFilesPatch } from "diff";
import type * as t from "@babel/types";
import type { Patch } from "../../checker/result.ts";
import { flat, type KernelFunction, type Module } from "./program.ts";

/** The text from `start` to `end` becomes `text`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What an operator proposes. */
export interface Change {
  readonly operator: OperatorName;
  /** The node that is changed: it decides which block the mutant belongs to. */
  readonly node: t.Node;
  readonly edits: readonly Edit[];
  /** Every place whose blocks the change can matter to, besides `node`: the unlocks of a pair. */
  readonly also?: readonly t.Node[];
  /** What only runs where the change matters: what a check that goes would have done. */
  readonly telling?: { readonly node: t.Node; /** Nothing else of the change can be seen: whether the check is made has no effect of its own. */ readonly alone: boolean };
}

export const OPERATORS = [
  "drop-lock-pair", "drop-recheck", "drop-flush", "move-across-lock", "off-by-one", "skip-counter",
  "drop-reference", "drop-refusal", "drop-condition", "skip-store", "skip-call", "swap-steps",
] as const;
export type OperatorName = (typeof OPERATORS)[number];

export interface Mutant {
  /**
   * Stable while lines move: a hash of file, function, operator, the texts that change and that replace them, and a number
   * that tells equal changes of one function apart.
   */
  readonly id: string;
  readonly operator: OperatorName;
  readonly file: string;
  readonly routine: string;
  /** Of the first change, from 1. */
  readonly line: number;
  /** The change in one line: what goes, and what comes. */
  readonly summary: string;
  /** The text of the file after the change. */
  readonly mutated: string;
  readonly original: string;
  /** Offsets of the nodes that change. */
  readonly places: readonly number[];
  /** See Change; as an offset. */
  readonly telling: { readonly place: number; readonly alone: boolean } | null;
}

/** `ordinal`: how many changes of the same function, with the same texts, came before. */
export function mutantOf(module: Module, fn: KernelFunction, change: Change, ordinal: number): Mutant {
  const edits = [...change.edits].sort((a, b) => a.start - b.start);
  let mutated = "";
  let at = 0;
  for (const e of edits) {
    mutated += module.text.slice(at, e.start) + e.text;
    at = e.end;
  }
  mutated = withPreemption(mutated + module.text.slice(at), change);
  const summary = change.operator === "swap-steps" ? edits.map((e) => flat(module.text.slice(e.start, e.end))).join("  <->  ") : summaryOf(module.text, edits);
  return {
    id: idOf(module, fn, change, ordinal), operator: change.operator, file: module.file, routine: fn.name,
    line: change.node.loc!.start.line, summary, mutated, original: module.text,
    places: [change.node, ...(change.also ?? [])].map((n) => n.start!),
    telling: change.telling === undefined ? null : { place: change.telling.node.start!, alone: change.telling.alone },
  };
}

/** What tells the change from others of the function, without any position. */
export function keyOf(module: Module, fn: KernelFunction, change: Change): string {
  const edits = [...change.edits].sort((a, b) => a.start - b.start);
  return [module.file, fn.name, change.operator, ...edits.flatMap((e) => [flat(module.text.slice(e.start, e.end)), flat(e.text)])].join("\0");
}

function idOf(module: Module, fn: KernelFunction, change: Change, ordinal: number): string {
  return createHash("sha256").update(`${keyOf(module, fn, change)}\0${ordinal}`).digest("hex").slice(0, 10);
}

/** The call that a change puts where a preemption point of the original went: the name has to be imported. */
function withPreemption(text: string, change: Change): string {
  if (!change.edits.some((e) => e.text.includes("yield at("))) return text;
  const from = /import \{([^}]*)\} from "thpcheck";/.exec(text);
  if (from === null || /\bat\b/.test(from[1]!)) return text;
  return text.replace(from[0], `import { at,${from[1]}} from "thpcheck";`);
}

/** The lines of each change as they were, behind "-", and as they are, behind "+". */
function summaryOf(text: string, edits: readonly Edit[]): string {
  const gone: string[] = [];
  const come: string[] = [];
  for (const e of edits) {
    const start = text.lastIndexOf("\n", e.start - 1) + 1;
    const after = text.indexOf("\n", text[e.end - 1] === "\n" ? e.end - 1 : e.end);
    const end = after < 0 ? text.length : Math.max(after, e.end);
    gone.push(flat(text.slice(start, end)));
    const left = flat(text.slice(start, e.start) + e.text + text.slice(e.end, end));
    if (left !== "") come.push(left);
  }
  return come.length === 0 ? `- ${gone.join(" / ")}` : `- ${gone.join(" / ")}  + ${come.join(" / ")}`;
}

/** As a unified diff, for `check --patch`. */
export function diffOf(m: Mutant): string {
  return `Mutant: ${m.id} ${m.operator} ${m.file}:${m.line} ${m.routine}()\n\n${createTwoFilesPatch(`a/${m.file}`, `b/${m.file}`, m.original, m.mutated, undefined, undefined, { context: 3 }).split("\n").slice(1).join("\n")}`;
}

export const patchOf = (m: Mutant): Patch => ({ name: `mutant ${m.id}`, text: diffOf(m) });

/** Removes the statement, and its lines where nothing else is on them. */
export function removal(text: string, node: t.Node, ownBranch: boolean): Edit {
  // The whole branch of an `if` must stay a statement.
  if (ownBranch) return { start: node.start!, end: node.end!, text: "{}" };
  let start = node.start!;
  const end = node.end!;
  while (text[start - 1] === " ") start--;
  const trailing = /^[ ]*(\/\/[^\n]*)?/.exec(text.slice(end))![0].length;
  if ((text[start - 1] === "\n" || start === 0) && text[end + trailing] === "\n") return { start, end: end + trailing + 1, text: "" };
  return { start: node.start!, end, text: "" };
}

export const replacement = (node: t.Node, text: string): Edit => ({ start: node.start!, end: node.end!, text });
