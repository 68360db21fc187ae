/**
 * The check of refinement as text over 32-bit words: what `image/refinement-runtime.ts` says with objects, to be lowered beside the
 * search. It finds the same refusals in the same order, and counts the same transitions of machines.
 *
 * A trap leaves it at any place while `$refining` is 1. Whoever called then takes back what was counted (the journal says which
 * cells) and forgets which instances were touched: JavaScript takes the step once more, and counts it.
 */
import { EVENT_ARGUMENTS, EVENT_WORDS, STEP_EVENTS_MAX } from "../image/refinement-runtime.ts";
import type { RefinementPlan } from "../refinement-plan.ts";
import type { Layout } from "./memory.ts";

/** Transitions of machines in one step, which the journal has room for. A step that takes more traps. */
const JOURNAL = 4096;

/** Globals of the text. */
export const REFINEMENT_GLOBALS = [
  // 1 while a step is checked; the machine that refuses it, or -1; entries of the journal; cells that were taken.
  "$refining", "$failed", "$journaled", "$cellsTaken",
  // The machine that an event is handed to, and its columns: from the first up to, and without, the end.
  "$machine", "$firstColumn", "$endColumn",
] as const;

/** What answers a cell that is not known. */
export const REFINEMENT_IMPORTS = { ask: 3 } as const;

/** Functions of the text that a program calls, with the number of their parameters. */
export const REFINEMENT_CALLS: Readonly<Record<string, number>> = { $refine: 0, $move: 2, $enter: 3 };

/** The tables that the check reads, by the name of the array. */
export function refinementTables(plan: RefinementPlan, stateWords: number): Readonly<Record<string, Int32Array>> {
  const { machines, words, masks, firstGroup, groupMasks, groupNeeds, firstTouched, touchedWords, touchedBits } = plan;
  const ofMachines = (of: (m: RefinementPlan["machines"][number]) => number): Int32Array => Int32Array.from(machines, of);
  // Of each word of the state: its place among those that abstractions read, or -1.
  const readAt = new Int32Array(stateWords).fill(-1);
  words.forEach((word, n) => { readAt[word] = n; });
  return {
    readAt, masks, firstGroup, groupMasks, groupNeeds, firstTouched, touchedWords, touchedBits,
    $machineOf: Int32Array.from(plan.machineOf), firstInstances: ofMachines((m) => m.firstInstance),
    instanceCounts: ofMachines((m) => m.instances), stateCounts: ofMachines((m) => m.descriptions.length),
    columnCounts: ofMachines((m) => m.columns.length), firstCells: ofMachines((m) => m.firstCell),
  };
}

/** The arrays that the check needs beside its tables. */
export function addRefinementArrays(layout: Layout, { cells, machineOf }: RefinementPlan): void {
  layout.add("event", EVENT_WORDS * STEP_EVENTS_MAX);
  layout.add("args", EVENT_ARGUMENTS);
  for (const name of ["touched", "loaded"]) layout.add(name, Math.ceil(machineOf.length / 32));
  layout.add("current", machineOf.length);
  // What machines have answered; the search puts it in.
  layout.add("cells", cells.length);
  // Steps checked, then how often each cell was taken.
  layout.add("taken", 1 + cells.length);
  // Which were taken.
  layout.add("cellsTaken", cells.length);
  layout.add("journal", JOURNAL);
}

/** `all`: every instance is looked at, not only those that may have moved. */
export function refinementText({ machineOf }: RefinementPlan, all: boolean): string {
  const everyone = `for (let x = 0; x < ${machineOf.length}; x++) touched[x >> 5] |= 1 << (x & 31);`;
  const some = "const some = mark($changes); if ((some === 0) & (end === 0)) { $refining = 0; return -1; }";
  const args = Array.from({ length: EVENT_ARGUMENTS }, (_, n) => `args[${n}] = event[at + ${2 + n}];`);
  return `
function $refine() {
  const end = $events;
  $refining = 1;
  $journaled = 0;
  taken[0] += 1;
  $failed = -1;
  ${all ? everyone : some}
  for (let at = 0; at < end; at += ${EVENT_WORDS}) {
    if ($failed >= 0) break;
    ${args.join(" ")}
    $hand(event[at]);
  }
  compare();
  $refining = 0;
  return $failed;
}
${TRANSITIONS}
${COMPARISON(Math.ceil(machineOf.length / 32))}
${all ? "" : MARK}`;
}

const TRANSITIONS = `
function $enter(machine, first, end) {
  $machine = machine;
  $firstColumn = first;
  $endColumn = end;
  return 0;
}
function $move(n, payload) {
  if ($failed >= 0) return 0;
  const machine = $machine;
  if ((n < 0) | (n >= instanceCounts[machine])) return 0;
  const x = firstInstances[machine] + n;
  const word = x >> 5, bit = 1 << (x & 31);
  if ((loaded[word] & bit) === 0) {
    loaded[word] |= bit;
    touched[word] |= bit;
    current[x] = $abstractBefore(x);
  }
  let to = -1;
  if ((payload >= 0) & (payload < $endColumn - $firstColumn)) to = next(machine, current[x], $firstColumn + payload);
  if (to < 0) $failed = machine;
  else current[x] = to;
  return 0;
}
function next(machine, state, column) {
  if ((state < 0) | (state >= stateCounts[machine])) return -1;
  const cell = firstCells[machine] + state * columnCounts[machine] + column;
  let to = cells[cell];
  if (to === -2) {
    to = ask(machine, state, column);
    cells[cell] = to;
  }
  if (to >= 0) {
    if ($journaled === ${JOURNAL}) $trap();
    journal[$journaled] = cell;
    $journaled += 1;
    if (taken[cell + 1] === 0) {
      cellsTaken[$cellsTaken] = cell;
      $cellsTaken += 1;
    }
    taken[cell + 1] += 1;
  }
  return to;
}`;

/** Compares the instances to look at with the state after the step, and forgets them. */
const COMPARISON = (words: number): string => `
function compare() {
  for (let w = 0; w < ${words}; w++) {
    let bits = touched[w];
    const moved = loaded[w];
    touched[w] = 0;
    loaded[w] = 0;
    for (; bits !== 0; bits &= bits - 1) {
      if ($failed >= 0) break;
      const bit = bits & -bits;
      const x = 32 * w + 31 - Math.clz32(bit);
      let state = 0;
      if (moved & bit) state = current[x];
      else state = $abstractBefore(x);
      if ($abstract(x) !== state) $failed = $machineOf[x];
    }
  }
}`;

/** Touches the instances that may read a bit which has changed, and says whether there are any. */
const MARK = `
function mark(changes) {
  let some = 0;
  for (let c = 0; c < changes; c++) {
    const w = changed[c], n = readAt[w];
    if (n >= 0) {
      const different = vector[w] ^ before[w], either = vector[w] | before[w];
      if (different & masks[n]) {
        for (let g = firstGroup[n], last = firstGroup[n + 1]; g < last; g++) {
          if (different & groupMasks[g]) {
            const need = groupNeeds[g];
            if ((need === 0) | ((either & need) !== 0)) {
              some = 1;
              for (let k = firstTouched[g], until = firstTouched[g + 1]; k < until; k++) touched[touchedWords[k]] |= touchedBits[k];
            }
          }
        }
      }
    }
  }
  return some;
}`;
