/** What threads learn of one another: a word that one changed, when another reads it for the first time since. */
import type { FreshRead } from "../result.ts";

export class FreshReads {
  /** Who changed a word last, and in which step. */
  readonly #changed = new Map<string, { readonly actor: string; readonly step: number }>();
  /** By actor and word, the step whose change it has seen. */
  readonly #seen = new Map<string, number>();
  /** The first step of each actor. */
  readonly #begun = new Map<string, number>();

  /** Of the words that a step reads, those that another actor has changed since it last looked. */
  reads(actor: string, step: number, names: readonly string[]): Omit<FreshRead, "value">[] {
    const begun = this.#begun.get(actor) ?? step;
    this.#begun.set(actor, begun);
    return names.flatMap((name) => {
      const changed = this.#changed.get(name);
      const key = `${actor} ${name}`;
      if (changed === undefined || changed.actor === actor || this.#seen.get(key) === changed.step) return [];
      this.#seen.set(key, changed.step);
      return [{ name, writer: changed.step, isMeanwhile: changed.step > begun }];
    });
  }

  changes(actor: string, name: string, step: number): void {
    this.#changed.set(name, { actor, step });
  }
}
