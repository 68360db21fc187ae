/**
 * What is written about mutants that no scenario kills: that they change nothing (with the argument), or why the promises
 * let them live. An entry names the mutant by its id and by its change in words, and is wrong as soon as either is not that
 * of a mutant of the kernel as it is now, or the mutant gets killed.
 */
import { UsageError } from "../../checker/usage-error.ts";
import type { Mutant } from "./mutant.ts";

export interface Explanation {
  readonly id: string;
  /** The change, as `thpcheck mutate` prints it. */
  readonly change: string;
  readonly why: string;
}

/** Throws a UsageError that lists the entries that are about no mutant of `all`. */
export function refuseStale(entries: readonly Explanation[], all: readonly Mutant[]): void {
  const byId = new Map(all.map((m) => [m.id, m]));
  const stale = entries.filter((e) => byId.get(e.id)?.summary !== e.change);
  const ids = entries.map((e) => e.id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw new UsageError(`test/mutation/ explains mutant ${twice} twice; keep one entry in equivalent.ts or survivors.ts`);
  if (stale.length === 0) return;
  const list = stale.map((e) => `\n  ${e.id} ${e.change}`).join("");
  throw new UsageError(`${stale.length} written explanations in test/mutation/ are about code that is not there any more; see whether they hold for what replaced it, and take them out:${list}`);
}
