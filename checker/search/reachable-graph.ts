/**
 * All reachable states with all steps between them, for programs that draw or examine graphs.
 *
 * A search keeps neither: this one keeps whole states (nothing is lost to a collision) and every step, and goes on where a promise
 * breaks. States are numbered breadth-first, steps of a state are in the order of its actors and their choices, so the same program
 * has the same graph every time. A graph that is whole has as many states and steps as `check` counts, and besides a node for each
 * way in which a step goes wrong.
 *
 * Not looked for: traps (an end that can no longer be reached), which whoever has the graph can find in it.
 */
import type { TransitionSystem } from "../system.ts";
import type { Broken } from "./candidate.ts";
import { judgeState, judgeStep, judgeTerminal } from "./judge.ts";
import { forEachInitial, forEachStep } from "./steps.ts";

export interface GraphNode {
  readonly initial: boolean;
  /** Steps from the nearest initial state. */
  readonly depth: number;
  /** "fault": no state, but a step that went wrong. "open": its steps are not known, because the bound was reached. */
  readonly kind: "state" | "open" | "fault";
  /** No actor can move; of an open state nobody knows. */
  readonly terminal: boolean;
  /** The promises that the state breaks, as an end state too, or the rule that a step broke. */
  readonly violations: readonly string[];
}

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly actor: string;
  /** The name of the step, then its choices: `take page = 3`. */
  readonly label: string;
  /** The promises about steps that this one breaks. */
  readonly violations: readonly string[];
}

export interface ReachableGraph {
  readonly nodes: readonly GraphNode[];
  /** By `from`, then by actor and choices. */
  readonly edges: readonly GraphEdge[];
  /** Why it is not whole, as the end of a sentence; null: it is. */
  readonly stopReason: string | null;
}

export interface GraphBounds {
  /** From so many states on no further state is expanded: the graph has a few more, by the steps of the last one. */
  readonly maxStates: number;
  /** Asked now and then; true: no further state is expanded. */
  readonly shouldStop: () => boolean;
}

/** States expanded between two times that signals are heard. */
const STATES_BETWEEN_PAUSES = 500;

/** Nodes are put down in two parts: found, then expanded. */
interface Found {
  readonly initial: boolean;
  readonly depth: number;
  readonly violations: string[];
  /** Null: not expanded. */
  steps: number | null;
  readonly isFault: boolean;
}

/** The reachable states of the system, breadth-first from its initial ones, up to the bounds. */
export async function reachableGraph(system: TransitionSystem, bounds: GraphBounds): Promise<ReachableGraph> {
  const collector = new Collector(system);
  collector.begin();
  let stopReason: string | null = null;
  for (let at = 0; at < collector.found.length && stopReason === null; at++) {
    if (at % STATES_BETWEEN_PAUSES === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      if (bounds.shouldStop()) stopReason = "it was interrupted";
    }
    if (collector.states >= bounds.maxStates && collector.isOpen(at)) stopReason = `the bound of ${bounds.maxStates} states was reached`;
    if (stopReason === null) collector.expand(at);
  }
  return { ...collector.graph(), stopReason };
}

class Collector {
  readonly found: Found[] = [];
  readonly #edges: GraphEdge[] = [];
  readonly #system: TransitionSystem;
  readonly #numbers = new Map<string, number>();
  readonly #words: Int32Array[] = [];
  /** By what went wrong, the node that stands for it. */
  readonly #faults = new Map<string, number>();

  constructor(system: TransitionSystem) {
    this.#system = system;
  }

  get states(): number {
    return this.#numbers.size;
  }

  begin(): void {
    forEachInitial(this.#system, (_, fault) => { this.#numberOf(fault, 0, true); });
  }

  /** Whether node `at` is a state whose steps are not known. */
  isOpen(at: number): boolean {
    const { isFault, steps } = this.found[at]!;
    return !isFault && steps === null;
  }

  expand(from: number): void {
    const node = this.found[from]!;
    if (node.isFault) return;
    const system = this.#system;
    const before = this.#words[from]!;
    node.steps = forEachStep(system, before, 0, (actor, _, fault) => {
      const name = system.actors[actor]!.name;
      const label = fault === null ? system.label() : system.position(actor).label ?? name;
      const violations = fault === null ? namesOf(judgeStep(system, before)) : [];
      const to = this.#numberOf(fault, node.depth + 1, false);
      this.#edges.push({ from, to, actor: name, label: [label, ...system.branchNames()].join(" "), violations });
    });
    if (node.steps === 0) node.violations.push(...namesOf(judgeTerminal(system).broken));
  }

  graph(): Omit<ReachableGraph, "stopReason"> {
    const nodes = this.found.map(({ initial, depth, violations, steps, isFault }): GraphNode => ({
      initial, depth, violations, kind: isFault ? "fault" : steps === null ? "open" : "state", terminal: steps === 0,
    }));
    return { nodes, edges: this.#edges };
  }

  /** Of the state in the system's vector, or of the fault. */
  #numberOf(fault: Broken | null, depth: number, initial: boolean): number {
    if (fault !== null) return this.#numberOfFault(fault, depth, initial);
    const words = this.#system.vector.slice(0, this.#system.stateWords);
    const key = Buffer.from(words.buffer).toString("latin1");
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#add({ initial, depth, violations: namesOf(judgeState(this.#system)), steps: null, isFault: false }, words);
    this.#numbers.set(key, number);
    return number;
  }

  #numberOfFault({ name, message }: Broken, depth: number, initial: boolean): number {
    const what = `${name}: ${message}`;
    const known = this.#faults.get(what);
    if (known !== undefined) return known;
    const number = this.#add({ initial, depth, violations: [what], steps: null, isFault: true }, new Int32Array(0));
    this.#faults.set(what, number);
    return number;
  }

  #add(node: Found, words: Int32Array): number {
    this.#words.push(words);
    return this.found.push(node) - 1;
  }
}

const namesOf = (broken: readonly Broken[]): string[] => broken.map((b) => b.name);
