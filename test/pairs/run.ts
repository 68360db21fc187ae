/** Decides the cells that were asked for, side by side in the processes of a pool. */
import { availableParallelism } from "node:os";
import { Pool } from "../../checker/runner/pool/pool.ts";
import { nameOf, programOf, type Cell } from "./cells.ts";
import { named, type DecideOptions } from "./decide.ts";
import { PAIRS_JOB, perform, type PairsAnswer, type PairsTask } from "./job.ts";
import { OPERATIONS } from "./operations.ts";
import { INTERRUPTED, type CellResult } from "./result.ts";

export interface RunOptions extends DecideOptions {
  /** Processes at most; null: one for each core, and no more than `PROCESSES_MAX`. */
  readonly workers: number | null;
  /** Cells of one search, unless `BATCH`. The results are the same for any number. */
  readonly batch?: number;
  /** Is told how many cells are decided. */
  readonly onProgress: (done: number, of: number) => void;
  /** Whether to begin with no more cells: those are "incomplete" then. Never, unless given. */
  readonly shouldStop?: () => boolean;
}

const PROCESSES_MAX = 8;
/** Cells of one search: so many that its own price does not count, so few that processes end at about the same time. */
const BATCH = 300;

/** The results, in the order of the cells; they are the same from any number of processes. */
export async function runPairs(cells: readonly Cell[], options: RunOptions): Promise<readonly CellResult[]> {
  const { workers, onProgress, shouldStop = () => false, seed, maxStates, patch, view, batch = BATCH } = options;
  const size = Math.max(1, Math.min(workers ?? availableParallelism(), PROCESSES_MAX, Math.ceil(cells.length / batch)));
  const pool = new Pool(size);
  const ask: Ask = (task) =>
    size === 1 ? perform(task, NO_CONTEXT) : pool.run<PairsAnswer>({ module: PAIRS_JOB, task });
  const results = new Map<string, CellResult>();
  try {
    const asked = cells.length === 1 ? [] : programsWithPairs(cells);
    const lookAt = async (program: string): Promise<Set<number>> => (shouldStop() ? new Set() : independent(ask, program, patch));
    const apart = new Map(await inTurn(pool, asked, async (program) => [program, await lookAt(program)] as const));
    const leftOut = cells.filter((c) => c.third === "none" && apart.get(programOf(c))?.has(pairOf(c)) === true);
    for (const cell of leftOut) results.set(nameOf(cell), leftOutResult(cell));
    const rest = cells.filter((c) => !results.has(nameOf(c)));
    await inTurn(pool, batches(rest, batch), async ({ program, part }) => {
      if (shouldStop()) return;
      const answer = await ask({ kind: "decide", program, cells: part, options: { seed, maxStates, patch, view } });
      for (const r of "results" in answer ? answer.results : []) results.set(r.cell, r);
      onProgress(results.size, cells.length);
    });
  } finally {
    pool.close();
  }
  return cells.map((cell) => results.get(nameOf(cell)) ?? interruptedResult(cell));
}

const NO_CONTEXT = { tell: () => {}, shouldStop: () => false };

/** Does the work of each, as many at a time as the pool has processes; in their order. */
async function inTurn<T, R>(pool: Pool, all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const answers: Promise<R>[] = [];
  for (const one of all) {
    if (pool.size > 1) await pool.room();
    answers.push(work(one));
    if (pool.size === 1) await answers.at(-1);
    // What goes wrong is thrown below, when all have been handed out.
    answers.at(-1)!.catch(() => {});
  }
  return Promise.all(answers);
}

const programsWithPairs = (cells: readonly Cell[]): string[] => [...new Set(cells.filter((c) => c.third === "none").map(programOf))];

const pairOf = ({ first, second }: Pick<Cell, "first" | "second">): number =>
  Math.min(first, second) * OPERATIONS.length + Math.max(first, second);

function interruptedResult(cell: Cell): CellResult {
  return { ...named(cell), verdict: "incomplete", asExpected: false, reason: INTERRUPTED, states: 0, overlap: null, violation: null };
}

type Ask = (task: PairsTask) => Promise<PairsAnswer>;

async function independent(ask: Ask, program: string, patch: DecideOptions["patch"]): Promise<Set<number>> {
  const answer = await ask({ kind: "independent", program, patch });
  return new Set("independent" in answer ? answer.independent.map(([first, second]) => pairOf({ first, second })) : []);
}

function leftOutResult(cell: Cell): CellResult {
  const reason = "neither changes what the other accesses, and no promise reads what both change";
  return { ...named(cell), verdict: "left out", asExpected: true, reason, states: 0, overlap: null, violation: null };
}

/** Cells of one program go together, in their order. */
function batches(cells: readonly Cell[], size: number): { readonly program: string; readonly part: readonly Cell[] }[] {
  return [...Map.groupBy(cells, programOf)].flatMap(([program, own]) =>
    Array.from({ length: Math.ceil(own.length / size) }, (_, i) => ({ program, part: own.slice(i * size, (i + 1) * size) })));
}
