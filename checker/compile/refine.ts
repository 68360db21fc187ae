/**
 * Compiles the refinements of a scenario: abstractions and routes become part of the emitted program, the machines a
 * table, and what each abstraction can read a mask over the state vector.
 */
import { UNKNOWN, type MachinePlan, type RefinementPlan } from "../refinement-plan.ts";
import type { Ask } from "../image/compiled-system.ts";
import type { RefiningFunctions } from "../image/image.ts";
import { answer, type Refinement } from "../refinement.ts";
import type { LinkedFunction, Linker } from "./link.ts";
import { unknownOrigin } from "./unknown-origin.ts";
import { generateCode } from "./generate.ts";
import { threadsAskedBy } from "./position-uses.ts";
import { bitsOf, forEachRead } from "./reads.ts";
import { EVENT_WORDS, STEP_EVENTS_MAX, refinementRuntimeText } from "../image/refinement-runtime.ts";

/** The functions of a machine, as emitted. */
interface LinkedMachine {
  readonly refinement: Refinement;
  readonly abstract: LinkedFunction;
  readonly abstractBefore: LinkedFunction;
  readonly routes: readonly LinkedFunction[];
}

/** Which instances depend on which bits. */
type ReadSets = Pick<RefinementPlan,
  "words" | "masks" | "firstGroup" | "groupMasks" | "groupNeeds" | "firstTouched" | "touchedWords" | "touchedBits">;

export class RefinementCompiler {
  readonly #linker: Linker;
  readonly #machines: readonly LinkedMachine[];
  readonly #bounds: readonly string[];

  /** Links what the refinements consist of; the linker must then be drained. */
  constructor(linker: Linker, refinements: readonly Refinement[]) {
    this.#linker = linker;
    const link = (f: unknown, name: string, worlds: readonly ("" | "P" | null)[]): LinkedFunction =>
      linker.link(f, name, { purpose: "always", worlds, straight: false }, () => {
      throw new Error(unknownOrigin(name));
    });
    const twice = refinements.find((r, i) => refinements.findIndex((x) => x.machine === r.machine) !== i);
    if (twice !== undefined) throw new Error(`two machines are named ${twice.machine}`);
    this.#machines = refinements.map((refinement) => ({
      refinement,
      abstract: link(refinement.abstract, `abstraction of ${refinement.machine}`, ["", null]),
      abstractBefore: link(refinement.abstract, `abstraction of ${refinement.machine}`, ["P", null]),
      routes: refinement.events.map((e) => link(e.route, `route of ${e.name} to ${refinement.machine}`, [null, null, null])),
    }));
    this.#bounds = refinements.map((r) => generateCode(linker.constant(r.bounds, "bounds", (why) => {
      throw new Error(`machine ${r.machine}: ${why}`);
    })));
  }

  /** The tables, with every cell unknown. */
  plan(): RefinementPlan {
    const { machines, cells } = machinePlans(this.#machines.map((m) => m.refinement));
    return {
      machines, cells: new Int32Array(cells).fill(UNKNOWN),
      eventNames: Object.fromEntries(this.#machines.flatMap(({ refinement }) => refinement.events.map((e) => [e.event, e.name]))),
      machineOf: Int16Array.from(machines.flatMap((m, n) => Array.from({ length: m.instances }, () => n))),
      ...this.#readSets(machines),
    };
  }

  /** Which instances depend on which bits. */
  #readSets(machines: readonly MachinePlan[]): ReadSets {
    const { plan } = this.#linker;
    // For each word: the bits that each instance may read, and under which condition (see `groupNeeds`).
    const readers = new Map<number, Map<string, { instance: number; mask: number; need: number }>>();
    for (const [n, { abstract, refinement }] of this.#machines.entries()) {
      const m = machines[n]!;
      if (threadsAskedBy(this.#linker.reads, abstract.emitted).size > 0) {
        throw new Error(`machine ${m.name}: its abstraction asks where threads stand; it is read from the structs alone`);
      }
      for (let i = 0; i < m.instances; i++) {
        const instance = m.firstInstance + i;
        forEachRead(this.#linker.reads, abstract.emitted, [i], (field, a, b) => {
          const seen = refinement.sees?.[field.path] ?? null;
          if (seen !== null && field.min !== 0) {
            throw new Error(`machine ${m.name}: ${field.path} is not stored as it is, so no bits of it can be singled out`);
          }
          for (const { word, mask } of bitsOf(field, a, b, plan.maskBytes)) {
            const ofWord = readers.get(word) ?? new Map<string, { instance: number; mask: number; need: number }>();
            readers.set(word, ofWord);
            const key = `${instance} ${seen !== null}`;
            const read = ofWord.get(key) ?? { instance, mask: 0, need: 0 };
            ofWord.set(key, read);
            read.mask |= mask;
            // Two elements in one word: one of them having the bit is condition enough for both.
            if (seen !== null) read.need |= (seen << (31 - Math.clz32(mask & -mask))) & mask;
          }
        });
      }
    }
    const words = [...readers.keys()].sort((a, b) => a - b);
    const masks: number[] = [];
    const firstGroup: number[] = [0];
    const groupMasks: number[] = [];
    const groupNeeds: number[] = [];
    const firstTouched: number[] = [0];
    const touchedWords: number[] = [];
    const touchedBits: number[] = [];
    for (const word of words) {
      const groups = new Map<string, { mask: number; need: number; instances: number[] }>();
      for (const { instance, mask, need } of readers.get(word)!.values()) {
        const key = `${mask} ${need}`;
        const group = groups.get(key) ?? { mask, need, instances: [] };
        groups.set(key, group);
        group.instances.push(instance);
      }
      masks.push([...groups.values()].reduce((all, g) => all | g.mask, 0));
      for (const { mask, need, instances } of groups.values()) {
        groupMasks.push(mask);
        groupNeeds.push(need);
        const sets = new Map<number, number>();
        for (const x of instances) sets.set(x >> 5, (sets.get(x >> 5) ?? 0) | (1 << (x & 31)));
        for (const [w, bits] of sets) {
          touchedWords.push(w);
          touchedBits.push(bits);
        }
        firstTouched.push(touchedWords.length);
      }
      firstGroup.push(groupMasks.length);
    }
    return {
      words: Int32Array.from(words), masks: Int32Array.from(masks), firstGroup: Int32Array.from(firstGroup),
      groupMasks: Int32Array.from(groupMasks), groupNeeds: Int32Array.from(groupNeeds),
      firstTouched: Int32Array.from(firstTouched), touchedWords: Int32Array.from(touchedWords), touchedBits: Int32Array.from(touchedBits),
    };
  }

  /** The emitted names of all functions, and how events concern machines. */
  functions(): RefiningFunctions {
    const routes = this.#machines.flatMap(({ refinement, routes: linked }, machine) => {
      let column = 0;
      return refinement.events.map(({ event, payloads }, e) => {
        const first = column;
        column += payloads;
        return { event, machine, first, end: column, bounds: this.#bounds[machine]!, route: linked[e]!.emitted };
      });
    });
    return {
      routes, abstractions: this.#machines.map((m) => m.abstract.emitted),
      abstractionsBefore: this.#machines.map((m) => m.abstractBefore.emitted),
    };
  }

  /**
   * The emitted text: `$refine()` after a step. Functions lie in arrays, and are called from one place each: a switch would have
   * V8 compile it anew whenever a case is met for the first time.
   */
  text(): string {
    const { abstractions, abstractionsBefore, routes } = this.functions();
    const lists = [...Map.groupBy(routes, (r) => r.event)].map(([event, ofEvent]) => {
      const calls = ofEvent.map(({ machine, first, end, bounds, route }) =>
        `{ machine: ${machine}, first: ${first}, end: ${end}, bounds: ${bounds}, route: ${route} }`);
      return `$routes[${event}] = [${calls.join(", ")}];`;
    });
    const parts = `{
  vector: $vector, before: $before, plan: $deps.refinement, events: $event, eventWords: ${EVENT_WORDS}, changed: $changed, routes: $routes,
  abstractions: [${abstractions.join(", ")}], abstractionsBefore: [${abstractionsBefore.join(", ")}], ask: $deps.ask, all: $deps.all,
}`;
    return `const $routes = [];
${lists.join("\n")}
const $refined = ${refinementRuntimeText(parts)};
function $refine() { return $refined.check($events, $changes); }`;
  }
}

/** What the machines are as data, and the cells that their tables take. */
export function machinePlans(refinements: readonly Refinement[]): { readonly machines: readonly MachinePlan[]; readonly cells: number } {
  const machines: MachinePlan[] = [];
  let instances = 0;
  let cells = 0;
  for (const r of refinements) {
    const columns = r.events.flatMap((e) => Array.from({ length: e.payloads }, (_, payload) => ({ event: e.event, payload })));
    const states = Array.from({ length: r.states }, (_, s) => s);
    machines.push({
      name: r.machine, firstInstance: instances, instances: r.instances,
      titles: Array.from({ length: r.instances }, (_, i) => r.title(i)),
      descriptions: states.map(r.describe), columns, firstCell: cells,
    });
    instances += r.instances;
    cells += r.states * columns.length;
  }
  return { machines, cells };
}

/** What answers the cells that are asked for: the machines themselves. */
export function askMachines(refinements: readonly Refinement[], plan: RefinementPlan): Ask {
  return (machine, state, column) => answer(refinements[machine]!, state, plan.machines[machine]!.columns[column]!);
}

const TOO_MANY_EVENTS = `$fault("assertion", "the step announces more than ${STEP_EVENTS_MAX.toLocaleString("en")} events", `
  + `Math.floor(head / ${EVENT_WORDS}));`;

/** The record of the events of a step. Always emitted with refinements, before the functions that announce. */
export const EVENT_RECORD = `const $event = new Int32Array(${EVENT_WORDS * STEP_EVENTS_MAX});
let $events = 0;
function $emit(event, head, a, b, c, d, e, f) {
  if ($events === ${EVENT_WORDS * STEP_EVENTS_MAX}) ${TOO_MANY_EVENTS}
  const at = $events;
  ${["event", "head", "a", "b", "c", "d", "e", "f"].map((name, i) => `$event[at${i === 0 ? "" : ` + ${i}`}] = ${name};`).join(" ")}
  $events = at + ${EVENT_WORDS};
}`;

/** The numbers of all events that some machine knows. */
export function alphabetOf(refinements: readonly Refinement[]): ReadonlySet<number> {
  return new Set(refinements.flatMap((r) => r.events.map((e) => e.event)));
}
