/**
 * What one worker has discovered: the vectors of the level being built, and one link for each state of the run.
 *
 * A level is the concatenation of the workers' parts, in worker order; a state's id is its place in the sequence of
 * all levels. A link is (id of the parent, ordinal of the step among the parent's taken steps).
 */
import { Column, type GrowingBuffer } from "../store/column.ts";

/** Parent of an initial state; its ordinal then counts the branches of `init`. */
export const NO_PARENT = -1;

/** The buffers of one worker; they can be posted to its thread. */
export interface DiscoveryBuffers {
  readonly even: GrowingBuffer;
  readonly odd: GrowingBuffer;
  readonly links: GrowingBuffer;
}

export class Discovery {
  /** Levels alternate between two buffers: one is read while the other is written. */
  readonly #frontiers: readonly [Column, Column];
  readonly links: Column;
  /** Words of a state and what is kept with it; see `recordWords` in expand.ts. */
  readonly #recordWords: number;
  /** States that this worker discovered in all levels. */
  discovered = 0;
  /** States in the level being built. */
  count = 0;
  /** The records of the level being built. */
  building: Column;

  constructor(recordWords: number, buffers: DiscoveryBuffers | null = null) {
    this.#recordWords = recordWords;
    this.#frontiers = buffers === null ? [new Column(), new Column()] : [new Column(buffers.even), new Column(buffers.odd)];
    this.links = buffers === null ? new Column() : new Column(buffers.links);
    this.building = this.#frontiers[0];
  }

  get buffers(): DiscoveryBuffers {
    return { even: this.#frontiers[0].buffer, odd: this.#frontiers[1].buffer, links: this.links.buffer };
  }

  /** The frontier of odd levels. */
  get odd(): Column {
    return this.#frontiers[1];
  }

  /** Bytes of the two frontiers. */
  get frontierBytes(): number {
    return this.#frontiers[0].bytes + this.#frontiers[1].bytes;
  }

  /** Room for `n` more states. Throws OutOfMemory. */
  prepare(n: number): void {
    this.building.reserve((this.count + n) * this.#recordWords);
    this.links.reserve((this.discovered + n) * 2);
  }

  /** The records of level `level` (0 is the initial one), as far as its worker has written them. */
  frontier(level: number): Int32Array {
    const column = this.#frontiers[(level & 1) as 0 | 1];
    column.refresh();
    return column.view;
  }

  /** States that there is room for: in the level being built, and in all levels. */
  get room(): { readonly frontier: number; readonly links: number } {
    return { frontier: Math.floor(this.building.view.length / this.#recordWords), links: Math.floor(this.links.view.length / 2) };
  }

  /** Start level `level`, overwriting level `level - 2`. */
  begin(level: number): void {
    this.building = this.#frontiers[(level & 1) as 0 | 1];
    this.count = 0;
  }
}
