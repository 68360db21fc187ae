/**
 * The machines of the specification with the abstractions of the implementation: what each step of a kernel scenario is
 * held to. `thpcheck.config.ts` registers them for every scenario that has a kernel's structs.
 */
import type { Refinement, Scenario } from "thpcheck";
import type { Abstraction } from "../../impl/abstraction/abstraction.ts";
import { pinsMax } from "../../impl/abstraction/folio.ts";
import { ABSTRACTIONS } from "../../impl/abstraction/index.ts";
import type { KernelConfig } from "../../impl/config/options.ts";
import type { KernelStructs } from "../../impl/mm-types.ts";
import { machineNamed } from "../../spec/alphabet.ts";
import type { Bounds } from "../../spec/bounds.ts";
import { EV, type EventName } from "../../spec/events.ts";
import { REFUSED, type Context, type MachineTable } from "../../spec/machine-table.ts";
import { sizesOf } from "../../spec/machine.ts";
import { compileMachine } from "../../spec/table.ts";

type Route = Refinement["events"][number]["route"];

/** Structs that a kernel has. */
const KERNEL_STRUCTS: readonly (keyof KernelStructs)[] = ["page", "mm", "vma", "ptTable", "cpu", "khugepaged", "deferredSplit", "collapse"];

/** The machines that a scenario is held to: all that have an abstraction, if it is one of the kernel; else none. */
export function kernelMachines(scenario: Scenario): readonly Refinement[] {
  if (!("structs" in scenario) || !KERNEL_STRUCTS.every((name) => name in scenario.structs)) return [];
  const config = scenario.config as unknown as KernelConfig;
  return ABSTRACTIONS.filter((a) => a.when?.(config) ?? true).map((a) => refinementOf(a, config));
}

/** Tables are filled as they are asked, and serve every scenario of the process. */
const tables = new Map<string, MachineTable>();
function tableOf(machine: string): MachineTable {
  const table = tables.get(machine) ?? compileMachine(machineNamed(machine));
  tables.set(machine, table);
  return table;
}

export function refinementOf(a: Abstraction, c: KernelConfig): Refinement {
  const table = tableOf(a.machine);
  const { spec } = table;
  const sizes = sizesOf(c, c.swapSlots, pinsMax(c.pagesPerHugePage));
  const numbers = new StateNumbers(a, c);
  const heard = new Set(table.transitions.map((t) => `${t.source} ${EV[t.event as EventName]}`));
  const inTable = (state: number): number => table.encode(numbers.value(state), numbers.context(state));
  return {
    machine: a.machine, instances: spec.instances(sizes), title: (i) => spec.title(i, sizes), bounds: { ...sizes },
    states: numbers.count, describe: (state) => numbers.describe(state),
    abstract: a.abstract, ...(a.sees === undefined ? {} : { sees: a.sees }),
    events: Object.entries(spec.alphabet).map(([name, letter]) => ({
      event: EV[name as EventName], name, payloads: letter.payloads(sizes), route: letter.route as unknown as Route,
    })),
    next: (state, event, payload) => {
      // Most questions need no answer of XState: the state has no arrow for the event, whatever its context.
      if (!heard.has(`${numbers.value(state)} ${event}`)) return REFUSED;
      const next = table.next(inTable(state), event, payload);
      return next === REFUSED ? REFUSED : numbers.number(table.value(next), table.context(next));
    },
    arrows: arrowsOf(table),
    arrow: (state, event, payload) => table.transitionId(inTable(state), event, payload),
  };
}

function arrowsOf(table: MachineTable): Refinement["arrows"] {
  return table.transitions.map(({ source, event, guard, target, lacks }) => {
    return { name: `${source} --${event}${guard === null ? "" : `[${guard}]`}--> ${target}`, lacks };
  });
}

/** Every arrow of the machines that scenarios are held to. */
export function kernelArrows(): { readonly machine: string; readonly arrows: Refinement["arrows"] }[] {
  return ABSTRACTIONS.map((a) => ({ machine: a.machine, arrows: arrowsOf(tableOf(a.machine)) }));
}

/** States as numbers, digit by digit; see impl/abstraction/abstraction.ts. */
export class StateNumbers {
  readonly #values: readonly string[];
  readonly #digits: readonly { readonly name: string; readonly size: number; readonly first: number; readonly truth: boolean }[];
  readonly count: number;

  constructor(a: Abstraction, bounds: Bounds) {
    this.#values = a.values;
    this.#digits = a.context.map((d) => ({ name: d.name, size: d.size(bounds), first: d.first ?? 0, truth: d.truth ?? false }));
    this.count = this.#digits.reduce((n, d) => n * d.size, this.#values.length);
  }

  value(state: number): string {
    return this.#values[state % this.#values.length]!;
  }

  context(state: number): Context {
    let rest = Math.floor(state / this.#values.length);
    return Object.fromEntries(this.#digits.map((d) => {
      const n = (rest % d.size) + d.first;
      rest = Math.floor(rest / d.size);
      return [d.name, d.truth ? n === 1 : n];
    }));
  }

  /** The number of a state; REFUSED for one beyond what the abstraction can tell. */
  number(value: string, context: Context): number {
    let number = 0;
    for (const d of [...this.#digits].reverse()) {
      const n = Number(context[d.name]) - d.first;
      if (n < 0 || n >= d.size) return REFUSED;
      number = number * d.size + n;
    }
    return number * this.#values.length + this.#values.indexOf(value);
  }

  describe(state: number): string {
    const context = Object.entries(this.context(state));
    if (context.length === 0) return this.value(state);
    return `${this.value(state)} {${context.map(([name, v]) => `${name}: ${String(v)}`).join(", ")}}`;
  }
}
