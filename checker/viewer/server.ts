/** Questions to the explorer's server. */
import type { Arrival, Explored, Goal, WalkedPath, Way } from "../page/explored.ts";

/** Throws an Error with the server's sentence where it refuses. */
async function ask<T>(address: string, question: unknown): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
  } catch {
    throw new Error("The explorer has ended: start it again, and load this page anew.");
  }
  const answer = (await response.json()) as T & { readonly error?: string };
  if (!response.ok) throw new Error(answer.error ?? `the server answers ${response.status}`);
  return answer;
}

export const stateAt = (path: WalkedPath): Promise<Explored> => ask("/state", { path });
export const stateOf = (trace: string): Promise<Explored> => ask("/state", { trace });
export const go = (path: WalkedPath, goal: Goal, way: Way, seed: number): Promise<Arrival> => ask("/go", { path, goal, way, seed });

/** Tells the server that the page is open, for as long as it is. */
export function keepOpen(): void {
  new EventSource("/open");
}
