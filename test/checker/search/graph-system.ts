/** A transition system given as an explicit graph: what random tests explore, with a naive search to compare. */
import type {
  ActorInfo, ActorPosition, Explanation, Fairness, Liveness, LivenessPromise, NamedValue, PropertyKind, Recurring, TransitionSystem,
} from "../../../checker/system.ts";
import { STEP_DISABLED, STEP_TAKEN } from "../../../checker/system.ts";
import { StepFault } from "../../../checker/fault.ts";
import { BranchScript } from "./branch-script.ts";

/** Target of a step that fails with an assertion. */
export const FAULT = -1;

export interface Graph {
  readonly actors: number;
  /** Initial nodes, in the order of the branches of `init`. */
  readonly initial: readonly number[];
  /** `steps[node][actor]`: the targets of the actor's branches at the node; FAULT fails; no branch: cannot move. */
  readonly steps: readonly (readonly (readonly number[])[])[];
  /** Of each node, the state property it violates, or -1. */
  readonly bad: readonly number[];
  /** Nodes that violate "p1" besides what `bad` says. */
  readonly alsoBad?: readonly boolean[];
  /** Nodes at which every actor is at rest. */
  readonly resting: readonly boolean[];
  /** Resting nodes that violate the end-state property. */
  readonly badEnd: readonly boolean[];
  /** Steps (from, to) that violate the step property. */
  readonly badSteps: readonly (readonly [number, number])[];
  /** Nodes that show the witnesses "w0", "w1". */
  readonly shown: readonly (readonly number[])[];
  /** Of each promise "r0", "r1" that something recurs, the nodes that show it. */
  readonly recurring?: readonly (readonly number[])[];
  /** Promises about whole runs: of each predicate the nodes that show it, and how fair runs are to each actor. */
  readonly live?: {
    readonly promises: readonly LivenessPromise[]; readonly shown: readonly (readonly number[])[]; readonly fairness: readonly Fairness[];
  };
  /** Words of a state; the node is spread over them. */
  readonly words: number;
  /** Nodes whose steps take 20 ms, so that several workers get something to do. */
  readonly slow?: readonly number[];
}

const SLEEP = new Int32Array(new SharedArrayBuffer(4));

export function instantiate(graph: Graph): GraphSystem {
  return new GraphSystem(graph);
}

/** The state properties that the node violates, in order. */
function brokenAt({ bad, alsoBad }: Graph, node: number): number[] {
  return [0, 1].filter((p) => bad[node] === p || (p === 1 && alsoBad?.[node] === true));
}

export class GraphSystem implements TransitionSystem {
  readonly stateWords: number;
  readonly vector: Int32Array;
  readonly actors: readonly ActorInfo[];
  readonly always = ["p0", "p1"];
  readonly stepProperties: readonly string[];
  readonly finally = ["end"];
  readonly sometimes: readonly string[];
  readonly recurring?: Recurring;
  readonly liveness?: Liveness;
  readonly #graph: Graph;
  readonly #script = new BranchScript();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.stateWords = graph.words;
    this.vector = new Int32Array(graph.words + 1);
    this.actors = Array.from({ length: graph.actors }, (_, i) => ({ name: `a${i}`, daemon: false }));
    this.stepProperties = graph.badSteps.length > 0 ? ["s0"] : [];
    this.sometimes = graph.shown.map((_, i) => `w${i}`);
    const { recurring, live } = graph;
    if (live !== undefined) {
      const holds = (predicate: number): boolean => live.shown[predicate]!.includes(this.#node);
      this.liveness = { promises: live.promises, predicates: live.shown.length, fairness: live.fairness, holds };
    }
    if (recurring !== undefined) {
      this.recurring = { names: recurring.map((_, i) => `r${i}`), holds: (index) => recurring[index]!.includes(this.#node) };
    }
  }

  get #node(): number {
    return this.vector[0]! & 0xffffff;
  }
  #enter(node: number): void {
    this.vector.fill(0);
    this.vector[0] = node;
    if (this.stateWords > 1) this.vector[this.stateWords - 1]! |= node << 24;
    // A statistic: outside the state.
    this.vector[this.stateWords] = Math.floor(node * 7);
  }

  init(): void {
    this.#script.begin();
    const { initial } = this.#graph;
    this.#enter(initial.length === 1 ? initial[0]! : initial[this.#script.choose(initial.length)]!);
  }
  step(actor: number): number {
    this.#script.begin();
    const node = this.#node;
    const targets = this.#graph.steps[node]![actor]!;
    if (targets.length === 0) return STEP_DISABLED;
    const target = targets.length === 1 ? targets[0]! : targets[this.#script.choose(targets.length)]!;
    if (this.#graph.slow?.includes(node) === true) Atomics.wait(SLEEP, 0, 0, 20);
    // A failing step leaves the vector half written.
    this.vector[0] = -1;
    if (target === FAULT) throw new StepFault("assertion", "the step fails");
    this.#enter(target);
    return STEP_TAKEN;
  }
  nextBranch(): boolean { return this.#script.next(); }
  branch(): number[] { return this.#script.taken(); }
  setBranch(choices: readonly number[]): void { this.#script.set(choices); }
  checkState(): number { return brokenAt(this.#graph, this.#node)[0] ?? -1; }
  checkStep(before: Int32Array): number {
    const from = before[0]! & 0xffffff;
    return this.#graph.badSteps.some(([a, b]) => a === from && b === this.#node) ? 0 : -1;
  }
  checkEnd(): number { return this.#graph.badEnd[this.#node] === true ? 0 : -1; }
  isBroken(kind: PropertyKind, index: number, before: Int32Array | null): boolean {
    if (kind === "always") return brokenAt(this.#graph, this.#node).includes(index);
    return kind === "step" ? this.checkStep(before!) === index : this.checkEnd() === index;
  }
  witness(index: number): boolean { return this.#graph.shown[index]!.includes(this.#node); }
  atRest(): boolean { return this.#graph.resting[this.#node]!; }
  label(): string { return "go"; }
  branchNames(): string[] { return this.branch().map((c) => `to=${c}`); }
  position(): ActorPosition { return { label: "go", stack: [], waitsFor: { lock: "l", holders: ["a0"] } }; }
  values(): NamedValue[] { return [{ name: "node", value: String(this.#node) }]; }
  statistics(): NamedValue[] { return []; }
  explain(kind: string): Explanation | null { return { conjunct: `${kind} at ${this.#node}`, values: [], source: null }; }
}

export interface NaiveViolation {
  readonly kind: string;
  readonly name: string;
  readonly path: { readonly initial: readonly number[]; readonly steps: readonly { actor: number; choices: readonly number[] }[] };
}
export interface NaiveOutcome {
  readonly states: number;
  readonly transitions: number;
  readonly levels: readonly number[];
  readonly terminals: number;
  /** The shortest, then first by kind and index, then fewest context switches, then lexicographic. */
  readonly violation: NaiveViolation | null;
  /** Everything that is broken: in the level of that one, or, of a search that does not stop there, in any; each by its best path. */
  readonly broken: readonly NaiveViolation[];
}

type Step = { actor: number; choices: number[] };
/** A path to a node at the current level, the best of those that end with the same actor. */
interface Way { readonly node: number; readonly initial: number[]; readonly steps: Step[]; readonly switches: number }

const RANK = ["p0", "p1", "s0", "assertion", "deadlock", "end"];
const KIND: Readonly<Record<string, string>> = { p0: "always", p1: "always", s0: "step", assertion: "fault", deadlock: "deadlock", end: "finally" };

/** Explores by Sets and arrays; finds the best violation by carrying the best way to each (node, last actor) forward. */
export function naiveSearch(graph: Graph, stopAtViolation: boolean): NaiveOutcome {
  const seen = new Set<number>();
  const levels: number[] = [];
  let transitions = 0;
  let terminals = 0;
  const violations: { name: string; way: Way; length: number }[] = [];
  let level = new Map<string, Way>();
  for (const [i, node] of graph.initial.entries()) {
    const way: Way = { node, initial: graph.initial.length === 1 ? [] : [i], steps: [], switches: 0 };
    keepBest(level, way);
    if (!seen.has(node)) for (const p of brokenAt(graph, node)) violations.push({ name: `p${p}`, way, length: 0 });
    seen.add(node);
  }
  while (level.size > 0) {
    const nodes = new Set([...level.values()].map((w) => w.node));
    levels.push(nodes.size);
    if (violations.length > 0 && stopAtViolation) break;
    const next = new Map<string, Way>();
    const found: { name: string; way: Way; length: number }[] = [];
    const newNodes = new Set<number>();
    for (const node of nodes) {
      const out = graph.steps[node]!.flat();
      transitions += out.length;
      for (const target of out) if (target !== FAULT && !seen.has(target)) newNodes.add(target);
      if (out.length === 0 && graph.resting[node]!) terminals++;
    }
    for (const way of level.values()) {
      const { node, steps } = way;
      if (graph.steps[node]!.every((t) => t.length === 0)) {
        if (!graph.resting[node]!) found.push({ name: "deadlock", way, length: steps.length });
        else if (graph.badEnd[node]!) found.push({ name: "end", way, length: steps.length });
      }
      for (const [actor, targets] of graph.steps[node]!.entries()) {
        for (const [c, target] of targets.entries()) {
          const step = { actor, choices: targets.length === 1 ? [] : [c] };
          const switches = way.switches + (steps.length > 0 && steps.at(-1)!.actor !== actor ? 1 : 0);
          const longer: Way = { node: target, initial: way.initial, steps: [...steps, step], switches };
          if (target === FAULT) {
            found.push({ name: "assertion", way: longer, length: steps.length + 1 });
            continue;
          }
          if (graph.badSteps.some(([a, b]) => a === node && b === target)) found.push({ name: "s0", way: longer, length: steps.length + 1 });
          if (!newNodes.has(target)) continue;
          keepBest(next, longer);
          for (const p of brokenAt(graph, target)) found.push({ name: `p${p}`, way: longer, length: steps.length + 1 });
        }
      }
    }
    for (const node of newNodes) seen.add(node);
    violations.push(...found);
    level = next;
  }
  violations.sort((a, b) => a.length - b.length || RANK.indexOf(a.name) - RANK.indexOf(b.name) || compareWays(a.way, b.way));
  const broken = violations.filter((v, i) => violations.findIndex((w) => w.name === v.name) === i)
    .map(({ name, way }) => ({ kind: KIND[name]!, name, path: { initial: way.initial, steps: way.steps } }));
  return {
    states: seen.size, transitions, levels, terminals,
    violation: broken[0] ?? null, broken,
  };
}

function keepBest(level: Map<string, Way>, way: Way): void {
  const key = `${way.node} ${way.steps.at(-1)?.actor}`;
  const known = level.get(key);
  if (known === undefined || compareWays(way, known) < 0) level.set(key, way);
}

function compareWays(a: Way, b: Way): number {
  if (a.switches !== b.switches) return a.switches - b.switches;
  const order = compareNumbers(a.initial, b.initial);
  if (order !== 0) return order;
  for (let i = 0; i < Math.min(a.steps.length, b.steps.length); i++) {
    const x = a.steps[i]!;
    const y = b.steps[i]!;
    const step = x.actor - y.actor || compareNumbers(x.choices, y.choices);
    if (step !== 0) return step;
  }
  return a.steps.length - b.steps.length;
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
