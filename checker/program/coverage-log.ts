/**
 * What all programs of this process did, added up: how often each basic block ran, and which of the events of interest
 * were announced with which instances. Nothing is recorded before `recordCoverage()`; from then on every program that
 * is compiled counts, whoever compiles it.
 *
 * Counts are those of this thread: a search by several worker threads, and a native run, go unnoticed. So what is
 * recorded as having run did run; what is not may still have.
 */
import type { Site } from "./observer.ts";

interface Counted {
  readonly sites: readonly Site[];
  readonly counts: Float64Array;
}

export class CoverageLog {
  readonly #events: ReadonlySet<number>;
  readonly #programs: Counted[] = [];
  readonly #announced = new Map<string, number>();

  /** `events`: those whose announcements are counted. */
  constructor(events: readonly number[]) {
    this.#events = new Set(events);
  }

  /** A program begins to count: `counts[i]` is the block at `sites[i]`, now and later. */
  add(sites: readonly Site[], counts: Float64Array): void {
    this.#programs.push({ sites, counts });
  }

  readonly announce = (event: number, instances: readonly number[]): void => {
    if (!this.#events.has(event)) return;
    const key = [event, ...instances].join(" ");
    this.#announced.set(key, (this.#announced.get(key) ?? 0) + 1);
  };

  /** Every block of every program so far; the same place can occur more than once. */
  blocks(): { readonly site: Site; readonly count: number }[] {
    return this.#programs.flatMap(({ sites, counts }) => sites.map((site, i) => ({ site, count: counts[i]! })));
  }

  /** How often each event was announced so far, by instances. */
  announced(): { readonly event: number; readonly instances: readonly number[]; readonly times: number }[] {
    return [...this.#announced].map(([key, times]) => {
      const [event, ...instances] = key.split(" ").map(Number);
      return { event: event!, instances, times };
    });
  }
}

let log: CoverageLog | null = null;

/** From now on programs count, and announcements of `events` are kept. The log is the process's; a second call begins a new one. */
export function recordCoverage(events: readonly number[]): CoverageLog {
  log = new CoverageLog(events);
  return log;
}

/** The log of this process; null when nothing is recorded. */
export function coverageLog(): CoverageLog | null {
  return log;
}
