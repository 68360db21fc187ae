/**
 * The hot loop of breadth-first search as text over 32-bit words, to be lowered beside the program that it searches: what
 * `search/expand.ts` says with objects, for fingerprints and one worker. Successors are collected in a batch, looked up together,
 * and kept in the same order, so a search finds the same states by the same numbers as it does in JavaScript.
 *
 * A trap leaves the loop at any place. `$phase` tells where: while steps are taken, whoever called takes the rest of that
 * actor's steps in JavaScript; while new states are looked at, from row `$row` on, it looks at these. Then the loop goes on with
 * `resume` or `nextActor`. What is written before a trap is either done again or never read.
 */
import { CLAIM } from "./claim.ts";

export interface SearchShape {
  readonly workers: number;
  readonly stateWords: number;
  /** Sums of the fingerprint are kept with the state. */
  readonly long: boolean;
  readonly actors: number;
  /** Bit n: actor n is never at rest where it can move. */
  readonly restless: number;
  /** Words of a set of properties and excuses. */
  readonly setWords: number;
  readonly always: number;
  readonly excuses: number;
  readonly stepProperties: number;
  readonly witnesses: number;
  /** Every state is told of, not only those in which nothing moves. */
  readonly everyState: boolean;
  /** Words of a state in a frontier, and where the sums and the excuses lie in it. */
  readonly record: number;
  readonly sumsAt: number;
  readonly excusesAt: number;
  readonly batch: number;
}

/** Where `$phase` says that the loop is. */
export const TAKING_STEPS = 0;
export const LOOKING_AT_STATES = 1;

/** Globals of the text: words that JavaScript sets and reads between two calls. */
export const SEARCH_GLOBALS = [
  // The state that is expanded, of those up to $to, in the frontier of a worker; the id of state 0; the actor; its steps so far, and
  // those before the actor's.
  "$i", "$to", "$source", "$firstId", "$actor", "$ordinal", "$taken",
  // 1 while no actor that moved is one that never rests; the excuses of the state; its sums.
  "$calm", "$excuses", "$low", "$high",
  // 1: the frontier that is read is the odd one. 1: the graph is written down.
  "$parity", "$logs",
  // Rows of the batch; new ones among those looked up last; steps since JavaScript last asked.
  "$filled", "$added", "$transitions",
  // States in the level that is built, in all levels, in the table; how many each of these memories has room for.
  "$count", "$discovered", "$tableCount", "$frontierRoom", "$linkRoom", "$tableRoom", "$mask", "$shift",
  // Witnesses not yet seen; where the loop is; keeps reads of the table from being optimised away.
  "$left", "$phase", "$row", "$base", "$touched",
] as const;

/** Functions of JavaScript that the text calls, with the number of their parameters. */
export const SEARCH_IMPORTS: Readonly<Record<string, number>> = {
  // Makes room for so many states more; several workers ask for each batch, and say when so many of it were new.
  room: 1, done: 1,
  // Writes down where the batch led to: so many new states, so many others.
  log: 2,
  // State property `first` is broken in row k; step property `first` by the step in hand.
  stateViolated: 2, stepViolated: 1,
  // Nothing can move in state $i; something can, and it is told of all the same.
  terminal: 0, passed: 0,
};

/** Functions that JavaScript calls. */
export const SEARCH_ROOTS = ["run", "begin", "resume", "nextActor", "keep", "offer", "flush"] as const;

export function searchText(s: SearchShape): string {
  const frontiers = [storing(s, "odd", 0), storing(s, "even", 1), ...[0, 1].flatMap((parity) => beginnings(s, parity))];
  return [loop(s), compares(s) ? find(s.stateWords) : "", rows(s), lookUp(s), ...frontiers].join("\n");
}

const when = (condition: boolean, text: string): string => (condition ? text : "");

/** Which step comes next. */
function loop(s: SearchShape): string {
  return `
function run() {
  for (;;) {
    if (step($actor) !== 0) keep(1);
    if (nextBranch() === 0) { if (nextActor() === 0) return; }
  }
}
function begin() {
  ${sources(s).map((w) => `if ($source === ${w}) { if ($parity === 0) begin0From${w}(); else begin1From${w}(); }`).join("\n  ")}
}
function resume() {
  copyState(vector, 0, before, 0);
  if (nextBranch() !== 0) return 1;
  return nextActor();
}
function nextActor() {
  if ($ordinal > $taken) { if ((${s.restless} >> $actor) & 1) $calm = 0; }
  $actor += 1;
  $taken = $ordinal;
  if ($actor < ${s.actors}) return 1;
  $transitions += $ordinal;
  if ($ordinal === 0) terminal();
  else if ($logs) { if (${s.everyState ? "1" : "$calm"}) passed(); }
  $i += 1;
  if ($i === $to) return 0;
  begin();
  return 1;
}`;
}

/** Whether anything asks what a step changed. */
const compares = (s: SearchShape): boolean => s.long || s.stepProperties > 0;

/** The words in which the state differs from the one before, as `compile/comparison.ts` finds them. */
function find(stateWords: number): string {
  const parts = Array.from({ length: Math.ceil(stateWords / 32) }, (_, part) => `
  bits = differing(vector, before, ${32 * part}, ${Math.min(32, stateWords - 32 * part)});
  for (; bits !== 0; bits &= bits - 1) {
    changed[n] = ${32 * part} + ctz32(bits);
    n += 1;
  }`);
  return `
function $find() {
  let n = 0, bits = 0;${parts.join("")}
  $changes = n;
  return n;
}`;
}

/** The batch. */
function rows(s: SearchShape): string {
  return `
function keep(judged) {
  const k = $filled;
  ${when(compares(s), "const n = $find();")}
  ${when(s.stepProperties > 0, "if (judged) { const first = checkChanges(); if (first >= 0) stepViolated(first); }")}
  ${when(s.setWords > 0, `markAffected(0, k * ${s.setWords});`)}
  ${s.long ? "sums[2 * k] = $low; sums[2 * k + 1] = $high; moved[k] = n; update(2 * k, n); print(2 * k, 2 * k);" : "fingerprint(2 * k);"}
  ${when(s.excuses > 0, "excusesOf[k] = $excuses;")}
  const id = $firstId + $i, ordinal = $ordinal;
  $ordinal = ordinal + 1;
  add(id, ordinal);
  copyState(vector, 0, before, 0);
}
function offer(parent, ordinal) {
  const k = $filled;
  for (let s = 0; s < ${s.setWords}; s++) sets[k * ${s.setWords} + s] = -1;
  ${s.long ? "whole(2 * k); print(2 * k, 2 * k); moved[k] = 1;" : "fingerprint(2 * k);"}
  ${when(s.excuses > 0, "excusesOf[k] = 0;")}
  add(parent, ordinal);
}
function add(parent, ordinal) {
  const k = $filled;
  copyState(states, k * ${s.stateWords}, vector, 0);
  parents[k] = parent;
  ordinals[k] = ordinal;
  $filled = k + 1;
  if (k + 1 === ${s.batch}) flush();
}
function flush() {
  const n = $filled;
  if (n === 0) return;
  $filled = 0;
  ${when(s.workers === 1, "if (($tableCount + n > $tableRoom) | ($count + n > $frontierRoom) | ($discovered + n > $linkRoom))")} room(n);
  const added = lookUp(n);
  $added = added;
  if ($logs) log(added, n - added);
  ${when(s.workers > 1, "done(added);")}
  if ($parity === 0) store0(added); else store1(added);
}`;
}

/** Of the slot at word i: what is done when the fingerprint was not there, when it was, and otherwise the next slot is looked at. */
function probe(s: SearchShape, added: string, known: string): string {
  if (s.workers > 1) return `const found = ${CLAIM}(i, low, high); if (found === 0) { ${added} } if (found === 1) { ${known} }`;
  return `
      const seen = table[i];
      if (seen === 0) {
        table[i] = low;
        table[i + 1] = high;
        ${added}
      }
      if (seen === low) { if (table[i + 1] === high) { ${known} } }`;
}

/** All home slots of a batch are read before one is looked at: the processor overlaps their cache misses. */
function lookUp(s: SearchShape): string {
  return `
function lookUp(n) {
  const mask = $mask, shift = $shift;
  let touched = 0;
  for (let k = 0; k < n; k++) touched ^= table[(prints[2 * k + 1] >>> shift) << 1];
  $touched = touched;
  let added = 0, others = 0;
  for (let k = 0; k < n; k++) {
    const low = prints[2 * k], high = prints[2 * k + 1];
    let i = (high >>> shift) << 1;
    for (;;) {
      ${probe(s, "fresh[added] = k; freshPlaces[added] = i >>> 1; added++; break;",
    "known[others] = k; knownPlaces[others] = i >>> 1; others++; break;")}
      i = (i + 2) & mask;
    }
  }
  return added;
}`;
}

const sources = (s: SearchShape): readonly number[] => Array.from({ length: s.workers }, (_, w) => w);

/** What takes a state from a frontier: that of each worker. */
function beginnings(s: SearchShape, parity: number): string[] {
  return sources(s).map((w) => {
    const source = `${parity === 0 ? "even" : "odd"}${s.workers === 1 ? "" : w}`;
    return `
function begin${parity}From${w}() {
  const at = $i * ${s.record};
  copyState(vector, 0, ${source}, at);
  copyState(before, 0, ${source}, at);
  ${when(s.long, `$low = ${source}[at + ${s.sumsAt}]; $high = ${source}[at + ${s.sumsAt + 1}];`)}
  ${when(s.excuses > 0, `$excuses = ${source}[at + ${s.excusesAt}];`)}
  $actor = 0;
  $ordinal = 0;
  $taken = 0;
  $calm = 1;
}`;
  });
}

/** What writes a frontier, for one of the two ways round. */
function storing(s: SearchShape, target: string, parity: 0 | 1): string {
  const looks = s.always + s.witnesses + s.excuses > 0;
  const sets = Array.from({ length: s.setWords }, (_, n) => `if (sets[k * ${s.setWords} + ${n}] !== 0) looked = 1;`);
  const excuses = Array.from({ length: s.excuses }, (_, e) => `inForce[${e}] += 1 - ((bits >>> ${e}) & 1);`);
  return `
function store${parity}(added) {
  const base = $count, link = 2 * $discovered;
  let at = base * ${s.record};
  for (let f = 0; f < added; f++) {
    const k = fresh[f];
    copyState(${target}, at, states, k * ${s.stateWords});
    ${when(s.long, `${target}[at + ${s.sumsAt}] = sums[2 * k]; ${target}[at + ${s.sumsAt + 1}] = sums[2 * k + 1];`)}
    links[link + 2 * f] = parents[k];
    links[link + 2 * f + 1] = ordinals[k];
    at += ${s.record};
  }
  $count = base + added;
  $discovered += added;
  $tableCount += added;
  ${when(looks, `$base = base;
  $phase = ${LOOKING_AT_STATES};
  for (let f = 0; f < added; f++) {
    $row = f;
    look${parity}(fresh[f], (base + f) * ${s.record});
  }
  $phase = ${TAKING_STEPS};`)}
}
${when(looks, `function look${parity}(k, at) {
  let looked = 0;
  if ($left > 0) looked = 1;
  ${sets.join("\n  ")}
  if (looked) {
    copyState(vector, 0, states, k * ${s.stateWords});
    ${when(s.always > 0, `const first = checkSome(0, k * ${s.setWords}); if (first >= 0) stateViolated(first, k);`)}
    ${when(s.witnesses > 0, `if ($left > 0) {
      for (let w = 0; w < ${s.witnesses}; w++) {
        if (witnessed[w] === 0) { if (witness(w) !== 0) { witnessed[w] = 1; $left -= 1; } }
      }
    }`)}
  }
  ${when(s.excuses > 0, `let bits = excusesOf[k];
  if (looked) bits = excused(0, k * ${s.setWords}, bits);
  ${excuses.join("\n  ")}
  ${target}[at + ${s.excusesAt}] = bits;`)}
}`)}`;
}
