/**
 * The steps of a trace that matter to the promise which it breaks, in four ranks. A view shows as many ranks as it has
 * room for; the first is always shown.
 */
import type { ReplayedTrace, TraceRow, TraceStory } from "../result.ts";

/**
 * 1: wrote last what the promise reads, or is the last step. 2: where threads meet. 3: how it came to that. 4: changed
 * anything at all.
 */
export type Rank = 1 | 2 | 3 | 4;

/** The rank of each step that has one, by its number. */
export function ranksOf(t: ReplayedTrace, story: TraceStory): ReadonlyMap<number, Rank> {
  const ranks = new Map<number, Rank>();
  const give = (step: number, rank: Rank): void => {
    if (step > 0 && (ranks.get(step) ?? 5) > rank) ranks.set(step, rank);
  };
  for (const { writer } of story.reads) give(writer, 1);
  give(story.steps.length, 1);
  // One level of the slice: what these steps read that another thread wrote.
  const writers = Array.from(ranks.keys());
  for (const step of writers) for (const partner of story.steps[step - 1]!.partners) give(partner, 2);
  story.steps.forEach(({ stale, fresh }, n) => {
    // What a thread went on with, though another had changed it; and what it saw of what another did meanwhile.
    for (const { changedBy } of stale) for (const step of [n + 1, changedBy]) give(step, 2);
    for (const { writer } of fresh) for (const step of [n + 1, writer]) give(step, 2);
  });
  for (const step of stepsOfLoop(t)) give(step, 2);
  const read = new Set(story.reads.map((r) => r.name));
  story.steps.forEach((s, n) => {
    const step = n + 1;
    if (s.locks.some((l) => l.from !== null)) give(step, 3);
    if (s.writes.some((w) => read.has(w.name) && w.before !== w.after)) give(step, 3);
    // Where a thread was interrupted, and what was chosen.
    if (isPreempted(t.rows[step + 1])) give(step, 3);
    if ((t.rows[step]?.choices.length ?? 0) > 0) give(step, 3);
    if (s.writes.some((w) => w.before !== w.after)) give(step, 4);
  });
  return ranks;
}

/** Steps of a loop that are shown, because each of them is part of why it can go on. */
const LOOP_STEPS_MAX = 16;

/** The steps of the loop, or, of a long one, its first. */
function stepsOfLoop({ trace: { loop, steps } }: ReplayedTrace): number[] {
  if (loop === null || loop === steps.length) return [];
  return steps.length - loop > LOOP_STEPS_MAX ? [loop + 1] : Array.from({ length: steps.length - loop }, (_, i) => loop + 1 + i);
}

function isPreempted(next: TraceRow | undefined): boolean {
  return next?.switchReason?.endsWith(" is preempted") === true;
}

/** A story for a trace whose accesses nobody saw: each value that changes was written, and each change matters. */
export function storyOfRows(t: ReplayedTrace): TraceStory {
  const rows = t.rows.slice(1);
  const values = new Map(t.initial.map((v) => [v.name, { value: v.value, writer: 0 }]));
  for (const row of rows) for (const c of row.changes) values.set(c.name, { value: c.after, writer: row.index });
  return {
    why: null, ownWords: false, expectation: null, blocked: [], initial: t.initial,
    reads: [...values].map(([name, v]) => ({ name, ...v })).filter((r) => r.writer > 0 || rows.length === 0),
    steps: rows.map((row) => ({
      stack: row.source === null ? [] : [row.source], call: null, writes: row.changes,
      locks: [], held: [], partners: [], stale: [], fresh: [],
    })),
  };
}
