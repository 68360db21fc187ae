/**
 * The hot loop of a search that was lowered to WebAssembly (`wasm/search-text.ts`), as the expander that a worker asks.
 *
 * The JavaScript program is its twin: it makes the initial states, takes once more each step that traps, and judges whatever is
 * broken, so that every message is its message. The two share what a search keeps: fingerprints, visited table, frontiers, links
 * and the log of the graph are the same bytes, whichever wrote them.
 *
 * After a trap, JavaScript takes the rest of that actor's steps from that state, since only it knows what its choices come to.
 * The steps before are not taken again.
 */
import type { ExpandEvents, Expander } from "../expand.ts";
import type { SharedFingerprintSet } from "../store/shared-set.ts";
import type { FingerprintSet } from "../store/visited.ts";
import type { Discovery } from "../parallel/discovery.ts";
import type { GraphLog } from "../traps/graph-log.ts";
import type { TransitionSystem } from "../../system.ts";
import { LoweredRefinement } from "./lowered-refinement.ts";
import type { WorkerMemories } from "./memories.ts";
import { instantiate, isTrap, type LoweredSearch, type WasmGlobal } from "./module.ts";

/** Where the loop is when it traps; as `wasm/search-text.ts` says. */
const LOOKING_AT_STATES = 1;

/** States that are expanded before what was counted becomes known. */
const STATES = 65536;

type Word = WasmGlobal<number>;

/** What a lowered search exports. Words of 32 bits, but for the choices of the program. */
interface Exports {
  run(): void;
  begin(): void;
  resume(): number;
  nextActor(): number;
  keep(judged: number): void;
  offer(parent: number, ordinal: number): void;
  flush(): void;
  readonly $source: Word; readonly $i: Word; readonly $to: Word; readonly $firstId: Word; readonly $actor: Word; readonly $ordinal: Word;
  readonly $parity: Word; readonly $logs: Word; readonly $filled: Word; readonly $added: Word; readonly $transitions: Word;
  readonly $count: Word; readonly $discovered: Word; readonly $tableCount: Word; readonly $frontierRoom: Word; readonly $linkRoom: Word;
  readonly $tableRoom: Word; readonly $mask: Word; readonly $shift: Word; readonly $left: Word; readonly $phase: Word;
  readonly $row: Word; readonly $base: Word;
  readonly $ci: WasmGlobal<bigint>; readonly $cl: WasmGlobal<bigint>;
}

export interface LoweredParts {
  readonly system: TransitionSystem;
  readonly lowered: LoweredSearch;
  readonly memories: WorkerMemories;
  /** Of the memories: the visited table, and what this worker discovers. */
  readonly visited: FingerprintSet | SharedFingerprintSet;
  readonly discovery: Discovery;
  readonly events: ExpandEvents;
  /** 1 where the witness has been seen. */
  readonly witnessed: Uint8Array;
  readonly log: GraphLog | null;
  /** Where in a record of a frontier the excuses are, and its words. */
  readonly record: { readonly words: number; readonly excusesAt: number };
}

const ARRAYS = [
  "vector", "before", "chosen", "calls", "parents", "ordinals", "excusesOf", "fresh", "freshPlaces", "known", "knownPlaces", "prints",
  "sets", "witnessed", "inForce", "moved",
] as const;
type ArrayName = typeof ARRAYS[number];

export class LoweredExpander implements Expander {
  transitions = 0;
  readonly inForce: Float64Array;
  readonly #parts: LoweredParts;
  readonly #discovery: Discovery;
  readonly #module: Exports;
  readonly #arrays: Readonly<Record<ArrayName, Int32Array>>;
  readonly #refinement: LoweredRefinement | null;

  constructor(parts: LoweredParts) {
    const { system, lowered, memories, log } = parts;
    this.#parts = parts;
    this.#discovery = parts.discovery;
    this.inForce = new Float64Array(system.excuses?.count ?? 0);
    this.#arrays = Object.fromEntries(ARRAYS.map((name) => [name, memories.array(name)])) as Readonly<Record<ArrayName, Int32Array>>;
    this.#module = instantiate(lowered.bytes, {
      ...memories.imports,
      room: (n: number) => { this.#makeRoom(n); },
      done: (added: number) => { parts.visited.finish(added); },
      log: (added: number, others: number) => { this.#writeDown(added, others); },
      stateViolated: (first: number, k: number) => { this.#stateViolated(first, k); },
      stepViolated: (first: number) => { this.#stepViolated(first); },
      terminal: () => { this.#tellState((id) => { parts.events.terminal(id); }); },
      passed: () => { this.#tellState((id) => { parts.events.passed(id); }); },
      ask: (machine: number, state: number, column: number) => system.refinement!.ask(machine, state, column),
    }) as Exports;
    this.#refinement = system.refinement === undefined ? null : new LoweredRefinement(system.refinement, memories, this.#module);
    if (system.refinement !== undefined) memories.array("cells").set(system.refinement.plan.cells);
    this.#module.$logs.value = log === null ? 0 : 1;
    this.#module.$left.value = system.sometimes.length;
    this.#tellRoom();
  }

  offer(parent: number, ordinal: number): void {
    const { system } = this.#parts;
    this.#turn();
    this.#arrays.vector.set(system.vector);
    this.#arrays.before.fill(0);
    this.#guarded(() => { this.#module.offer(parent, ordinal); });
    this.#catchUp();
  }

  flush(): void {
    this.#turn();
    this.#guarded(() => { this.#module.flush(); });
    this.#catchUp();
  }

  /** Counts have 32 bits between two times that they become known, so it is some states at a time. */
  expand(_records: Int32Array, from: number, to: number, firstId: number, source: number): void {
    this.#module.$source.value = source;
    for (let some = from; some < to; some += STATES) this.#expandSome(some, Math.min(some + STATES, to), firstId);
  }

  #expandSome(from: number, to: number, firstId: number): void {
    const m = this.#module;
    this.#turn();
    m.$i.value = from;
    m.$to.value = to;
    m.$firstId.value = firstId;
    m.begin();
    for (let more = true; more;) {
      try {
        m.run();
        more = false;
      } catch (error) {
        if (!isTrap(error)) throw error;
        more = this.#afterTrap();
      }
    }
    this.#catchUp();
  }

  /** Whether there are states left of those to expand. */
  #afterTrap(): boolean {
    const m = this.#module;
    if (m.$phase.value === LOOKING_AT_STATES) {
      this.#lookAtRest();
      return m.resume() === 1;
    }
    this.#refinement?.forgetUnfinished();
    this.#takeRest();
    return m.nextActor() === 1;
  }

  /** A trap of what is no step can only be one of a promise, a witness or an excuse. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isTrap(error)) throw error;
      this.#lookAtRest();
    }
  }

  // ------------------------------------------------------------------------------------- steps and states in JavaScript

  /** Takes the step in hand, and those of the actor that come after it. */
  #takeRest(): void {
    const { system, events } = this.#parts;
    const { vector, before, chosen } = this.#arrays;
    const m = this.#module;
    const id = m.$firstId.value + m.$i.value;
    const parent = before.slice();
    const actor = m.$actor.value;
    system.setBranch([...chosen.subarray(0, Number(m.$cl.value))]);
    do {
      system.vector.set(parent);
      try {
        if (system.step(actor) === 0) continue;
      } catch (error) {
        system.vector.set(parent);
        events.stepFailed(error, id, m.$ordinal.value++);
        continue;
      }
      vector.set(system.vector);
      const first = system.stepProperties.length > 0 ? system.checkStep(parent) : -1;
      if (first >= 0) events.stepViolated(first, id, m.$ordinal.value, parent);
      this.#guarded(() => { m.keep(0); });
    } while (system.nextBranch());
    vector.set(parent);
    m.$ci.value = 0n;
    m.$cl.value = 0n;
  }

  /** Looks at the new states of the batch from that one on whose look trapped. */
  #lookAtRest(): void {
    const { system, lowered: { setWords }, record, witnessed: seen } = this.#parts;
    const { fresh, sets, witnessed, inForce, excusesOf } = this.#arrays;
    const m = this.#module;
    const frontier = this.#discovery.building.view;
    for (let f = m.$row.value; f < m.$added.value; f++) {
      const k = fresh[f]!;
      const at = (m.$base.value + f) * record.words;
      system.vector.set(frontier.subarray(at, at + system.stateWords));
      const set = sets.slice(k * setWords, (k + 1) * setWords);
      const first = system.always.length > 0 ? system.incremental!.affected.check(set, 0) : -1;
      if (first >= 0) this.#parts.events.stateViolated(first, ...this.#placeOf(k));
      system.vector.set(frontier.subarray(at, at + system.stateWords));
      for (let w = 0; w < seen.length; w++) {
        if (witnessed[w] === 1 || !system.witness(w)) continue;
        witnessed[w] = 1;
        m.$left.value--;
      }
      if (system.excuses === undefined) continue;
      const bits = system.incremental!.affected.excused(set, 0, excusesOf[k]!);
      for (let e = 0; e < system.excuses.count; e++) inForce[e]! += 1 - ((bits >>> e) & 1);
      frontier[at + record.excusesAt] = bits;
    }
    m.$phase.value = 0;
  }

  #placeOf(k: number): [parent: number, ordinal: number, low: number, high: number] {
    const { parents, ordinals, prints } = this.#arrays;
    return [parents[k]!, ordinals[k]!, prints[2 * k]!, prints[2 * k + 1]!];
  }

  #stateViolated(first: number, k: number): void {
    const { system, events } = this.#parts;
    system.vector.set(this.#arrays.vector);
    events.stateViolated(first, ...this.#placeOf(k));
  }

  /** What a step announced belongs to it, so it is taken once more. */
  #stepViolated(first: number): void {
    const { system, events } = this.#parts;
    const { before, chosen } = this.#arrays;
    const m = this.#module;
    const parent = before.slice();
    system.vector.set(parent);
    system.setBranch([...chosen.subarray(0, Number(m.$ci.value))]);
    system.step(m.$actor.value);
    events.stepViolated(first, m.$firstId.value + m.$i.value, m.$ordinal.value, parent);
  }

  #tellState(tell: (id: number) => void): void {
    this.#parts.system.vector.set(this.#arrays.before);
    tell(this.#module.$firstId.value + this.#module.$i.value);
  }

  // ------------------------------------------------------------------------------------- memory

  /** Which of the frontiers is written. */
  #turn(): void {
    const isOdd = this.#discovery.building === this.#discovery.odd;
    this.#module.$parity.value = isOdd ? 0 : 1;
    this.#module.$count.value = this.#discovery.count;
    this.#tellRoom();
  }

  #makeRoom(n: number): void {
    const { visited } = this.#parts;
    this.#tellCounts();
    this.#discovery.prepare(n);
    visited.prepare(n);
    this.#tellRoom();
  }

  /** Tells the module how much fits. */
  #tellRoom(): void {
    const { visited } = this.#parts;
    const m = this.#module;
    const { frontier, links } = this.#discovery.room;
    m.$frontierRoom.value = frontier;
    m.$linkRoom.value = links;
    m.$tableRoom.value = visited.limit;
    m.$mask.value = visited.mask;
    m.$shift.value = visited.shift;
  }

  /** Tells the others how much there is. */
  #tellCounts(): void {
    const { $count, $discovered, $tableCount } = this.#module;
    this.#discovery.count = $count.value;
    this.#discovery.discovered = $discovered.value;
    const { visited } = this.#parts;
    // A shared one counts itself.
    if ("count" in visited) visited.count = $tableCount.value;
  }

  /** As `writeDown` of `expand.ts`. */
  #writeDown(added: number, others: number): void {
    const { log, visited } = this.#parts;
    const { freshPlaces, known, knownPlaces, parents, moved } = this.#arrays;
    log!.grew(visited.generation);
    log!.discovered(freshPlaces, added);
    for (let j = 0; j < others; j++) {
      const k = known[j]!;
      const from = parents[k]!;
      if (from >= 0 && moved[k] !== 0) log!.known(from, knownPlaces[j]!);
    }
  }

  /** What the module counted becomes known outside. */
  #catchUp(): void {
    const { system, witnessed } = this.#parts;
    const m = this.#module;
    this.#tellCounts();
    this.transitions += m.$transitions.value;
    m.$transitions.value = 0;
    this.#refinement?.catchUp();
    witnessed.set(this.#arrays.witnessed);
    this.inForce.set(this.#arrays.inForce);
    const seen = system.calls?.seen();
    if (seen === undefined) return;
    const calls = new Uint8Array(this.#arrays.calls.buffer, this.#arrays.calls.byteOffset, seen.length);
    for (let i = 0; i < seen.length; i++) seen[i]! |= calls[i]!;
  }
}
