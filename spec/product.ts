/**
 * Several machines with a few instances each, under all orders of events: what the specification permits.
 *
 * An event with its arguments moves all instances that it names, in every machine of the product whose alphabet has it,
 * or none: it is enabled where all accept it. Events that move the same instances in the same way are one. A state is a
 * word for each instance, the number of its machine's state. Those numbers must be the same in every thread that
 * searches, so each table is explored to its limits before anything else asks it; what lies beyond the limits of a
 * machine's context is not entered.
 */
import { compileMachine } from "./table.ts";
import { argumentsOf, EVENT_NAMES } from "./domain.ts";
import { EV, type EventName } from "./events.ts";
import { REFUSED, type Context, type MachineTable } from "./machine-table.ts";
import type { MachineSpec, Sizes } from "./machine.ts";
import { explore, withinLimits } from "./reachable.ts";
import {
  STEP_DISABLED, STEP_TAKEN, type ActorInfo, type ActorPosition, type Explanation, type NamedValue, type PropertyKind,
  type TransitionSystem,
} from "../checker/system.ts";

/** A state of a product, for its invariants. */
export interface ProductView {
  readonly sizes: Sizes;
  value(machine: string, instance: number): string;
  /** A number or truth value (as 0 or 1) of the context. */
  number(machine: string, instance: number, key: string): number;
}

export interface ProductInvariant {
  readonly name: string;
  /** True, or the values that contradict it. */
  readonly holds: (v: ProductView) => true | Readonly<Record<string, unknown>>;
}

export interface Product {
  readonly machines: readonly MachineSpec[];
  readonly sizes: Sizes;
  /** Events that do not occur here. */
  readonly without?: readonly EventName[];
  /** Events that happen to be tried with fewer arguments: a bound of the model. */
  readonly only?: (event: EventName, args: readonly number[]) => boolean;
  readonly invariants: readonly ProductInvariant[];
  /** Witnesses that it does not have, since it leaves out the events that would lead there. */
  readonly unreachable?: readonly string[];
  /** Instances that begin in another state than their machine's initial one: a process that runs. */
  readonly begin?: readonly { readonly machine: string; readonly instance: number; readonly value: string; readonly context: Context }[];
}

/** One event with its arguments: moves of instances, each by a column of its machine's table. */
interface GroundEvent {
  readonly text: string;
  readonly slots: readonly number[];
  readonly tables: readonly Int32Array[];
  /** Columns of each table: the next state is table[state * columns + column]. */
  readonly columns: readonly number[];
  readonly widths: readonly number[];
}

interface Slot { readonly table: MachineTable; readonly instance: number; readonly title: string }

export class ProductSystem implements TransitionSystem {
  readonly stateWords: number;
  readonly vector: Int32Array;
  /** One for each event of the alphabets: its arguments are its branches. */
  readonly actors: readonly ActorInfo[];
  readonly always: readonly string[];
  readonly stepProperties: readonly string[] = [];
  readonly finally: readonly string[] = [];
  /** Each state of each machine: one that is never reached is reported. */
  readonly sometimes: readonly string[];

  readonly #slots: Slot[] = [];
  readonly #events: GroundEvent[][] = [];
  readonly #invariants: readonly ProductInvariant[];
  readonly #view: ProductView;
  readonly #initial: Int32Array;
  /** For each witness: the first slot, the number of slots, and which states of the machine show it. */
  readonly #witnesses: { readonly first: number; readonly count: number; readonly shown: Uint8Array }[] = [];
  /** Place among the enabled events of the actor to be taken, the event found there, the next one enabled. */
  #branch = 0;
  #resumeAt = 0;
  #resumeBranch = 0;
  #taken: GroundEvent | null = null;
  #following: number | null = null;

  constructor(product: Product) {
    const { sizes } = product;
    const first = new Map<string, number>();
    const tables = product.machines.map((spec) => compileMachine(spec));
    for (const table of tables) {
      first.set(table.name, this.#slots.length);
      for (let i = 0; i < table.spec.instances(sizes); i++) {
        this.#slots.push({ table, instance: i, title: `${table.name}: ${table.spec.title(i, sizes)}` });
      }
    }
    const begins = new Map((product.begin ?? []).map((b) => [first.get(b.machine)! + b.instance, b]));
    this.#initial = Int32Array.from(this.#slots, ({ table }, slot) => {
      const b = begins.get(slot);
      return b === undefined ? table.initial : table.encode(b.value, b.context);
    });
    const cells = new Map(tables.map((table) => [table, cellsOf(table, sizes, first.get(table.name)!, this.#initial)]));

    const actors: ActorInfo[] = [];
    for (const event of EVENT_NAMES) {
      const listening = tables.filter((t) => t.spec.alphabet[event] !== undefined);
      if (listening.length === 0 || product.without?.includes(event) === true) continue;
      const ground = groundEvents(event, listening, cells, first, product);
      if (ground.length === 0) continue;
      actors.push({ name: event, daemon: false });
      this.#events.push(ground);
    }
    this.actors = actors;
    this.stateWords = this.#slots.length;
    this.vector = new Int32Array(this.stateWords);
    this.#invariants = product.invariants;
    this.always = product.invariants.map((i) => i.name);
    this.sometimes = this.#planWitnesses(tables, product, first);
    this.#view = {
      sizes,
      value: (machine, instance) => this.#at(first, machine, instance).value,
      number: (machine, instance, key) => Number(this.#at(first, machine, instance).context[key]),
    };
  }

  #at(first: ReadonlyMap<string, number>, machine: string, instance: number): { value: string; context: Context } {
    const slot = first.get(machine)! + instance;
    const { table } = this.#slots[slot]!;
    const state = this.vector[slot]!;
    return { value: table.value(state), context: table.context(state) };
  }

  #planWitnesses(tables: readonly MachineTable[], { sizes, unreachable }: Product, first: ReadonlyMap<string, number>): string[] {
    const names: string[] = [];
    for (const table of tables) {
      for (const value of Object.keys(table.spec.machine.root.states as object)) {
        if (unreachable?.includes(`${table.name}: ${value}`) === true) continue;
        names.push(`${table.name}: ${value}`);
        const shown = Uint8Array.from({ length: table.states }, (_, s) => (table.value(s) === value ? 1 : 0));
        this.#witnesses.push({ first: first.get(table.name)!, count: table.spec.instances(sizes), shown });
      }
    }
    return names;
  }

  init(): void {
    this.vector.set(this.#initial);
    this.#branch = 0;
    this.#following = null;
    this.#resumeAt = this.#resumeBranch = 0;
  }

  step(actor: number): number {
    const events = this.#events[actor]!;
    let at = this.#nextEnabled(events, this.#resumeAt);
    for (let n = this.#resumeBranch; n < this.#branch && at < events.length; n++) at = this.#nextEnabled(events, at + 1);
    if (at >= events.length) {
      this.#resumeAt = this.#resumeBranch = this.#branch = 0;
      return STEP_DISABLED;
    }
    const event = events[at]!;
    // Looked for before the move: the next branch starts from the same state.
    const following = this.#nextEnabled(events, at + 1);
    this.#following = following < events.length ? following : null;
    const { slots, tables, columns, widths } = event;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      this.vector[slot] = tables[i]![this.vector[slot]! * widths[i]! + columns[i]!]!;
    }
    this.#taken = event;
    return STEP_TAKEN;
  }

  /** The first event from `at` on that is enabled in `vector`. */
  #nextEnabled(events: readonly GroundEvent[], at: number): number {
    const { vector } = this;
    search: for (let e = at; e < events.length; e++) {
      const { slots, tables, columns, widths } = events[e]!;
      for (let i = 0; i < slots.length; i++) if (tables[i]![vector[slots[i]!]! * widths[i]! + columns[i]!]! < 0) continue search;
      return e;
    }
    return events.length;
  }

  nextBranch(): boolean {
    if (this.#following === null) {
      this.#branch = this.#resumeAt = this.#resumeBranch = 0;
      return false;
    }
    this.#branch++;
    this.#resumeAt = this.#following;
    this.#resumeBranch = this.#branch;
    this.#following = null;
    return true;
  }

  branch(): number[] {
    return [this.#branch];
  }

  setBranch(choices: readonly number[]): void {
    this.#branch = choices[0] ?? 0;
    this.#resumeAt = this.#resumeBranch = 0;
    this.#following = null;
  }

  checkState(): number {
    for (let i = 0; i < this.#invariants.length; i++) if (this.#invariants[i]!.holds(this.#view) !== true) return i;
    return -1;
  }
  checkStep(): number {
    return -1;
  }
  checkEnd(): number {
    return -1;
  }
  isBroken(kind: PropertyKind, index: number): boolean {
    return kind === "always" && this.#invariants[index]!.holds(this.#view) !== true;
  }
  witness(index: number): boolean {
    const { first, count, shown } = this.#witnesses[index]!;
    for (let i = 0; i < count; i++) if (shown[this.vector[first + i]!] === 1) return true;
    return false;
  }
  /** Nothing ends: a state in which no event is possible is a dead end of the specification. */
  atRest(): boolean {
    return false;
  }
  label(): string {
    return this.#taken?.text ?? "";
  }
  branchNames(): string[] {
    return [];
  }
  position(actor: number): ActorPosition {
    return { label: this.actors[actor]!.name, stack: [], waitsFor: null };
  }
  values(): NamedValue[] {
    return this.#slots.map(({ table, title }, slot) => ({ name: title, value: table.describe(this.vector[slot]!) }));
  }
  statistics(): NamedValue[] {
    return [];
  }
  explain(kind: PropertyKind, index: number): Explanation | null {
    if (kind !== "always") return null;
    const { name, holds } = this.#invariants[index]!;
    const result = holds(this.#view);
    const values = result === true ? [] : Object.entries(result).map(([key, value]) => ({ name: key, value: String(value) }));
    return { conjunct: name, values, source: null };
  }
}

interface Cells { readonly table: Int32Array; readonly width: number; readonly column: ReadonlyMap<string, number> }

/** The machine's table within its limits, as a dense array. */
function cellsOf(table: MachineTable, sizes: Sizes, firstSlot: number, initial: Int32Array): Cells {
  const begins = new Set([table.initial, ...initial.slice(firstSlot, firstSlot + table.spec.instances(sizes))]);
  const { states } = explore(table, sizes, [...begins]);
  const column = new Map<string, number>();
  for (const [name, letter] of Object.entries(table.spec.alphabet)) {
    for (let p = 0; p < letter.payloads(sizes); p++) column.set(`${name} ${p}`, column.size);
  }
  const width = column.size;
  const cells = new Int32Array(table.states * width).fill(REFUSED);
  for (const state of states) {
    for (const [key, c] of column) {
      const [name, payload] = key.split(" ") as [EventName, string];
      const next = table.next(state, EV[name], Number(payload));
      if (next !== REFUSED && withinLimits(table, next, sizes)) cells[state * width + c] = next;
    }
  }
  return { table: cells, width, column };
}

/** The event's arguments, without those that no state accepts and those that are the same as others. */
function groundEvents(
  event: EventName, listening: readonly MachineTable[], cells: ReadonlyMap<MachineTable, Cells>, first: ReadonlyMap<string, number>,
  product: Product,
): GroundEvent[] {
  const different = new Map<string, GroundEvent>();
  for (const args of argumentsOf(event, product.sizes)) {
    if (product.only?.(event, args) === false) continue;
    const moves: { slot: number; table: Int32Array; column: number; width: number }[] = [];
    for (const table of listening) {
      const { table: dense, width, column } = cells.get(table)!;
      table.spec.alphabet[event]!.route(args, product.sizes, (instance, payload) => {
        if (instance >= table.spec.instances(product.sizes)) return;
        moves.push({ slot: first.get(table.name)! + instance, table: dense, column: column.get(`${event} ${payload}`) ?? -1, width });
      });
    }
    if (moves.length === 0) continue;
    const unknown = moves.find((m) => m.column < 0);
    if (unknown !== undefined) throw new RangeError(`${event}(${args.join(", ")}): a payload outside of what the alphabet says there is`);
    const key = moves.map((m) => `${m.slot}:${m.column}`).join(" ");
    if (different.has(key)) continue;
    different.set(key, {
      text: `${event}(${args.join(", ")})`, slots: moves.map((m) => m.slot), tables: moves.map((m) => m.table),
      columns: moves.map((m) => m.column), widths: moves.map((m) => m.width),
    });
  }
  return [...different.values()];
}
