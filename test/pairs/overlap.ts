/**
 * Whether a cell is covered: in some run both sides do what they are for, and one of them takes a step between the first and
 * the last step of the other. A cell in which that never happens holds, but says nothing of the two together.
 *
 * The states of the cell are searched once more, each with how far the two sides are, in the order that is likeliest to
 * find such a run: a side goes on as long as the other one has not begun, then the other goes first. So most cells take one
 * run, and a cell without such a run takes all of its states, or a bound that is told.
 */
import type { CompiledSystem } from "../../checker/image/compiled-system.ts";
import { forEachStep } from "../../checker/search/steps.ts";
import { choicesOf, type Cell } from "./cells.ts";

/** How far a side is. */
const BEFORE = 0;
/** Its first step is to come: entering a call is none. */
const ENTERED = 1;
const INSIDE = 2;
const DONE = 3;
const FAILED = 4;

export type Overlap =
  /** Both do what they are for, and one steps inside the other. */
  | "covered"
  /** Both can do what they are for, but only one after the other. */
  | "in turn"
  /** Both can do what they are for, but never both in one run. */
  | "either"
  /** The one of them that never does, or that neither does. */
  | "first never" | "second never" | "neither"
  /** The bound was reached. */
  | "unknown";

/** States, with how far the sides are, that one cell may take. */
const STATES_MAX = 400_000;

interface Node {
  readonly words: Int32Array;
  readonly first: number;
  readonly second: number;
  /** One side has stepped inside the other. */
  readonly met: boolean;
}

export function overlapOf(system: CompiledSystem, cell: Cell): Overlap {
  return new OverlapSearch(system, cell).find();
}

class OverlapSearch {
  readonly #system: CompiledSystem;
  readonly #cell: Cell;
  readonly #told: readonly number[];
  readonly #seen = new Set<string>();
  readonly #open: Node[] = [];
  /** What some run has shown. */
  #firstDone = false;
  #secondDone = false;
  #bothDone = false;

  constructor(system: CompiledSystem, cell: Cell) {
    this.#system = system;
    this.#cell = cell;
    this.#told = wordsOfTold(system);
  }

  find(): Overlap {
    const { vector, stateWords } = this.#system;
    this.#system.setBranch(choicesOf(this.#cell));
    this.#system.init();
    this.#system.setBranch([]);
    this.#add({ words: vector.slice(0, stateWords), first: BEFORE, second: BEFORE, met: false });
    for (let node = this.#open.pop(); node !== undefined; node = this.#open.pop()) {
      if (this.#seen.size > STATES_MAX) return "unknown";
      if (this.#expand(node)) return "covered";
    }
    if (this.#bothDone) return "in turn";
    if (this.#firstDone) return this.#secondDone ? "either" : "second never";
    return this.#secondDone ? "first never" : "neither";
  }

  /** True: a run that covers the cell is found. */
  #expand(node: Node): boolean {
    const { vector, stateWords } = this.#system;
    const next: { readonly node: Node; readonly actor: number }[] = [];
    forEachStep(this.#system, node.words, 0, (actor, _, fault) => {
      if (fault !== null) return;
      next.push({ actor, node: this.#after(node, actor, vector.slice(0, stateWords)) });
    });
    const prefers = preferred(node);
    // The last one is taken up first.
    next.sort((a, b) => Number(a.actor === prefers) - Number(b.actor === prefers));
    for (const { node: n } of next) {
      if (this.#note(n)) return true;
      // Where one has failed, or both are done in turn, no more is to be learned but what the other can do.
      if (n.first === FAILED && n.second === FAILED) continue;
      this.#add(n);
    }
    return false;
  }

  #note({ first, second, met }: Node): boolean {
    if (first === DONE) this.#firstDone = true;
    if (second === DONE) this.#secondDone = true;
    if (first !== DONE || second !== DONE) return false;
    this.#bothDone = true;
    return met;
  }

  #add(node: Node): void {
    const { words, first, second, met } = node;
    const key = `${Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("latin1")}${first}${second}${met ? 1 : 0}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#open.push(node);
  }

  /** `vector` is the state after a step of the actor. */
  #after({ first, second, met }: Node, actor: number, words: Int32Array): Node {
    if (actor > 1) return { words, first, second, met };
    const [begun, done, failed] = this.#told.map((word) => this.#system.vector[word] !== 0);
    const own = actor === 0 ? first : second;
    const other = actor === 0 ? second : first;
    const now = done ? DONE : failed ? FAILED : begun ? ENTERED : own === ENTERED ? INSIDE : own;
    const stepsInside = (own === ENTERED || own === INSIDE) && other === INSIDE;
    return { words, first: actor === 0 ? now : first, second: actor === 0 ? second : now, met: met || stepsInside };
  }
}

/** The actor that is likeliest to lead to a run that covers the cell. */
function preferred({ first, second }: Node): number {
  return first === INSIDE && second < DONE ? 1 : 0;
}

/** The words that count, in the last step, that a side begins, is done, and has failed. */
function wordsOfTold({ image: { plan }, stateWords }: CompiledSystem): readonly number[] {
  return ["begun", "done", "failed"].map((name) => {
    const field = plan.fields.find((f) => f.struct === "told" && f.field === name)!;
    if (field.bits !== 32 || field.offset % 4 !== 0) throw new Error("[thpcheck internal] what a side tells is no word of its own");
    return stateWords + field.offset / 4;
  });
}
