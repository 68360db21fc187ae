/**
 * Many cells in one search. A search of its own costs a cell more than its states do: the inner loop is compiled afresh for
 * each. So the cells of a program are initial states of one search; no step leads from one cell to another, since the
 * number of the cell is part of its states and nobody writes it. Each cell's states are counted as they are expanded.
 */
import type { CompiledSystem } from "../../checker/image/compiled-system.ts";
import type { TransitionSystem } from "../../checker/system.ts";
import { MEMORY } from "./memory.ts";
import { choicesOf, type Cell } from "./cells.ts";
import { cellNumber } from "./state.ts";
import { THIRDS } from "./thirds.ts";

export interface Counted {
  /** States that were expanded: all of the cell, where the search was complete. */
  states: number;
  /** Those in which everybody had ended. */
  ends: number;
}

export interface BatchSystem {
  readonly system: TransitionSystem;
  /** By the place of the cell. */
  readonly counts: readonly Counted[];
}

/** Where the number of the cell lies, in words of the state. */
function wordOfCell({ image: { plan } }: CompiledSystem): number {
  const field = plan.fields.find((f) => f.struct === "pair" && f.field === "cell")!;
  if (field.bits < 16 || field.offset % 4 !== 0) throw new Error("[thpcheck internal] the number of a cell is no word of its own");
  return field.offset / 4;
}

/** `compiled` with the given cells as its initial states, in this order. */
export function batchOf(compiled: CompiledSystem, cells: readonly Cell[]): BatchSystem {
  const choices = cells.map(choicesOf);
  const counts = cells.map((): Counted => ({ states: 0, ends: 0 }));
  const numbers = cells.map((c) => cellNumber(MEMORY[c.memory], THIRDS.indexOf(c.third), c.first, c.second));
  const byNumber = new Map(numbers.map((n, i) => [n, counts[i]!]));
  const word = wordOfCell(compiled);
  const { vector } = compiled;
  /** The initial state that comes next; -1: the choices are given. */
  let next = -1;
  let inInit = false;
  let branching = false;
  const { stateWords, actors, always, stepProperties, sometimes, restless, incremental, excuses, refinement, coverage } = compiled;
  const { checkState, checkStep, witness } = compiled;
  const system: TransitionSystem = {
    stateWords, vector, actors, always, stepProperties, finally: compiled.finally, sometimes, restless, incremental, coverage,
    ...(excuses === undefined ? {} : { excuses }), ...(refinement === undefined ? {} : { refinement }),
    checkState, checkStep, witness,
    label: () => compiled.label(),
    atRest: (actor) => compiled.atRest(actor),
    position: (actor) => compiled.position(actor),
    values: () => compiled.values(),
    statistics: () => compiled.statistics(),
    isBroken: (kind, index, before) => compiled.isBroken(kind, index, before),
    explain: (kind, index, before) => compiled.explain(kind, index, before),
    branchNames: () => compiled.branchNames(),
    branch: () => compiled.branch(),
    setBranch: (given) => {
      next = given.length === 0 ? 0 : -1;
      branching = false;
      compiled.setBranch(given);
    },
    init: () => {
      inInit = true;
      if (next >= 0) compiled.setBranch(choices[next]!);
      compiled.init();
    },
    nextBranch: () => {
      if (!inInit) return (branching = compiled.nextBranch());
      const more = next >= 0 && ++next < choices.length;
      if (!more) {
        inInit = false;
        compiled.setBranch([]);
      }
      return more;
    },
    step: (actor) => {
      inInit = false;
      // A search asks each state for the steps of each actor once, the first one first.
      if (actor === 0 && !branching) byNumber.get(vector[word]!)!.states++;
      return compiled.step(actor);
    },
    checkEnd: () => {
      byNumber.get(vector[word]!)!.ends++;
      return compiled.checkEnd();
    },
  };
  return { system, counts };
}
