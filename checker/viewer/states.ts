/** The states of a trace, put together again from what differs between them. */
import type { ProgramData, StateData, Standing, TraceData } from "../page/data.ts";

/** What is known of a state beside its words: each list holds what is true from then on. */
export interface StateFacts {
  /** Named values that no field is, in the order in which they came up. */
  readonly named: ReadonlyMap<string, string>;
  /** By actor. */
  readonly stands: readonly Standing[];
  /** By instance. */
  readonly machines: readonly (string | null)[];
}

export class States {
  readonly #words: readonly Int32Array[];
  readonly #facts: readonly StateFacts[];

  constructor({ states }: TraceData) {
    this.#words = inTurn(states, Int32Array.from(states[0]!.words), (before, { words }) => {
      const after = before.slice();
      for (let n = 0; n < words.length; n += 2) after[words[n]!] = words[n + 1]!;
      return after;
    });
    const nothing: StateFacts = { named: new Map(), stands: [], machines: [] };
    this.#facts = inTurn(states, stateAfter(nothing, states[0]!), stateAfter);
  }

  /** How many there are: one more than steps. */
  get count(): number { return this.#words.length; }

  /** The words of state `n`, which nobody may change. */
  words(n: number): Int32Array { return this.#words[n]!; }
  facts(n: number): StateFacts { return this.#facts[n]!; }
}

/** The first, and what each of the others makes of the one before. */
function inTurn<T>(states: readonly StateData[], first: T, next: (before: T, state: StateData) => T): T[] {
  const all = [first];
  for (const state of states.slice(1)) all.push(next(all.at(-1)!, state));
  return all;
}

function stateAfter(before: StateFacts, { named, stands, machines }: StateData): StateFacts {
  return { named: replaced(before.named, named), stands: updated(before.stands, stands), machines: updated(before.machines, machines) };
}

function replaced(before: ReadonlyMap<string, string>, changes: StateData["named"]): ReadonlyMap<string, string> {
  const after = new Map(before);
  for (const [name, value] of changes) {
    if (value === null) after.delete(name);
    else after.set(name, value);
  }
  return after;
}

function updated<T>(before: readonly T[], changes: readonly (readonly [number, T])[]): readonly T[] {
  const after = before.slice();
  for (const [n, value] of changes) after[n] = value;
  return after;
}

/** The name of the lock's field, and of which object it is. */
export function lockNamed(program: ProgramData, name: string): { readonly field: string; readonly i: number } | null {
  const { layout } = program;
  const lock = layout?.locks.find((l) => l.name === name);
  const field = layout?.fields.find((f) => f.path === lock?.lockClass);
  return lock === undefined || field === undefined ? null : { field: field.path, i: lock.id - field.lockBase };
}
