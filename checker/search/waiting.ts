/** Who waits for what in a deadlock, and the cycle if there is one. */
import { shortPath } from "../error-sentence.ts";
import type { TransitionSystem } from "../system.ts";

interface Waiter {
  readonly name: string;
  readonly lock: string;
  readonly holders: readonly string[];
}

/** One sentence for each actor that has not come to rest in `system.vector`, and one for a cycle of locks. `moves`: who is left out. */
export function whoWaits(system: TransitionSystem, moves: (actor: number) => boolean = () => false): string[] {
  const sentences: string[] = [];
  const waiters: Waiter[] = [];
  system.actors.forEach((actor, a) => {
    if (moves(a) || system.atRest(a)) return;
    const { label, stack, waitsFor } = system.position(a);
    const top = stack[0];
    const place = top === undefined ? "" : ` in ${top.routine} (${shortPath(top.file)}:${top.line})`;
    if (waitsFor === null) {
      const waits = `${actor.name} waits at ${JSON.stringify(label)}${place}: its guard is false`;
      sentences.push(label === null ? `${actor.name} cannot move${place}` : waits);
      return;
    }
    waiters.push({ name: actor.name, lock: waitsFor.lock, holders: waitsFor.holders });
    const holders = waitsFor.holders.length === 0 ? ", which nobody holds" : `, held by ${waitsFor.holders.join(" and ")}`;
    sentences.push(`${actor.name} waits for ${waitsFor.lock}${holders}, at ${JSON.stringify(label ?? "")}${place}`);
  });
  const cycle = findCycle(waiters);
  if (cycle !== null) sentences.push(`cycle: ${cycle.map((w) => `${w.name} -[${w.lock}]-> `).join("")}${cycle[0]!.name}`);
  return sentences;
}

/** A cycle in "waits for a lock held by": each waiter of it waits for the next, the last for the first. */
function findCycle(waiters: readonly Waiter[]): Waiter[] | null {
  const byName = new Map(waiters.map((w) => [w.name, w]));
  const done = new Set<Waiter>();
  const walk = (w: Waiter, path: readonly Waiter[]): Waiter[] | null => {
    if (path.includes(w)) return path.slice(path.indexOf(w));
    if (done.has(w)) return null;
    for (const holder of w.holders) {
      const next = byName.get(holder);
      const cycle = next === undefined ? null : walk(next, [...path, w]);
      if (cycle !== null) return cycle;
    }
    done.add(w);
    return null;
  };
  for (const w of waiters) {
    const cycle = walk(w, []);
    if (cycle !== null) return cycle;
  }
  return null;
}
