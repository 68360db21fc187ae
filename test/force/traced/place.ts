/** Where a thread stands, in words that hold in every program that makes the same call. */
import type { SourceFrame } from "../../../checker/system.ts";
import type { Place } from "./run.ts";

/** `frames`: from the call inwards. */
export function placeIn(frames: readonly SourceFrame[], label: string | null, call: number): Omit<Place, "nth"> {
  const key = frames.length === 0 ? "" : `${frames.map((f) => `${f.routine}:${f.line}`).join(" ")} ${label ?? ""}`;
  return { call, key, words: frames.length === 0 ? "between two calls" : `${frames.at(-1)!.routine}(): ${label ?? "its end"}` };
}

/** How often a thread has stood at each place of each call. */
export class PlaceCounts {
  readonly #counts: Map<string, number>;
  constructor(counts: ReadonlyMap<string, number> = new Map()) { this.#counts = new Map(counts); }

  counted(place: Omit<Place, "nth">): Place {
    const nth = this.times(place) + 1;
    this.#counts.set(keyOf(place), nth);
    return { ...place, nth };
  }
  times(place: Omit<Place, "nth">): number { return this.#counts.get(keyOf(place)) ?? 0; }
  copy(): ReadonlyMap<string, number> { return new Map(this.#counts); }
}

const keyOf = ({ call, key }: Omit<Place, "nth">): string => `${call} ${key}`;
