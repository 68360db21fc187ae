/** The lines of the source that a page shows: those around each place of a trace. */
import { shortPath } from "../error-sentence.ts";
import type { Scenario } from "../scenario.ts";
import { SourceText } from "../trace/source-text.ts";
import type { TraceData } from "./data.ts";

/** Lines before a place, and after it. */
const LINES_AROUND = 3;

interface Excerpt {
  readonly number: number;
  /** The lines of the file; none where it cannot be had. */
  readonly all: readonly string[];
  /** Those that are shown, by their numbers. */
  readonly shown: Map<number, string>;
}

export class SourceExcerpts {
  readonly #text: SourceText;
  /** By the path as the program has it. */
  readonly #files = new Map<string, Excerpt>();

  constructor(scenario: Scenario) {
    this.#text = new SourceText(scenario);
  }

  /** The place will be shown. Gives the number of the file in `sources`. */
  show(file: string, line: number): number {
    const known = this.#files.get(file) ?? this.#open(file);
    for (let n = Math.max(1, line - LINES_AROUND); n <= Math.min(known.all.length, line + LINES_AROUND); n++) {
      known.shown.set(n, known.all[n - 1]!);
    }
    return known.number;
  }

  #open(file: string): Excerpt {
    const opened = { number: this.#files.size, all: this.#text.lines(file) ?? [], shown: new Map<number, string>() };
    this.#files.set(file, opened);
    return opened;
  }

  get sources(): TraceData["sources"] {
    return [...this.#files].map(([file, { shown }]) => {
      const lines = [...shown].sort(([a], [b]) => a - b);
      return { file: shortPath(file), lines: Object.fromEntries(lines) };
    });
  }
}
