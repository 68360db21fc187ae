/** What threads learn of one another: a word that one changed, when another reads it for the first time since. */
import type { FreshRead } from "../result.ts";
import type { CallTimes } from "./call-times.ts";

export class FreshReads {
  readonly #times: CallTimes;
  /** Who changed a word last, and in which step. */
  readonly #changed = new Map<string, { readonly actor: string; readonly step: number }>();
  /** By actor and word, the step whose change it has seen. */
  readonly #seen = new Map<string, number>();

  constructor(times: CallTimes) {
    this.#times = times;
  }

  /** Of the words that a step of `actor` reads, those that another has changed, in a concurrent call, since it last looked. */
  reads(actor: string, names: readonly string[]): Omit<FreshRead, "value">[] {
    return names.flatMap((name) => {
      const changed = this.#changed.get(name);
      const key = `${actor} ${name}`;
      if (changed === undefined || changed.actor === actor || this.#seen.get(key) === changed.step) return [];
      this.#seen.set(key, changed.step);
      return this.#times.areConcurrent(actor, changed.actor, changed.step) ? [{ name, writer: changed.step }] : [];
    });
  }

  changes(actor: string, name: string, step: number): void {
    this.#changed.set(name, { actor, step });
  }
}
