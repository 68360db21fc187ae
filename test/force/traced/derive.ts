/**
 * A schedule of a real kernel for a run of the checker. A turn may end anywhere between two steps; a thread of a real kernel can be
 * held at some places only. So each turn ends at one of the nearest of these, before or behind, and the checker takes the run once
 * more in that way: a schedule is the run's if the same comes of it.
 */
import { outcomeInWords, outcomeKey, type Outcome } from "../outcome.ts";
import { sidesOf, SIDES, type Point, type Schedule, type Side } from "../schedule.ts";
import { NotForceable, type Place, type Run } from "./run.ts";
import { Walk, type Reached, type Saved } from "./walk.ts";

/** Places to hold a turn at, before and behind its end. */
const NEAREST = 3;
/** Steps in which a thread that goes on too far is looked for a place. */
const BEYOND = 400;
/** Holds at functions, of a schedule, at most. */
const EITHER_MAX = 6;
/** Schedules that are tried. */
const TRIED_MAX = 1_500;

/** What becomes of a turn in the checker. */
export type Expected = "held" | "ended" | "blocked";

export interface Derived {
  readonly schedule: Schedule;
  /** By segment. */
  readonly expected: readonly Expected[];
  readonly outcome: Outcome;
  readonly memory: Pick<Outcome, "areas" | "pages">;
  /** Steps between the ends of the run's turns and those of the schedule's, all together. */
  readonly distance: number;
  /** No order in which one thread makes its calls behind those of another shows the same. */
  readonly tells: boolean;
}

/** The point of the kernel that a routine, a write or a return is, for the first time; null: it cannot be held there. */
export type PointOf = (side: Side, reached: Reached) => Point | null;

interface Candidate {
  readonly point: Point | null;
  readonly became: Expected;
  readonly distance: number;
  readonly after: Saved;
}

/** Throws a NotForceable that says which turn cannot be ended where the run ends it. */
export function derive(run: Run, pointOf: PointOf): Derived {
  return new Derivation(run, pointOf).derive();
}

/** What comes of the run itself in the checker. */
export function outcomeOf(run: Run): Outcome {
  return new Derivation(run, () => null).outcome();
}

class Derivation {
  readonly #walk: Walk;
  readonly #run: Run;
  readonly #pointOf: PointOf;
  readonly #start: Saved;
  #wanted = "";
  #tried = 0;
  #best: { readonly schedule: Schedule; readonly expected: readonly Expected[]; readonly distance: number } | null = null;
  /** By turn: how near it could be held. */
  readonly #near = new Map<number, number>();

  constructor(run: Run, pointOf: PointOf) {
    this.#run = run;
    this.#pointOf = pointOf;
    this.#walk = new Walk(run);
    this.#start = this.#walk.save();
  }

  outcome(): Outcome { return this.#asRun(); }
  derive(): Derived {
    const { memory } = this.#walk;
    const outcome = this.#asRun();
    this.#wanted = outcomeKey(outcome);
    this.#search(0, this.#start, { schedule: [], expected: [], distance: 0 });
    if (this.#best === null) throw new NotForceable(this.#whyNot(outcome));
    return { ...this.#best, outcome, memory, tells: !this.#sequential().includes(this.#wanted) };
  }

  /** What comes of the run itself: turn by turn, then all to their ends. */
  #asRun(): Outcome {
    this.#walk.restore(this.#start);
    for (const { side, until } of this.#run.turns) this.#goTo(side, until);
    return this.#ended();
  }
  #goTo(side: Side, until: Place | null): void {
    while (!(until !== null && this.#isAt(side, until))) if (this.#walk.step(side) === null) break;
    if (until !== null && !this.#isAt(side, until)) {
      throw new NotForceable(`with the room that a real machine has, the run does not come to ${until.words}`);
    }
  }
  #isAt(side: Side, { call, key, nth }: Place): boolean {
    const now = this.#walk.place(side);
    return now.call === call && now.key === key && this.#walk.times(side) === nth;
  }
  #ended(): Outcome {
    const outcome = this.#walk.outcome();
    if (outcome === null) throw new NotForceable("the threads wait for one another");
    return outcome;
  }
  #sequential(): string[] {
    return permutations(sidesOf(this.#run.calls)).map((order) => {
      this.#walk.restore(this.#start);
      for (const side of order) while (this.#walk.step(side) !== null);
      return outcomeKey(this.#ended());
    });
  }

  /** Turn `n` begins at `from`. */
  #search(n: number, from: Saved, sofar: { schedule: Schedule; expected: readonly Expected[]; distance: number }): void {
    if (this.#best !== null && sofar.distance >= this.#best.distance) return;
    const turn = this.#run.turns[n];
    if (turn === undefined) {
      if (++this.#tried > TRIED_MAX) return;
      this.#walk.restore(from);
      if (outcomeKey(this.#ended()) === this.#wanted && this.#holdsEitherWay(sofar.schedule, sofar.expected)) this.#best = sofar;
      return;
    }
    // A thread that waits for the other goes on as soon as it can, beside it: nobody holds it any more.
    const waits = sofar.expected.some((became, i) => became === "blocked" && sofar.schedule[i]!.side === turn.side);
    const candidates = this.#candidates(turn.side, turn.until, from).filter((c) => c.point === null || !waits);
    this.#near.set(n, Math.min(this.#near.get(n) ?? Infinity, ...candidates.map((c) => c.distance)));
    for (const { point, became, distance, after } of candidates) {
      const segment = { side: turn.side, until: point };
      this.#search(n + 1, after, {
        schedule: [...sofar.schedule, segment], expected: [...sofar.expected, became], distance: sofar.distance + distance,
      });
    }
  }

  /**
   * A thread that is held where a function begins is within a step of the checker: what others can see of that step may come before or
   * behind. So both must show the same, for each of these holds.
   */
  #holdsEitherWay(schedule: Schedule, expected: readonly Expected[]): boolean {
    const within = schedule.flatMap(({ until }, i) => (until?.kind === "entry" ? [i] : []));
    if (within.length > EITHER_MAX) return false;
    return Array.from({ length: 2 ** within.length }, (_, bits) => new Set(within.filter((_, n) => (bits & (1 << n)) !== 0)))
      .every((earlier) => this.#shows(schedule, expected, earlier));
  }
  /** `earlier`: segments whose thread stands before the step that brings it to its point. */
  #shows(schedule: Schedule, expected: readonly Expected[], earlier: ReadonlySet<number>): boolean {
    this.#walk.restore(this.#start);
    /** By side: the point to which the next step brings it is the one where it stands. */
    const standsAt: (string | null)[] = this.#run.calls.map(() => null);
    for (const [i, { side, until }] of schedule.entries()) {
      const name = until === null ? "" : JSON.stringify({ ...until, nth: 0 });
      let [times, became]: [number, Expected | null] = [0, null];
      while (became === null) {
        const saved = this.#walk.save();
        const taken = this.#walk.step(side);
        if (taken === null) {
          became = this.#walk.ended(side) ? "ended" : "blocked";
          break;
        }
        for (const reached of taken.reached) {
          const of = this.#pointOf(side, reached);
          const here = of === null ? "" : JSON.stringify({ ...of, nth: 0 });
          if (standsAt[side] === here && here !== "") {
            standsAt[side] = null;
            continue;
          }
          if (until === null || here !== name || ++times !== until.nth) continue;
          became = "held";
          if (!earlier.has(i)) break;
          this.#walk.restore(saved);
          standsAt[side] = here;
          break;
        }
      }
      if (became !== expected[i]) return false;
    }
    return outcomeKey(this.#ended()) === this.#wanted;
  }

  /** Where the turn can end, the nearest first. */
  #candidates(side: Side, until: Place | null, from: Saved): readonly Candidate[] {
    this.#walk.restore(from);
    const passed: { readonly point: Point; readonly step: number; readonly after: Saved }[] = [];
    const times = new Map<string, number>();
    let [step, target, ended] = [0, until === null ? Infinity : -1, null as Candidate | null];
    if (until !== null && this.#isAt(side, until)) target = 0;
    for (; target < 0 || step < target + BEYOND; step++) {
      const taken = this.#walk.step(side);
      if (taken === null) {
        if (target < 0) target = step;
        const became = this.#walk.ended(side) ? "ended" : "blocked";
        ended = { point: null, became, distance: step - Math.min(target, step), after: this.#walk.save() };
        break;
      }
      for (const reached of taken.reached) {
        const of = this.#pointOf(side, reached);
        if (of === null) continue;
        const name = JSON.stringify(of);
        const nth = (times.get(name) ?? 0) + 1;
        times.set(name, nth);
        if (reached.kind === "write" && !reached.exact) continue;
        passed.push({ point: { ...of, nth }, step: step + 1, after: this.#walk.save() });
      }
      if (target < 0 && until !== null && this.#isAt(side, until)) target = step + 1;
      if (target >= 0 && passed.filter((p) => p.step > target).length >= NEAREST) break;
    }
    const end = Math.min(target, step);
    const held = passed.map(({ point, step: at, after }): Candidate => ({ point, became: "held", distance: Math.abs(at - end), after }));
    const before = held.filter((_, i) => passed[i]!.step <= end).slice(-NEAREST);
    const behind = held.filter((_, i) => passed[i]!.step > end).slice(0, NEAREST);
    return [...before, ...behind, ...(ended === null ? [] : [ended])].sort((x, y) => x.distance - y.distance);
  }

  #whyNot(outcome: Outcome): string {
    const [worst] = [...this.#near].sort(([, x], [, y]) => y - x);
    const turn = this.#run.turns[worst?.[0] ?? 0];
    const where = turn?.until == null ? "its end" : turn.until.words;
    const which = `turn ${(worst?.[0] ?? 0) + 1} of ${this.#run.turns.length}, ${SIDES[turn?.side ?? 0]} to ${where}`;
    const near = worst === undefined || worst[1] === Infinity ? "there is no place near it" : `the nearest place is ${worst[1]} steps away`;
    return `${which}, cannot be forced: ${near}, and no schedule of such places shows ${outcomeInWords(outcome)}`;
  }
}

function permutations(of: readonly Side[]): readonly (readonly Side[])[] {
  return of.length === 0 ? [[]] : of.flatMap((one) => permutations(of.filter((x) => x !== one)).map((rest) => [one, ...rest]));
}
