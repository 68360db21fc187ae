/**
 * Compiles a machine into an integer transition table (`machine-table.ts`), lazily.
 *
 * Rows are states, columns are (event, payload) pairs; both get their numbers when they are first met. A cell holds the
 * number of the next state, REFUSED, or UNKNOWN, in which case XState is asked once. That the table and XState agree on
 * every sequence of events is tested; that no cell depends on more than value and context follows from the machines
 * being pure: no history, no timers, no actors, guards and actions of context and event alone.
 */
import type { AnyStateMachine, AnyTransitionDefinition } from "xstate";
import { transition } from "xstate";
import { EV, type EventName } from "./events.ts";
import { REFUSED, type Context, type MachineTable, type TransitionInfo } from "./machine-table.ts";
import type { MachineSpec } from "./machine.ts";

type Snapshot = ReturnType<AnyStateMachine["resolveState"]>;

const UNKNOWN = -2;
const NAMES = new Map<number, EventName>((Object.keys(EV) as EventName[]).map((name) => [EV[name], name]));

/** A machine of flat states with a context of numbers and truth values. Throws RangeError for any other. */
export function compileMachine(spec: MachineSpec): MachineTable {
  return new LazyTable(spec);
}

class LazyTable implements MachineTable {
  readonly spec: MachineSpec;
  readonly initial: number;
  readonly transitions: readonly TransitionInfo[];
  readonly #machine: AnyStateMachine;
  readonly #keys: readonly string[];
  readonly #arrows = new Map<AnyTransitionDefinition, number>();
  readonly #snapshots: Snapshot[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #columns: number[][] = [];
  #columnCount = 0;
  /** By state, then column: next state; and which arrow leads there. */
  readonly #next: number[][] = [];
  readonly #taken: number[][] = [];

  constructor(spec: MachineSpec) {
    this.spec = spec;
    this.#machine = spec.machine;
    const start = this.#machine.getInitialSnapshot({} as never, undefined);
    this.#keys = Object.keys((start.context ?? {}) as object);
    this.transitions = this.#readArrows();
    this.initial = this.#intern(start);
  }

  get name(): string {
    return this.spec.name;
  }
  get states(): number {
    return this.#snapshots.length;
  }

  next(state: number, event: number, payload: number): number {
    const column = this.#columns[event]?.[payload] ?? this.#newColumn(event, payload);
    const known = this.#next[state]![column];
    return known === undefined || known === UNKNOWN ? this.#ask(state, column, event, payload) : known;
  }

  transitionId(state: number, event: number, payload: number): number {
    this.next(state, event, payload);
    return this.#taken[state]![this.#columns[event]![payload]!]!;
  }

  encode(value: string, context: Context): number {
    const known = this.#numbers.get(this.#key(value, context));
    if (known !== undefined) return known;
    if (this.#machine.root.states[value] === undefined) {
      const states = Object.keys(this.#machine.root.states).join(", ");
      throw new RangeError(`machine ${this.name}: there is no state "${value}"; there are ${states}`);
    }
    const keys = Object.keys(context);
    if (keys.length !== this.#keys.length || !keys.every((k) => this.#keys.includes(k))) {
      const [its, given] = [this.#keys, keys].map((list) => list.join(", ") || "nothing");
      throw new RangeError(`machine ${this.name}: its context has ${its}, and not ${given}`);
    }
    return this.#intern(this.#machine.resolveState({ value, context: { ...context } }));
  }

  value(state: number): string {
    return this.#snapshots[state]!.value as string;
  }
  context(state: number): Context {
    return (this.#snapshots[state]!.context ?? {}) as Context;
  }
  describe(state: number): string {
    const context = this.context(state);
    if (this.#keys.length === 0) return this.value(state);
    return `${this.value(state)} {${this.#keys.map((k) => `${k}: ${String(context[k])}`).join(", ")}}`;
  }

  #key(value: string, context: Context): string {
    let key = value;
    for (const k of this.#keys) key += `,${Number(context[k])}`;
    return key;
  }

  #intern(snapshot: Snapshot): number {
    if (typeof snapshot.value !== "string") {
      throw new RangeError(`machine ${this.name}: its states are not flat: ${JSON.stringify(snapshot.value)}`);
    }
    const key = this.#key(snapshot.value, (snapshot.context ?? {}) as Context);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.#snapshots.length);
    this.#next.push([]);
    this.#taken.push([]);
    return this.#snapshots.push(snapshot) - 1;
  }

  #newColumn(event: number, payload: number): number {
    const name = NAMES.get(event);
    if (name === undefined || this.spec.alphabet[name] === undefined) {
      throw new RangeError(`machine ${this.name}: event ${name ?? event} is not in its alphabet`);
    }
    (this.#columns[event] ??= [])[payload] = this.#columnCount;
    return this.#columnCount++;
  }

  #ask(state: number, column: number, event: number, payload: number): number {
    const name = NAMES.get(event)!;
    const object = { type: name, ...this.spec.alphabet[name]!.event(payload) };
    const snapshot = this.#snapshots[state]!;
    const arrow = (this.#machine.getTransitionData(snapshot, object) as AnyTransitionDefinition[])[0];
    let next = REFUSED;
    // An arrow without target and action would be an event that is ignored in style.
    if (arrow !== undefined && ((arrow.target?.length ?? 0) > 0 || arrow.actions.length > 0)) {
      next = this.#intern(transition(this.#machine, snapshot, object)[0]);
    }
    const row = this.#next[state]!;
    const taken = this.#taken[state]!;
    for (let i = row.length; i <= column; i++) {
      row[i] = UNKNOWN;
      taken[i] = REFUSED;
    }
    row[column] = next;
    taken[column] = next === REFUSED ? REFUSED : this.#arrows.get(arrow!)!;
    return next;
  }

  /** Every arrow in the order of the machine's text. */
  #readArrows(): TransitionInfo[] {
    const found: TransitionInfo[] = [];
    type Node = { readonly transitions: Map<string, AnyTransitionDefinition[]> };
    for (const [source, node] of Object.entries(this.#machine.root.states as Record<string, Node>)) {
      for (const [event, arrows] of node.transitions) {
        for (const arrow of arrows) {
          this.#arrows.set(arrow, found.length);
          const lacks = (arrow as { meta?: { lacks?: string } }).meta?.lacks ?? null;
          const target = arrow.target?.[0]?.key ?? source;
          found.push({ source, event, guard: guardText(arrow.guard), target, description: arrow.description ?? "", lacks });
        }
      }
    }
    return found;
  }
}

/** `onLru`, or `result(is: page_locked)`. */
function guardText(guard: unknown): string | null {
  if (guard === undefined || guard === null) return null;
  if (typeof guard === "string") return guard;
  const { type, params } = guard as { readonly type: string; readonly params?: Readonly<Record<string, unknown>> };
  return params === undefined ? type : `${type}(${Object.entries(params).map(([k, v]) => `${k}: ${String(v)}`).join(", ")})`;
}
