/**
 * The steps of a trace as a person reads them: stretches of one thread, divided by the calls that the steps are in, each inside
 * of the one that makes it. A call that stays open while others run goes on in the thread's next stretch.
 */
import type { StepData } from "../page/data.ts";

export interface CallNode {
  /** Tells it from all other calls of the trace: the steps that it holds. */
  readonly key: string;
  /** The call as the source has it, or its routine. */
  readonly text: string;
  readonly parts: readonly TreePart[];
  readonly first: number;
  readonly last: number;
}
/** A call, or a step by its number. */
export type TreePart = CallNode | number;

export interface Stretch {
  readonly actor: number;
  /** Why it begins: what the actor before did; null: it is the first. */
  readonly switched: string | null;
  readonly parts: readonly TreePart[];
}

export function stretchesOf(steps: readonly StepData[]): Stretch[] {
  const stretches: { actor: number; switched: string | null; numbers: number[] }[] = [];
  steps.forEach(({ actor, switched }, n) => {
    const last = stretches.at(-1);
    if (last === undefined || last.actor !== actor || switched !== null) stretches.push({ actor, switched, numbers: [n + 1] });
    else last.numbers.push(n + 1);
  });
  return stretches.map(({ actor, switched, numbers }) => ({ actor, switched, parts: divided(numbers, 1, steps) }));
}

/** Steps that are all in the same calls down to `depth`, the thread's own routine being depth 0. */
function divided(numbers: readonly number[], depth: number, steps: readonly StepData[]): TreePart[] {
  return runs(numbers, (n) => callAt(steps[n - 1]!, depth)).flatMap((run): TreePart[] => {
    const [first] = run;
    const step = steps[first! - 1]!;
    if (callAt(step, depth) === null) return run;
    const parts = divided(run, depth + 1, steps);
    return [{
      key: `${depth}:${first}`, text: (depth === 1 ? step.call : null) ?? `${step.stack[depth]!.routine}()`, parts,
      first: first!, last: run.at(-1)!,
    }];
  });
}

/** The call that the step is in at that depth: of what, and from where; null: it is in none so deep. */
function callAt({ stack }: StepData, depth: number): string | null {
  const [caller, called] = [stack[depth - 1], stack[depth]];
  return caller === undefined || called === undefined ? null : `${caller.line} ${called.routine}`;
}

/** Runs of neighbours with the same key. */
function runs(numbers: readonly number[], keyOf: (n: number) => string | null): number[][] {
  const found: number[][] = [];
  numbers.forEach((n, at) => {
    if (at > 0 && keyOf(n) === keyOf(numbers[at - 1]!)) found.at(-1)!.push(n);
    else found.push([n]);
  });
  return found;
}

/** The keys of all calls that hold one of these steps. */
export function callsAround(stretches: readonly Stretch[], wanted: ReadonlySet<number>): Set<string> {
  const keys = new Set<string>();
  const visit = (part: TreePart): boolean => {
    if (typeof part === "number") return wanted.has(part);
    const holds = part.parts.map(visit).includes(true);
    if (holds) keys.add(part.key);
    return holds;
  };
  for (const { parts } of stretches) parts.forEach(visit);
  return keys;
}

/** The keys of all calls. */
export function allCalls(stretches: readonly Stretch[]): Set<string> {
  const keys = new Set<string>();
  const visit = (part: TreePart): void => {
    if (typeof part === "number") return;
    keys.add(part.key);
    part.parts.forEach(visit);
  };
  for (const { parts } of stretches) parts.forEach(visit);
  return keys;
}
