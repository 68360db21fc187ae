/** The branching of hand-written systems: an odometer over the choices of one step. */
export class BranchScript {
  #choices: number[] = [];
  #options: number[] = [];
  #at = 0;

  /** Called at the start of every step. */
  begin(): void {
    this.#at = 0;
  }

  choose(n: number): number {
    const i = this.#at++;
    if (i === this.#choices.length) this.#choices.push(0);
    this.#options[i] = n;
    return this.#choices[i]!;
  }

  /** Moves to the next branch: the last choice that has options left is advanced. */
  next(): boolean {
    if (this.#at === 0) return false;
    this.#choices.length = this.#at;
    while (this.#choices.length > 0) {
      const last = this.#choices.length - 1;
      this.#choices[last]!++;
      if (this.#choices[last]! < this.#options[last]!) return true;
      this.#choices.pop();
    }
    return false;
  }

  taken(): number[] {
    return this.#choices.slice(0, this.#at);
  }

  set(choices: readonly number[]): void {
    this.#choices = [...choices];
    this.#at = 0;
  }
}
