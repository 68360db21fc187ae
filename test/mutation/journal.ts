/**
 * Trials of earlier runs, one a line, so that an interrupted run goes on where it was. A trial counts only for the program,
 * promises, scenarios and checker that it was made with, and for the time that it was given.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Trial } from "./try-mutant.ts";

interface Line {
  readonly world: string;
  readonly trial: Trial;
}

export class Journal {
  readonly #file: string;
  readonly #world: string;
  readonly #trials = new Map<string, Trial>();

  /** Lines that are damaged, since the run was killed while it wrote, count as not written. */
  constructor(file: string, world: string) {
    this.#file = file;
    this.#world = world;
    mkdirSync(dirname(file), { recursive: true });
    for (const text of existsSync(file) ? readFileSync(file, "utf8").split("\n") : []) {
      const line = parsed(text);
      if (line?.world === world) this.#trials.set(line.trial.id, line.trial);
    }
  }

  get(id: string): Trial | null {
    return this.#trials.get(id) ?? null;
  }

  add(trial: Trial): void {
    this.#trials.set(trial.id, trial);
    appendFileSync(this.#file, `${JSON.stringify({ world: this.#world, trial } satisfies Line)}\n`);
  }
}

function parsed(text: string): Line | null {
  try {
    return text === "" ? null : (JSON.parse(text) as Line);
  } catch {
    return null;
  }
}
