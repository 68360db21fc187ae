/**
 * Breadth-first search, level by level: the first violation found is a nearest one.
 *
 * The search begins in the calling thread. Where more workers are wanted, they are started meanwhile and join when
 * they are ready: small state spaces are done before that. The calling thread goes on as worker 0, in slices, so that
 * timers and signals run.
 *
 * Verdict and counts do not depend on the number of workers. Which of several parents a state is linked to does, and
 * with it the linked trace; `minimise` makes the trace the same too.
 */
import type { SystemSource, TransitionSystem } from "../../system.ts";
import { Candidates } from "../candidate.ts";
import { Control, STOP_ASKED, STOP_FAILED, STOP_OUT_OF_MEMORY } from "../parallel/control.ts";
import { Discovery } from "../parallel/discovery.ts";
import { recordWords } from "../expand.ts";
import { SharedMemories, WorkerMemories } from "../lowered/memories.ts";
import { PredecessorLog } from "../parallel/predecessor-log.ts";
import type { PostedBuffers } from "../parallel/helper.ts";
import type { LevelOptions, WorkerReport } from "../parallel/level-worker.ts";
import { LevelWorker, levelBound, total } from "../parallel/level-worker.ts";
import type { ExploreOptions, SearchRun, SearchTask, Violated } from "../run.ts";
import { OUT_OF_MEMORY, Pacer, countedByAll, isLowered } from "../run.ts";
import type { Hashing } from "../store/fingerprint.ts";
import { SharedFingerprintSet } from "../store/shared-set.ts";
import { wordsOf, type GrowingBuffer } from "../store/column.ts";
import { StateIndex } from "../store/state-index.ts";
import { Moves } from "../store/moves.ts";
import { pathOf } from "../steps.ts";
import { Team, idleHelpers } from "../parallel/team.ts";
import { bytesForTraps, findTraps } from "../traps/find-traps.ts";
import { asksForTraps, goalNames } from "../traps/goals.ts";
import type { PlaceSpace } from "../traps/state-graph.ts";
import { trapViolation } from "../traps/violation.ts";
import type { Visited } from "../store/visited.ts";
import { FingerprintSet, reserveTable } from "../store/visited.ts";

/** Milliseconds of search before helpers are called: threads that wait already, and threads to be started, which take 70 ms. */
const ALONE_MS = 5;
const ALONE_UNPREPARED_MS = 20;

/** Searches on `options.workers` workers; on one when there is no `source` or whole states are compared. */
export async function breadthFirst({ system, options, hashing }: SearchTask, source: SystemSource | null): Promise<SearchRun> {
  const workers = source === null || options.exact ? 1 : options.workers;
  const pacer = new Pacer(options);
  const controlBuffer = Control.allocate(workers);
  const control = new Control(controlBuffer, 1, 0);
  const traps = asksForTraps(options) ? { end: options.endless !== true } : null;
  const goals = traps === null ? [] : goalNames(system, traps.end);
  const { table, moves, visited, space, memories } = memoryFor(options, system, control, { workers, logs: goals.length > 0 });
  const discoveries = Array.from({ length: workers }, (_, w) => new Discovery(recordWords(system), memories?.discoveries[w] ?? null));
  const { seed, fingerprintBits, maxStates, maxDepth, goOn = false } = options;
  const levelOptions: LevelOptions = { seed, fingerprintBits, maxStates, maxDepth, traps: goals.length > 0 ? traps : null, goOn };
  const lowered = memories === null ? null : { search: options.lowered!, memories: new WorkerMemories(options.lowered!, memories, 0) };
  const worker = new LevelWorker({ system, options: levelOptions, hashing, visited, control, discoveries, lowered });
  const startTeam = (): Team => {
    const buffers = { table: table as SharedArrayBuffer, discoveries: discoveries.map((d) => d.buffers as PostedBuffers) };
    const memory = memories === null ? buffers : { search: options.lowered!, memories: memories.posted };
    const task = { source: source!, workers, control: controlBuffer, moves: moves?.buffer ?? null, memory, options: levelOptions };
    return new Team(task, () => control.stop(STOP_FAILED));
  };
  const alone = options.workersAfterMs ?? (idleHelpers() >= workers - 1 ? ALONE_MS : ALONE_UNPREPARED_MS);
  const teamTime = workers === 1 ? Infinity : performance.now() + alone;

  let bound: string | null = null;
  let team: Team | null = null;
  let reports: WorkerReport[] = [];
  try {
    if (workers > 1 && options.workersAfterMs === 0) {
      team = startTeam();
      // A thread that fails to start never gets ready.
      while (control.readyHelpers < workers - 1 && control.stopped === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (control.stopped === STOP_FAILED) await team.reports;
    }
    for (let more = worker.start(); more; more = worker.advance()) {
      if (control.workers < workers) {
        if (team === null && performance.now() >= teamTime) team = startTeam();
        if (control.readyHelpers === workers - 1) {
          control.workers = workers;
          team!.join({ level: worker.level, before: worker.before });
        }
      }
      if (pacer.due()) {
        if (goals.length > 0 && !control.graphDropped && (moves?.lost === true || pacer.overMemory())) {
          control.dropGraph();
          worker.dropGraph();
          await new Promise((resolve) => setTimeout(resolve, control.workers > 1 ? HELPERS_DROP_MS : 0));
        }
        bound ??= await pacer.pause(() => control.progress());
        if (bound !== null) control.stop(STOP_ASKED);
      }
    }
    if (control.workers > 1 || control.stopped === STOP_FAILED) reports = await team!.reports;
    team?.disband();
  } catch (error) {
    control.stop(STOP_FAILED);
    await team?.dismiss();
    throw error;
  }
  if (control.stopped === STOP_OUT_OF_MEMORY) bound = OUT_OF_MEMORY;
  const stopped = control.stopped !== 0 ? bound : null;
  const all = [worker.report(), ...reports];
  const finished = { system, options, hashing, workers, discoveries, visited, table, space, reports: all, stopped, goals };
  return summarise({ ...finished, bound: () => pacer.bound() });
}

interface SearchMemory {
  /** Of a visited set of fingerprints. */
  readonly table: GrowingBuffer;
  /** Where it is written down which places change when the table grows; null: nobody wants to know. */
  readonly moves: Moves | null;
  readonly visited: Visited;
  /** Where in the visited set so many states are. */
  readonly space: (states: number) => PlaceSpace;
  /** Of a search in WebAssembly; null: it runs in JavaScript. */
  readonly memories: SharedMemories | null;
}

/** `logs`: the graph is written down. */
function memoryFor(
  options: ExploreOptions, system: TransitionSystem, control: Control, { workers, logs }: { workers: number; logs: boolean },
): SearchMemory {
  const expected = options.expectedStates ?? 0;
  const moves = logs && !options.exact ? new Moves() : null;
  const spaceOf = (table: GrowingBuffer): SearchMemory["space"] => {
    const first = table.byteLength / 8;
    return () => ({ slots: table.byteLength / 8, growths: Math.log2(table.byteLength / 8 / first), moves });
  };
  const setOf = (table: GrowingBuffer): Visited =>
    (workers === 1 ? new FingerprintSet(table, moves) : new SharedFingerprintSet(table, control, moves));
  if (isLowered(options, workers)) {
    const memories = SharedMemories.allocate(options.lowered!.pagesMax, expected, workers);
    const { table } = memories;
    return { table, moves, visited: setOf(table), space: spaceOf(table), memories };
  }
  const table = reserveTable(expected);
  if (options.exact) {
    const visited = new StateIndex(system.stateWords, true);
    return { table, moves, visited, space: (states) => ({ slots: states, growths: 0, moves: null }), memories: null };
  }
  return { table, moves, visited: setOf(table), space: spaceOf(table), memories: null };
}

/** Milliseconds in which helpers hear that they must give up their logs. */
const HELPERS_DROP_MS = 100;

interface Finished extends Omit<SearchMemory, "moves" | "memories"> {
  readonly system: TransitionSystem;
  readonly options: ExploreOptions;
  readonly workers: number;
  readonly discoveries: readonly Discovery[];
  /** Of every worker that took part, in order. */
  readonly reports: readonly WorkerReport[];
  readonly hashing: Hashing;
  /** The promises that something stays reachable; none when nobody asks for traps. */
  readonly goals: readonly string[];
  /** Why the process must end now, or null. */
  readonly bound: () => string | null;
  /** The bound that ended the search, but for the bounds that end it between two levels; null when there was none. */
  readonly stopped: string | null;
}

function summarise(finished: Finished): SearchRun {
  const { system, options, workers, discoveries, visited, reports, stopped } = finished;
  const perLevel = reports[0]!.counts.map((_, level) => reports.map((r) => r.counts[level]!));
  const levels = perLevel.map(total);
  const last = levels.pop()!;
  const exhausted = last === 0 && stopped === null;
  if (last > 0) levels.push(last);
  const states = total(levels);
  const found = new Candidates();
  for (const v of reports.flatMap((r) => r.violations)) found.add(v);
  for (const d of discoveries) d.links.refresh();
  const sumOf = (counts: (r: WorkerReport) => Float64Array): Float64Array =>
    counts(reports[0]!).map((_, i) => total(reports.map((r) => counts(r)[i]!)));
  const log = new PredecessorLog(discoveries.map((d) => d.links.view), perLevel);
  const complete = exhausted && found.none;
  const trapped = lookForTraps(finished, { exhausted, complete, levels: perLevel.slice(0, levels.length), states, log });
  return {
    complete,
    stopReason: exhausted || (!found.none && options.goOn !== true) ? null : stopped ?? levelBound(options, states, levels.length, last),
    counts: {
      states,
      transitions: total(reports.map((r) => r.transitions)),
      depth: levels.length,
      terminals: total(reports.map((r) => r.terminals)),
      levels,
      tableBytes: visited.bytes + total(discoveries.map((d) => d.links.bytes)),
      workers,
      walks: null,
    },
    witnessed: reports[0]!.witnessed.map((_, i) => Math.max(...reports.map((r) => r.witnessed[i]!))),
    inForce: system.excuses === undefined ? null : sumOf((r) => r.inForce),
    counted: countedByAll(reports.map((r) => r.counted)),
    callsSeen: reports[0]!.callsSeen?.map((_, i) => reports.reduce((bits, r) => bits | r.callsSeen![i]!, 0)) ?? null,
    violations: [
      ...found.sorted().map((v) => ({ broken: v.broken, path: () => pathOf(system, log.ordinalsOf(v)) })),
      ...trapped.violations,
    ],
    trapsNotChecked: trapped.notChecked,
  };
}

interface Searched {
  /** Every state was seen; and nothing was broken. */
  readonly exhausted: boolean;
  readonly complete: boolean;
  readonly levels: readonly (readonly number[])[];
  readonly states: number;
  readonly log: PredecessorLog;
}

/** The traps of a search that has seen every state and every step, and nothing broken. */
function lookForTraps(f: Finished, s: Searched): { readonly violations: readonly Violated[]; readonly notChecked: string | null } {
  const none = (notChecked: string | null): ReturnType<typeof lookForTraps> => ({ violations: [], notChecked });
  if (f.goals.length === 0) return none(null);
  if (!s.complete) return none(s.exhausted ? "other promises are broken" : "the search did not see every state");
  const logs = f.reports.map((r) => r.graph).filter((g) => g !== null);
  const noMemory = "its steps would not fit the memory";
  if (logs.length < f.reports.length) return none(noMemory);
  const bound = f.bound();
  if (bound !== null) return none(bound);
  const space = f.space(s.states);
  const { memoryBytes } = f.options;
  const wanted = bytesForTraps(s.states, space.slots);
  if (space.moves?.lost === true || (memoryBytes !== null && process.memoryUsage.rss() + wanted > memoryBytes)) return none(noMemory);
  try {
    const found = findTraps({ levels: s.levels, links: f.discoveries.map((d) => d.links.view), logs, space });
    const searched = { ...s, printAt: prints(f) };
    const violations = found.flatMap((traps, i) => (traps === null ? [] : [trapViolation(f, f.goals[i]!, traps, searched)]));
    return { violations, notChecked: null };
  } catch (error) {
    if (error instanceof RangeError) return none(noMemory);
    throw error;
  }
}

/** Writes the fingerprint of the state at a place of the visited set. */
function prints({ visited, table, hashing }: Finished): (place: number, out: Int32Array) => void {
  if (visited instanceof StateIndex) return (number, out) => visited.fingerprintOf(number, hashing.fingerprint, out);
  const words = wordsOf(table, table.byteLength / 4);
  return (slot, out) => {
    out[0] = words[2 * slot]!;
    out[1] = words[2 * slot + 1]!;
  };
}
