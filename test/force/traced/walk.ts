/**
 * A run in the checker, taken turn by turn, from the moment at which all sides may begin. Each step is told with the points of a
 * real kernel to which it has brought the thread: functions that were entered, entries that were written, calls that returned.
 */
import { compileScenario } from "../../../checker/compile/compile.ts";
import type { CompiledSystem } from "../../../checker/image/compiled-system.ts";
import { bitOf } from "../../../checker/program/layout.ts";
import { StateBytes, makeWorld } from "../../../checker/program/world.ts";
import type { SourceFrame } from "../../../checker/system.ts";
import { STEP_DISABLED } from "../../../checker/system.ts";
import type { Kernel } from "../../../impl/mm-types.ts";
import { LEAF, entryTarget } from "../../../impl/pgtable.ts";
import { before, modelMemory, modelOutcome, type Before, type Results } from "../model-outcome.ts";
import type { Outcome } from "../outcome.ts";
import { forEachSide, sidesOf, type Side } from "../schedule.ts";
import { isCall } from "./call.ts";
import { placeIn, PlaceCounts } from "./place.ts";
import { LOOKS, runProgram, type RunWorld } from "./run-program.ts";
import type { Place, Run } from "./run.ts";

/** A run has an end: more steps than any has. */
const STEPS_MAX = 20_000;
const OUTCOME_STATISTICS = /^(vmstat\.thp|vmstat\.khugepagedPagesCollapsed$|tracepoint\.)/;

/** To what a step has brought its thread. */
export type Reached =
  | { readonly kind: "entry"; readonly routine: string }
  /** `exact`: no lock of the entry is released in the same step. A thread that is held behind the write still has that lock. */
  | { readonly kind: "write"; readonly level: "pmd" | "pte"; readonly exact: boolean }
  | { readonly kind: "return" };

/** A state of the run, to come back to. */
export interface Saved {
  readonly words: Int32Array;
  readonly counted: readonly number[];
  readonly places: readonly ReadonlyMap<string, number>[];
}

export class Walk {
  readonly #run: Run;
  readonly #system: CompiledSystem;
  readonly #k: RunWorld;
  readonly #counters: readonly number[];
  readonly #then: Before;
  #counted: number[];
  #places: PlaceCounts[];
  readonly #sides: readonly Side[];

  constructor(run: Run) {
    this.#run = run;
    this.#sides = sidesOf(run.calls);
    this.#places = run.calls.map(() => new PlaceCounts());
    this.#system = compileScenario(runProgram(run), { sourceMap: false }).system;
    const { vector, stateWords, image } = this.#system;
    this.#k = makeWorld(image.plan, new StateBytes(vector.buffer), stateWords * 4) as unknown as RunWorld;
    this.#counters = image.plan.fields.filter((f) => f.role === "statistic" && OUTCOME_STATISTICS.test(f.path)).flatMap((f) =>
      Array.from({ length: f.length ?? 1 }, (_, i) => stateWords + bitOf(f, 0, i) / 32));
    this.#counted = this.#counters.map(() => 0);
    this.#system.setBranch([]);
    this.#system.init();
    for (let n = 0; !this.#k.gate.open.get(); n++) {
      if (n > STEPS_MAX || !this.#step(0)) throw new Error(`${run.name}: its memory cannot be made`);
    }
    this.#system.vector.fill(0, stateWords);
    for (const side of this.#sides.slice(1)) if (!this.#step(side)) throw new Error(`${run.name}: the gate is shut`);
    this.#counted = this.#counters.map(() => 0);
    this.#then = before(this.#k);
    for (const side of this.#sides) this.#places[side]!.counted(this.#placeOf(side));
  }

  /** What the calls find. */
  get memory(): Pick<Outcome, "areas" | "pages"> { return modelMemory(this.#k, this.#then.frames, this.#run.ranges); }

  save(): Saved {
    const { vector, stateWords } = this.#system;
    return {
      words: vector.slice(0, stateWords), counted: [...this.#counted], places: this.#places.map((p) => p.copy()),
    };
  }
  restore({ words, counted, places }: Saved): void {
    this.#system.vector.set(words);
    this.#counted = [...counted];
    this.#places = places.map((p) => new PlaceCounts(p));
  }

  /** One step of the side, and where it stands then; null: it waits, or has ended. */
  step(side: Side): { readonly reached: readonly Reached[]; readonly place: Place } | null {
    const frames = this.#frames(side);
    const [done, pmd, pte] = [this.#k.run.done.get(side), ...this.#entries()];
    const locked = this.#locked(pmd);
    if (!this.#step(side)) return null;
    const now = this.#frames(side);
    const [donePmd, donePte] = this.#entries();
    const returned = this.#k.run.done.get(side) > done;
    const exact = this.#locked(pmd).every((is, i) => is || !locked[i]!);
    const reached: Reached[] = [
      ...(donePmd === pmd ? [] : [{ kind: "write", level: "pmd", exact } as const]),
      ...(donePte === pte || pte === null ? [] : [{ kind: "write", level: "pte", exact } as const]),
      ...(returned && !this.ended(side) ? [{ kind: "return" } as const] : []),
      ...entered(returned ? [] : frames, now).map((routine) => ({ kind: "entry", routine }) as const),
    ];
    return { reached, place: this.#places[side]!.counted(this.#placeOf(side)) };
  }

  /** Where it stands. The how-manieth time is not said. */
  place(side: Side): Omit<Place, "nth"> { return this.#placeOf(side); }
  /** It has stood there so often. */
  times(side: Side): number { return this.#places[side]!.times(this.#placeOf(side)); }
  ended(side: Side): boolean { return this.#k.run.done.get(side) === this.#k.run.calls.get(side); }

  /** All go to their ends, the first ones first. Null: they cannot. */
  outcome(): Outcome | null {
    for (let n = 0; n < STEPS_MAX && !this.#k.run.seen.get(); n++) {
      if (![...this.#sides, LOOKS].some((actor) => this.#step(actor))) return null;
    }
    const { vector, stateWords } = this.#system;
    vector.fill(0, stateWords);
    this.#counters.forEach((word, i) => { vector[word] = this.#counted[i]!; });
    const results: Results = forEachSide(this.#run.calls, (of, side) => of.map((_, n) => this.#k.run.results.get(8 * side + n)));
    const calls = forEachSide(this.#run.calls, (of) => of.map((c) => c.step));
    return modelOutcome({ calls, pages: this.#run.options.pagesPerHugePage }, this.#k, results, this.#then, this.#run.ranges);
  }

  #step(actor: number): boolean {
    this.#system.setBranch([]);
    if (this.#system.step(actor) === STEP_DISABLED) return false;
    this.#counters.forEach((word, i) => { this.#counted[i]! += this.#system.vector[word]!; });
    return true;
  }
  /** From the call inwards. */
  #frames(side: Side): readonly SourceFrame[] {
    const frames = this.#system.position(side).stack.toReversed();
    const at = frames.findIndex((f) => isCall(f.routine));
    return at < 0 ? [] : frames.slice(at);
  }
  #placeOf(side: Side): Omit<Place, "nth"> {
    return placeIn(this.#frames(side), this.#system.position(side).label, this.#k.run.done.get(side));
  }
  /** The locks of the PMD, and of the table that it leads to. */
  #locked(pmd: number): readonly boolean[] {
    const isTable = pmd !== 0 && (pmd & LEAF) === 0;
    return [this.#k.mm.pmdLock.isHeld(0), isTable && this.#k.ptTable.lock.isHeld(entryTarget(pmd))];
  }
  #entries(): readonly [number, number | null] { return entriesOf(this.#k); }
}

/** The PMD of the first huge range, and the entry of its page 0; null: there is no table. */
export function entriesOf(k: Kernel): readonly [number, number | null] {
  const pmd = k.mm.pmd.get(0, 0);
  return [pmd, pmd === 0 || (pmd & LEAF) !== 0 ? null : k.ptTable.pte.get(entryTarget(pmd), 0)];
}

/** Routines that are entered between the one place and the other, the outer ones first. */
export function entered(before: readonly SourceFrame[], after: readonly SourceFrame[]): string[] {
  let same = 0;
  while (same < before.length && same < after.length && before[same]!.routine === after[same]!.routine) {
    // The call is made from another line: it is another call.
    if (same > 0 && before[same - 1]!.line !== after[same - 1]!.line) break;
    same++;
  }
  return after.slice(same).map((f) => f.routine);
}
