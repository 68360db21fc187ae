/** Which counted block a place of the source belongs to, and so which scenarios can tell whether it was changed. */
import * as t from "@babel/types";
import type { Mutant } from "./mutant.ts";
import { nodesOf, readModule, type KernelFunction, type Module } from "./program.ts";
import type { Measured } from "./worker.ts";

/** The blocks that scenarios know of, as `file:line:column`, and by block the scenarios that ran it. */
export class Reach {
  readonly #scenarios: readonly Measured[];
  readonly #ran: readonly ReadonlySet<string>[];
  readonly #known: ReadonlySet<string>;
  readonly #modules = new Map<string, Module>();

  constructor(scenarios: readonly Measured[]) {
    this.#scenarios = scenarios;
    this.#ran = scenarios.map((s) => new Set(s.ran));
    this.#known = new Set(scenarios.flatMap((s) => [...s.ran, ...s.idle]));
  }

  /**
   * The scenarios that run one of the mutant's places, in groups: first those that are most likely to tell. Where a check
   * goes, it is those in which the check would have made a difference, and, if that is all there is to it, no others.
   */
  of(mutant: Mutant): readonly (readonly Measured[])[] {
    const all = this.#running(mutant, mutant.places);
    if (mutant.telling === null) return [all];
    const telling = this.#running(mutant, [mutant.telling.place]);
    return mutant.telling.alone ? [telling] : [telling, all.filter((s) => !telling.includes(s))];
  }

  #running(mutant: Mutant, places: readonly number[]): readonly Measured[] {
    let module = this.#modules.get(mutant.file);
    if (module === undefined) this.#modules.set(mutant.file, (module = readModule(mutant.file, mutant.original)));
    const blocks = places.map((offset) => blockAt(module, offset, this.#known));
    if (blocks.some((b) => b === "anywhere")) return this.#scenarios;
    return this.#scenarios.filter((_, i) => blocks.some((b) => b !== "nowhere" && this.#ran[i]!.has(b)));
  }
}

const at = (module: Module, node: t.Node): `${string}:${number}:${number}` => `${module.file}:${node.loc!.start.line}:${node.loc!.start.column + 1}`;

/** Where a block begins, `file:line:column`; or that no block stands for a place. */
type Block = `${string}:${number}:${number}` | "anywhere" | "nowhere";

/**
 * The innermost counted block that runs before the place. "anywhere": code that no counter stands for. "nowhere": a routine
 * that no program has; it can only run as part of one.
 */
export function blockAt(module: Module, offset: number, known: ReadonlySet<string>): Block {
  const fn = module.functions.find((f) => f.node.start! <= offset && offset < f.node.end!);
  if (fn === undefined) return "anywhere";
  for (const list of listsAround(fn, offset)) {
    const index = list.findIndex((s) => s.start! <= offset && offset < s.end!);
    for (let i = index; i >= 0; i--) {
      const key = at(module, list[i]!);
      if (known.has(key)) return key;
    }
  }
  return fn.routine ? "nowhere" : "anywhere";
}

/** The lists of statements that the place is in, the innermost first; a branch without braces is a list of one. */
function listsAround(fn: KernelFunction, offset: number): readonly (readonly t.Statement[])[] {
  const lists: (readonly t.Statement[])[] = [];
  for (const { node } of nodesOf(fn.body)) {
    if (node.start! > offset || offset >= node.end!) continue;
    if (t.isBlockStatement(node)) lists.unshift(node.body);
    else if (t.isSwitchCase(node)) lists.unshift(node.consequent);
    else for (const b of bodiesOf(node)) if (!t.isBlockStatement(b) && b.start! <= offset && offset < b.end!) lists.unshift([b]);
  }
  return lists;
}

function bodiesOf(node: t.Node): readonly t.Statement[] {
  if (t.isIfStatement(node)) return node.alternate == null ? [node.consequent] : [node.consequent, node.alternate];
  return t.isLoop(node) ? [node.body] : [];
}
