/**
 * Where threads stand, for promises: `isAt` in a state, `took` of a step. Compiled code has them built in
 * (`compile/positions.ts`); natively they ask whoever made the world.
 */

/** What a world of a trace says of its threads. */
export interface Positions {
  /** The label that the thread stands before; null: it has ended. */
  readonly labelOf: (thread: string) => string | null;
  /** The actor and the label of the step; null where there is none. */
  readonly step: { readonly actor: string; readonly label: string | null } | null;
}

/** Key under which such a world has them. */
export const POSITIONS: unique symbol = Symbol("thpcheck.positions");

function positionsOf(k: object, what: string): Positions {
  const known = (k as { readonly [POSITIONS]?: Positions })[POSITIONS];
  if (known === undefined) throw new Error(`${what} is asked in promises: always, step, finally, sometimes and their like`);
  return known;
}

/**
 * Whether the thread stands at this label, its next step being the one of that name: PlusCal's `pc["a"] = "cs"`. A thread that has
 * ended stands nowhere. Both names are written out; one that does not exist is refused.
 */
export function isAt(k: object, thread: string, label: string): boolean {
  return positionsOf(k, "isAt").labelOf(thread) === label;
}

/** Of the step that a `step` promise looks at: whether this thread or actor took it, and by this label, where one is given. */
export function took(k: object, actor: string, label?: string): boolean {
  const { step } = positionsOf(k, "took");
  return step !== null && step.actor === actor && (label === undefined || step.label === label);
}
