/**
 * All outcomes of a pair in the checker: every interleaving of the two calls, to the end. What calls count is no part of a state, so
 * states are told apart by what has been counted on the way as well.
 */
import { compileScenario } from "../../checker/compile/compile.ts";
import type { CompiledSystem } from "../../checker/image/compiled-system.ts";
import { bitOf } from "../../checker/program/layout.ts";
import { StateBytes, makeWorld } from "../../checker/program/world.ts";
import { forEachStep } from "../../checker/search/steps.ts";
import { before, modelMemory, modelOutcome } from "./model-outcome.ts";
import { modelProgram, SHOWN_RANGES, type K } from "./model-program.ts";
import { outcomeKey, type Outcome } from "./outcome.ts";
import { PAIRS, type Pair } from "./pairs.ts";

/** States that a pair may take. */
const STATES_MAX = 2_500_000;
/** Statistics that are compared; the others would only tell states apart. */
const COUNTED = /^(vmstat\.thp|vmstat\.khugepagedPagesCollapsed$|tracepoint\.)/;

export interface OutcomeSet {
  /** By `outcomeKey`. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** States that were looked at, from the moment at which both calls may begin. */
  readonly states: number;
  /** The memory then. */
  readonly memory: Pick<Outcome, "areas" | "pages">;
}

/** Programs of this process that are compiled. */
const compiled = new Map<string, CompiledSystem>();
/** The program of all pairs with so many pages per huge page, compiled once in this process. */
export function systemOf(release: string, pages: number): CompiledSystem {
  const key = `${release} ${pages}`;
  const system = compiled.get(key) ?? compileScenario(modelProgram(release, pages), { sourceMap: false }).system;
  compiled.set(key, system);
  return system;
}

interface Node {
  readonly words: Int32Array;
  /** What has been counted: by place in COUNTED statistics. */
  readonly counted: Uint8Array;
}
const keyOf = ({ words, counted }: Node): string =>
  Buffer.from(words.buffer, words.byteOffset, words.byteLength).toString("latin1") + Buffer.from(counted).toString("latin1");

/** Throws an Error where a promise of the kernel breaks, a thread never ends, or there are too many states. */
export function outcomeSet(release: string, pair: Pair): OutcomeSet {
  const system = systemOf(release, pair.pages);
  const { vector, stateWords, image } = system;
  const k = makeWorld(image.plan, new StateBytes(vector.buffer), stateWords * 4) as unknown as K;
  const places = countedWords(system);
  const start = beginning(system, k, pair);
  vector.set(start);
  const then = before(k);
  const memory = modelMemory(k, then.frames, SHOWN_RANGES);
  const outcomes = new Map<string, Outcome>();
  const first: Node = { words: start, counted: new Uint8Array(places.length) };
  const seen = new Set([keyOf(first)]);
  const open = [first];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.size > STATES_MAX) throw new Error(`${pair.name}: more than ${STATES_MAX} states`);
    const steps = forEachStep(system, node.words, 0, (actor, _, fault) => {
      if (fault !== null) throw new Error(`${pair.name}, ${system.actors[actor]!.name}: ${fault.message}`);
      const counted = node.counted.map((n, i) => n + vector[places[i]!]!);
      const next = { words: vector.slice(0, stateWords), counted };
      const key = keyOf(next);
      if (seen.has(key)) return;
      seen.add(key);
      open.push(next);
    });
    if (steps > 0) continue;
    vector.fill(0);
    vector.set(node.words);
    places.forEach((word, i) => { vector[word] = node.counted[i]!; });
    if (!k.forced.seen.get()) throw new Error(`${pair.name}: the two calls wait for one another`);
    const outcome = modelOutcome(pair, k, [[k.forced.a.get()], [k.forced.b.get()]], then, SHOWN_RANGES);
    outcomes.set(outcomeKey(outcome), outcome);
  }
  return { outcomes, states: seen.size, memory };
}

/** The state in which both calls may begin: until then only one thread can go on. Throws an Error where it is not so. */
export function beginning(system: CompiledSystem, k: K, pair: Pair): Int32Array {
  const { vector, stateWords } = system;
  system.setBranch([PAIRS.indexOf(pair)]);
  system.init();
  system.setBranch([]);
  for (;;) {
    const now = vector.slice(0, stateWords);
    if (k.gate.open.get()) return now;
    let next: Int32Array | null = null;
    const steps = forEachStep(system, now, 0, (_, __, fault) => {
      if (fault !== null) throw new Error(`${pair.name}: its memory cannot be made: ${fault.message}`);
      next = vector.slice(0, stateWords);
    });
    if (steps !== 1 || next === null) throw new Error(`${pair.name}: ${steps} ways to make its memory`);
    vector.set(next);
  }
}

/** Words of the vector that hold the statistics which are compared. */
function countedWords({ image: { plan }, stateWords }: CompiledSystem): readonly number[] {
  return plan.fields.filter((f) => f.role === "statistic" && COUNTED.test(f.path)).flatMap((f) => {
    if (f.bits !== 32 || f.offset % 4 !== 0) throw new Error(`[thpcheck internal] ${f.path} is no word of its own`);
    return Array.from({ length: f.length ?? 1 }, (_, i) => stateWords + bitOf(f, 0, i) / 32);
  });
}
