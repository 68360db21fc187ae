/**
 * Positions of threads, compiled: `$isAt` walks the frames of a thread in the state vector, as `CompiledSystem.position` does. There is
 * text for it only where a promise asks, and each label that one names is looked for.
 */
import type { RoutineImage } from "../image/image.ts";
import { didYouMean } from "../nearest.ts";
import { inWords } from "../value-in-words.ts";
import { CompileError } from "./compile-error.ts";
import type { Reads } from "./reads.ts";
import type { Place } from "./source-module.ts";

/** A label that a promise names. */
interface Named {
  readonly actor: number;
  readonly label: string;
  readonly place: Place;
  /** Of a thread's position: locks whose class is known only at run time have no label there. */
  readonly isPosition: boolean;
}

/** What promises ask of one program. */
export class PositionUses {
  readonly actors: readonly string[];
  readonly isModel: boolean;
  readonly #named: Named[] = [];

  constructor(actors: readonly string[], isModel: boolean) {
    this.actors = actors;
    this.isModel = isModel;
  }

  note(named: Named): void {
    this.#named.push(named);
  }

  /** The text of `$isAt`; empty where nobody asks. Throws a CompileError for a label that the thread has not. */
  text(roots: readonly { readonly routine: string; readonly base: number }[], routines: readonly RoutineImage[]): string {
    if (this.#named.length === 0 || this.isModel) return "";
    const index = new Map(routines.map((r, n) => [r.emitted, n]));
    for (const named of this.#named) this.#check(named, labelsOf(roots[named.actor]!.routine, routines));
    const table = routines.map(({ frame, points }) => [
      frame.pcBytes, (1 << frame.pcBits) - 1, frame.bytes,
      points.map((p, pc) => (p === null ? null : [p.label, p.callee === null ? -1 : index.get(p.callee)!, frame.layouts[pc]!.bytes])),
    ]);
    return `const $threads = ${JSON.stringify(roots.map((r) => [index.get(r.routine)!, r.base]))}, $routines = ${JSON.stringify(table)};
function $isAt(bytes, actor, label) {
  let [routine, at] = $threads[actor];
  for (;;) {
    const [pcBytes, mask, size, points] = $routines[routine];
    const pc = size === 0 ? 0 : pcBytes === 2 ? bytes[at] | bytes[at + 1] << 8 : bytes[at] & mask;
    const point = points[pc];
    if (point === null || point === undefined) return false;
    if (point[1] < 0) return point[0] === label;
    at += point[2]; routine = point[1];
  }
}`;
  }

  #check({ actor, label, place, isPosition }: Named, labels: readonly string[]): void {
    const known = (one: string): boolean => {
      const [before, after] = one.split("%");
      return after === undefined ? one === label : !isPosition && label.startsWith(`${before!}(`) && label.endsWith(`)${after}`);
    };
    if (labels.some(known)) return;
    const named = [...new Set(labels.filter((one) => !one.includes("%")))];
    const problem = `thread ${this.actors[actor]!} never stands at ${inWords(label)}`;
    throw new CompileError(place, problem, `Its labels are ${named.join(", ")}.${didYouMean(label, named)}`);
  }
}

/** The labels of a routine and of all that it calls. */
function labelsOf(root: string, routines: readonly RoutineImage[]): readonly string[] {
  const byName = new Map(routines.map((r) => [r.emitted, r]));
  const seen = new Set([root]);
  for (const name of seen) for (const p of byName.get(name)!.points) if (p?.callee != null) seen.add(p.callee);
  return [...seen].flatMap((name) => byName.get(name)!.points.flatMap((p) => (p === null || p.callee !== null ? [] : [p.label])));
}

/** The threads whose positions a function may ask for, itself and through others. */
export function threadsAskedBy(summaries: ReadonlyMap<string, Reads>, emitted: string): ReadonlySet<number> {
  const seen = new Set([emitted]);
  for (const name of seen) for (const { callee } of summaries.get(name)?.calls ?? []) seen.add(callee);
  return new Set([...seen].flatMap((name) => [...(summaries.get(name)?.threads ?? [])]));
}
