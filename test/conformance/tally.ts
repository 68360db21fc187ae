/** What a run of `conform` has come to. */
import type { Judgement } from "./judge.ts";
import { rulesText } from "./report.ts";
import { addSuppressed, firedTooOften, type RuleName, type Suppressed } from "./rules.ts";

export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  interrupted = false;
  /** Time of impl/ alone. */
  implMs = 0;
  implPrograms = 0;
  readonly #suppressed: Suppressed = {};
  #observations = 0;
  /** On real kernels, and those of them in which others moved counters. */
  #steps = 0;
  #disturbed = 0;

  /** What was compared, whether it agrees or not. */
  add({ observations, suppressed, steps, disturbed }: Judgement): void {
    this.#observations += observations;
    this.#steps += steps;
    this.#disturbed += disturbed;
    for (const [rule, n] of Object.entries(suppressed)) addSuppressed(this.#suppressed, rule as RuleName, n);
  }

  /** The last words of a run, and its exit code. */
  end(say: (text: string) => void): number {
    const tally = { observations: this.#observations, steps: this.#steps, disturbed: this.#disturbed };
    const tooOften = firedTooOften(this.#suppressed, tally);
    say(`\n${rulesText(this.#suppressed, tally)}`);
    if (tooOften !== null) say(`FAIL: ${tooOften}`);
    if (this.implPrograms > 0) say(`impl/: ${Math.round(this.implPrograms / (this.implMs / 1000))} programs/s of processor time`);
    say(`${this.passed} agree, ${this.failed} disagree, ${this.skipped} skipped${this.interrupted ? "; interrupted" : ""}`);
    return this.failed > 0 || this.interrupted || tooOften !== null ? 1 : 0;
  }
}
