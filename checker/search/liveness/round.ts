/**
 * A round that a fair run can go for ever in a component, as short as can be found.
 *
 * At first where a run may simply stop: that is a round of no step. Otherwise one is made by walking to the nearest state or step
 * that pays something owed, as long as something is, and back (`walkedRound`). In a component of up to `EXACT_STATES` states the
 * shortest of all is then looked for: from a state, breadth-first over pairs of a state and what has been collected, up to the
 * length that is known. Any round can be begun at any of its states; so it is enough to begin where a debt that every round must pay
 * can be paid, that with the fewest such states, and a state that has been begun at is taken out.
 */
import { debtsOf, type Debts, type RoundPlace } from "./debts.ts";

export interface Round {
  /** Steps of the graph, in order; none: a run stops, in any of `states`. */
  readonly steps: readonly number[];
  /** The state before each step; of a round without steps the states that it may be in. */
  readonly states: readonly number[];
  /** There is no shorter one in the component. */
  readonly isShortest: boolean;
}

/** States of a component up to which the shortest round is looked for. */
export const EXACT_STATES = 10_000;
/** Pairs of a state and what was collected that may be looked at for it. */
const PAIRS_MAX = 30_000_000;

/** The component is a fair round as a whole, so there is one. `begin`: a state of it. */
export function shortRound(place: RoundPlace, begin: number, limits = { states: EXACT_STATES, pairs: PAIRS_MAX }): Round {
  const debts = debtsOf(place);
  const owesNothing = (s: number): boolean => debts.every((d) => d.left(d.ofState(s)) === 0);
  const stops = place.mayStay ? [...place.members].filter(owesNothing) : [];
  if (stops.length > 0) return { steps: [], states: stops, isShortest: true };
  const walked = walkedRound(place, debts, begin);
  if (debts.length > 1 || place.members.length > limits.states) return rounded(place, walked, false);
  const shorter = new ShortestRound(place, debts[0]!, limits.pairs).find(walked.length);
  return rounded(place, shorter.steps ?? walked, shorter.isAll);
}

function rounded({ graph: { first } }: RoundPlace, steps: readonly number[], isShortest: boolean): Round {
  return { steps, states: steps.map((e) => sourceOf(first, e)), isShortest };
}

/** The state whose step number `step` is: the last that begins at or before it. */
export function sourceOf(first: Int32Array, step: number): number {
  let low = 0;
  for (let high = first.length - 1; low + 1 < high;) {
    const middle = (low + high) >>> 1;
    if (first[middle]! <= step) low = middle;
    else high = middle;
  }
  while (first[low + 1]! <= step) low++;
  return low;
}

/** A round through `begin`: to the nearest state or step that pays something, again and again, and back. */
function walkedRound(place: RoundPlace, debts: readonly Debts[], begin: number): number[] {
  const { targets, actors } = place.graph;
  const collected = debts.map((d) => d.ofState(begin));
  const steps: number[] = [];
  for (let at = begin; ;) {
    const owing = debts.findIndex((d, i) => d.left(collected[i]!) !== 0);
    if (owing < 0 && at === begin && steps.length > 0) return withoutDetours(place, debts, steps);
    const owed = debts[owing];
    const wanted = owed?.left(collected[owing]!) ?? 0;
    const pays = (e: number): boolean =>
      (owed === undefined ? targets[e] === begin : ((owed.ofStep(actors[e]!) | owed.ofState(targets[e]!)) & wanted) !== 0);
    for (const e of nearestStep(place, at, pays)) {
      steps.push(e);
      at = targets[e]!;
      debts.forEach((d, i) => { collected[i]! |= d.ofStep(actors[e]!) | d.ofState(at); });
    }
  }
}

/** The steps of a shortest way inside of the component that ends with such a step. */
function nearestStep({ graph: { first, targets }, has }: RoundPlace, from: number, isIt: (step: number) => boolean): number[] {
  const cameBy = new Map<number, number>();
  const waiting = [from];
  for (const s of waiting) {
    for (let e = first[s]!; e < first[s + 1]!; e++) {
      const t = targets[e]!;
      if (!has(t)) continue;
      if (isIt(e)) return wayTo(first, s, e, cameBy);
      if (t === from || cameBy.has(t)) continue;
      cameBy.set(t, e);
      waiting.push(t);
    }
  }
  throw new Error("[thpcheck internal] a fair component has no fair round");
}

function wayTo(first: Int32Array, state: number, last: number, cameBy: ReadonlyMap<number, number>): number[] {
  const way = [last];
  for (let e = cameBy.get(state); e !== undefined; e = cameBy.get(sourceOf(first, e))) way.push(e);
  return way.reverse();
}

/** Leaves out what lies between two visits of a state, the longest first, as long as nothing is owed then. */
function withoutDetours({ graph: { first, actors } }: RoundPlace, debts: readonly Debts[], steps: readonly number[]): number[] {
  let kept = [...steps];
  const isPaid = (some: readonly number[]): boolean => some.length > 0 && debts.every((d) =>
    d.left(some.reduce((bits, e) => bits | d.ofStep(actors[e]!) | d.ofState(sourceOf(first, e)), 0)) === 0);
  for (let length = kept.length - 1; length > 0; length = Math.min(length - 1, kept.length - 1)) {
    for (let i = 0; i + length <= kept.length; i++) {
      const end = i + length;
      if (sourceOf(first, kept[i]!) !== sourceOf(first, kept[end % kept.length]!)) continue;
      const rest = [...kept.slice(0, i), ...kept.slice(end)];
      if (!isPaid(rest)) continue;
      kept = rest;
      break;
    }
  }
  return kept;
}

class ShortestRound {
  readonly #place: RoundPlace;
  readonly #debts: Debts;
  /** States are numbered within the component. Steps inside of it, forwards and backwards. */
  readonly #size: number;
  readonly #first: Int32Array;
  readonly #steps: readonly number[];
  readonly #to: Int32Array;
  readonly #sources: readonly (readonly number[])[];
  readonly #collects: Int32Array;
  /** 1: it has been begun at. */
  readonly #done: Uint8Array;
  readonly #back: Int32Array;
  #pairsLeft: number;

  constructor(place: RoundPlace, debts: Debts, pairs: number) {
    const { graph: { first, targets }, members, has } = place;
    this.#place = place;
    this.#debts = debts;
    this.#pairsLeft = pairs;
    this.#size = members.length;
    const own = new Map([...members].map((s, i) => [s, i]));
    const steps: number[] = [];
    this.#first = new Int32Array(members.length + 1);
    const sources: number[][] = [...members].map(() => []);
    members.forEach((s, i) => {
      for (let e = first[s]!; e < first[s + 1]!; e++) {
        if (!has(targets[e]!)) continue;
        steps.push(e);
        sources[own.get(targets[e]!)!]!.push(i);
      }
      this.#first[i + 1] = steps.length;
    });
    this.#steps = steps;
    this.#to = Int32Array.from(steps, (e) => own.get(targets[e]!)!);
    this.#sources = sources;
    this.#collects = Int32Array.from(members, (s) => debts.ofState(s));
    this.#done = new Uint8Array(members.length);
    this.#back = new Int32Array(members.length);
  }

  /** A shortest round that is shorter than `known`, null where there is none; and whether all were looked at. */
  find(known: number): { readonly steps: readonly number[] | null; readonly isAll: boolean } {
    const best: { steps: readonly number[] | null } = { steps: null };
    for (const begin of this.#beginnings()) {
      if (this.#pairsLeft <= 0) break;
      best.steps = this.#from(begin, best.steps?.length ?? known) ?? best.steps;
      this.#done[begin] = 1;
    }
    return { steps: best.steps, isAll: this.#pairsLeft > 0 };
  }

  /** States of which every round has one, as few as one debt can tell. */
  #beginnings(): readonly number[] {
    const all = Array.from({ length: this.#size }, (_, i) => i);
    let fewest = all;
    for (let bit = 0; bit < this.#debts.count; bit++) {
      if (((this.#debts.must >>> bit) & 1) === 0) continue;
      const paying = all.filter((i) => ((this.#collects[i]! >>> bit) & 1) === 1 || this.#paysByStep(i, bit));
      if (paying.length < fewest.length) fewest = paying;
    }
    return fewest;
  }

  #paysByStep(i: number, bit: number): boolean {
    for (let n = this.#first[i]!; n < this.#first[i + 1]!; n++) {
      if (((this.#ofStep(n) >>> bit) & 1) === 1) return true;
    }
    return false;
  }

  #ofStep(n: number): number {
    return this.#debts.ofStep(this.#place.graph.actors[this.#steps[n]!]!);
  }

  /** A shortest round through `begin` of fewer than `below` steps, or null. */
  #from(begin: number, below: number): readonly number[] | null {
    this.#measure(begin, below);
    const pairs = 2 ** this.#debts.count;
    const states = [begin];
    const collected = [this.#collects[begin]!];
    const cameFrom = [-1];
    const cameBy = [-1];
    const seen = new Set([begin * pairs + collected[0]!]);
    for (let at = 0, end = 1, length = 1; at < states.length && length < below; length++) {
      for (; at < end; at++) {
        if (--this.#pairsLeft <= 0) return null;
        const s = states[at]!;
        for (let n = this.#first[s]!; n < this.#first[s + 1]!; n++) {
          const t = this.#to[n]!;
          if (this.#done[t] === 1 || this.#back[t]! < 0 || length + this.#back[t]! >= below) continue;
          const has = collected[at]! | this.#ofStep(n) | this.#collects[t]!;
          if (t === begin && this.#debts.left(has) === 0) return this.#steppedBy(n, at, cameFrom, cameBy);
          const key = t * pairs + has;
          if (seen.has(key)) continue;
          seen.add(key);
          states.push(t);
          collected.push(has);
          cameFrom.push(at);
          cameBy.push(n);
        }
      }
      end = states.length;
    }
    return null;
  }

  #steppedBy(last: number, at: number, cameFrom: readonly number[], cameBy: readonly number[]): number[] {
    const way = [last];
    for (let n = at; cameBy[n]! >= 0; n = cameFrom[n]!) way.push(cameBy[n]!);
    return way.reverse().map((n) => this.#steps[n]!);
  }

  /** How far it is from each state to `begin`, up to less than `below` steps; -1: farther. */
  #measure(begin: number, below: number): void {
    const back = this.#back.fill(-1);
    back[begin] = 0;
    const waiting = [begin];
    for (const t of waiting) {
      if (back[t]! + 1 >= below) break;
      for (const s of this.#sources[t]!) {
        if (back[s]! >= 0 || this.#done[s] === 1) continue;
        back[s] = back[t]! + 1;
        waiting.push(s);
      }
    }
  }
}
