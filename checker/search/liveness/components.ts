/**
 * Strongly connected components of a part of a graph: R. Tarjan, Depth-first search and linear graph algorithms (1972), with a
 * stack of its own in place of recursion, since a run of the kernel has as many states in a row as the graph has.
 *
 * A state belongs to the part whose number `part` has for it. A component that is complete leaves the part: it gets a number that
 * nobody else has, which both names it and says that no edge to it counts any more.
 */
import type { StepGraph } from "./step-graph.ts";

export class Components {
  readonly #graph: StepGraph;
  /** Of each state, the part that it is in; -1: none. */
  readonly part: Int32Array;
  #parts = 0;
  readonly #order: Int32Array;
  readonly #low: Int32Array;
  /** States met and not yet part of a component; the way from the root, and the next step of each state on it. */
  readonly #open: Int32Array;
  readonly #way: Int32Array;
  readonly #next: Int32Array;

  constructor(graph: StepGraph) {
    this.#graph = graph;
    const { states } = graph;
    this.part = new Int32Array(states).fill(-1);
    [this.#order, this.#low, this.#open, this.#way, this.#next] = Array.from({ length: 5 }, () => new Int32Array(states)) as
      [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];
  }

  /** Makes a part of these states, and returns its number. */
  newPart(members: Int32Array): number {
    const number = this.#parts++;
    for (let i = 0; i < members.length; i++) {
      this.part[members[i]!] = number;
      this.#order[members[i]!] = 0;
    }
    return number;
  }

  /**
   * Calls `each` with every component of part `number`, whose states are `members`, and with its own number; steps within it are those
   * to states of that number. The array is read only until `each` returns, which may give states other numbers. False from `each` ends it.
   */
  forEach(members: Int32Array, number: number, each: (component: Int32Array, own: number) => boolean): boolean {
    for (let i = 0; i < members.length; i++) {
      const root = members[i]!;
      if (this.part[root] === number && this.#order[root] === 0 && !this.#from(root, number, each)) return false;
    }
    return true;
  }

  /** The components of what `root` reaches in the part. */
  #from(root: number, number: number, each: (component: Int32Array, own: number) => boolean): boolean {
    const { first, targets } = this.#graph;
    const { part } = this;
    const order = this.#order, low = this.#low, open = this.#open, way = this.#way, next = this.#next;
    let met = 1;
    let opened = 1;
    let depth = 1;
    order[root] = low[root] = met;
    open[0] = way[0] = root;
    next[root] = first[root]!;
    while (depth > 0) {
      const s = way[depth - 1]!;
      const end = first[s + 1]!;
      let at = next[s]!;
      let deeper = -1;
      for (; at < end; at++) {
        const t = targets[at]!;
        if (part[t] !== number) continue;
        if (order[t] === 0) {
          deeper = t;
          break;
        }
        if (order[t]! < low[s]!) low[s] = order[t]!;
      }
      next[s] = at;
      if (deeper >= 0) {
        order[deeper] = low[deeper] = ++met;
        open[opened++] = deeper;
        way[depth++] = deeper;
        next[deeper] = first[deeper]!;
        continue;
      }
      depth--;
      if (depth > 0 && low[s]! < low[way[depth - 1]!]!) low[way[depth - 1]!] = low[s]!;
      if (low[s] !== order[s]) continue;
      let begin = opened;
      while (open[--begin] !== s);
      const own = this.#parts++;
      for (let i = begin; i < opened; i++) part[open[i]!] = own;
      const component = open.subarray(begin, opened);
      opened = begin;
      if (!each(component, own)) return false;
    }
    return true;
  }
}
