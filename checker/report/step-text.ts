/** What a step did, in words: stores, locks, reads of what changed unseen. */
import type { FreshRead, StaleRead, StoryStep } from "../result.ts";

/** `page[0].refcount: 1 -> 2`, `page[0].refcount = 2, as before`. */
export function storeInWords({ name, before, after }: StoryStep["writes"][number]): string {
  if (before === after) return `${name} = ${after}, as before`;
  if (before === "") return `${name} = ${after}`;
  return after === "" ? `${name} ends (was ${before})` : `${name}: ${before} -> ${after}`;
}

/** `reads mm[0].pmd[0] = ptTable 0, which step 18 changes`. */
export function staleInWords({ name, value, changedBy }: StaleRead): string {
  return `reads ${name} = ${value}, which step ${changedBy} changes`;
}

/** `reads mm[0].pmd[0] = none, of step 4`. */
export function freshInWords({ name, value, writer }: FreshRead): string {
  return `reads ${name} = ${value}, of step ${writer}`;
}

export const heldInWords = ({ lock, shared }: { readonly lock: string; readonly shared: boolean }): string =>
  (shared ? `${lock} (read)` : lock);

type LockUses = readonly StoryStep["locks"][number][];

/** Operations of one kind: `takes mm[0].mmapLock (read), page[2].lock (from other, step 7)`. `brief`: without the other's name. */
function locksInWords(uses: LockUses, brief: boolean): string {
  const verb = uses[0]?.kind === "failed" ? "does not get" : uses[0]?.kind;
  const words = uses.map((l) => {
    if (l.from === null) return heldInWords(l);
    return `${heldInWords(l)} (from ${brief ? "" : `${l.from.actor}, `}step ${l.from.step})`;
  });
  return verb === undefined ? "" : `${verb} ${[...new Set(words)].join(", ")}`;
}

/** What a step did with locks, in the order taken, not got, released; and, if it wrote something, which it held meanwhile. */
export function locksOf(step: StoryStep, wrote: boolean): string[] {
  const used = (["takes", "failed", "releases"] as const).map((kind) => locksInWords(step.locks.filter((l) => l.kind === kind), false));
  const before = step.held.filter((h) => !step.locks.some((l) => l.kind === "takes" && l.lock === h.lock));
  const holds = !wrote || before.length === 0 ? "" : `holds ${before.map(heldInWords).join(", ")}`;
  return [...used, holds].filter((words) => words !== "");
}

/** What a stretch of steps took and has not given back, was handed, and gave back of what it had before. */
export function netLocks(steps: readonly StoryStep[]): string {
  const uses = steps.flatMap((s) => s.locks);
  const isIn = (part: LockUses, kind: "takes" | "releases", lock: string): boolean => part.some((l) => l.kind === kind && l.lock === lock);
  const taken = uses.filter((u, i) => u.kind === "takes" && (u.from !== null || !isIn(uses.slice(i), "releases", u.lock)));
  const given = uses.filter((u, i) => u.kind === "releases" && !isIn(uses.slice(0, i), "takes", u.lock));
  const missed = uses.filter((u) => u.kind === "failed");
  return [taken, missed, given].map((part) => locksInWords(part, true)).filter((part) => part !== "").join("; ");
}
