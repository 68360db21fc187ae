/** Live progress: one line that is rewritten on a terminal, a line every few seconds elsewhere. */
import type { Progress } from "../search/explore.ts";
import { bytes, duration, group, short } from "../numbers.ts";
import type { Output } from "./output.ts";

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;
const CLEAR_LINE = "\r\u001b[K";

export class ProgressLine {
  readonly #out: Output;
  readonly #live: boolean;
  readonly #now: () => number;
  #title = "";
  #pinned: number | null = null;
  #last = -Infinity;
  #shown = false;

  constructor(out: Output, now: () => number = () => performance.now()) {
    this.#out = out;
    this.#live = out.isTTY === true;
    this.#now = now;
  }

  /**
   * A scenario starts. On a terminal its name appears at once; elsewhere only runs that take a while get lines. `pinned`: how many
   * states it will have, if all is as it was; null: nobody knows.
   */
  start(title: string, pinned: number | null): void {
    this.#title = title;
    this.#pinned = pinned;
    this.#last = this.#live ? -Infinity : this.#now();
    if (this.#live) this.#show(title);
  }

  update(p: Progress): void {
    const now = this.#now();
    if (now - this.#last < (this.#live ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS)) return;
    this.#last = now;
    const search = `${short(p.statesPerSecond)} states/s, depth ${p.depth}, frontier ${group(p.frontier)}`;
    const text = `${this.#title}: ${this.#share(p.states)}, ${search}, ${duration(p.seconds)}, ${bytes(p.memoryBytes)}`;
    if (this.#live) this.#show(text);
    else this.#out.write(`${text}\n`);
  }

  #share(states: number): string {
    const pinned = this.#pinned;
    // Who has more than are pinned is another program by now: nobody knows how far it goes.
    if (pinned === null || states > pinned) return `${group(states)} states`;
    return `${group(states)} of ${group(pinned)} states (${Math.floor((100 * states) / pinned)}%)`;
  }

  /** Takes the live line away, so that other text can be written. */
  clear(): void {
    if (this.#shown) this.#out.write(CLEAR_LINE);
    this.#shown = false;
  }

  #show(text: string): void {
    // A terminal that does not know its width says 0.
    const width = (this.#out.columns || 80) - 1;
    this.#out.write(CLEAR_LINE + (text.length > width ? text.slice(0, width) : text));
    this.#shown = true;
  }
}
