/** Which reporters a run has: one for people, and one for each document that is asked for. */
import { FileReporter, StreamReporter } from "./document-reporter.ts";
import { formatNamed } from "./formats/index.ts";
import { OutFile } from "./out-file.ts";
import type { Output, Paint } from "./output.ts";
import type { Reporter, ReportedScenario, RunEnd, RunHead, Turn } from "./reporter.ts";
import { TerminalReporter } from "./terminal-reporter.ts";
import type { Progress } from "../search/explore.ts";

/** A file of `--out`. */
export interface ResultsFile {
  /** One of `RESULT_FORMATS`, by name. */
  readonly format: string;
  readonly path: string;
}

export interface ReporterChoice {
  /** What the standard output gets: text for people, or a document in this format. */
  readonly format: string;
  readonly files: readonly ResultsFile[];
  /** Say at the end in how many states each invariant was in force. */
  readonly invariants: boolean;
  /** Show traces with everything. */
  readonly full: boolean;
  /** One more; null: none. */
  readonly also: Reporter | null;
}

export interface Streams {
  readonly out: Output;
  readonly err: Output;
  readonly color: boolean;
  readonly paint: Paint;
}

/** Throws a UsageError when a file cannot be written. */
export async function reportersFor(choice: ReporterChoice, { out, err, color, paint }: Streams): Promise<Reporter> {
  const files = await Promise.all(choice.files.map(async ({ format: name, path }) => {
    const format = await formatNamed(name)!.load();
    return { format, file: new OutFile(path, format) };
  }));
  const stream = await formatNamed(choice.format)?.load();
  const results = choice.files.find((f) => f.format === "json")?.path ?? null;
  // A document owns the standard output; whatever is for people then goes to the other one.
  const terminal = new TerminalReporter({
    out: stream === undefined ? out : err, err, color, paint, width: out, resultsFile: results,
    invariants: choice.invariants, full: choice.full,
  });
  const machine: Reporter[] = files.map(({ format, file }) => new FileReporter(format, file, (text) => { terminal.complain(text); }));
  // A file in the same format takes the place of the standard output.
  if (stream !== undefined && !choice.files.some((f) => f.format === choice.format)) machine.push(new StreamReporter(stream, out));
  return new Several([...machine, ...choice.also === null ? [] : [choice.also], terminal]);
}

/** Tells several reporters, in their order. */
class Several implements Reporter {
  readonly #all: readonly Reporter[];

  constructor(all: readonly Reporter[]) {
    this.#all = all;
  }

  get hasFailed(): boolean { return this.#all.some((r) => r.hasFailed); }

  begin(head: RunHead): void { for (const r of this.#all) r.begin(head); }
  plan(scenarios: number): void { for (const r of this.#all) r.plan(scenarios); }
  start(turn: Turn): void { for (const r of this.#all) r.start(turn); }
  progress(progress: Progress): void { for (const r of this.#all) r.progress(progress); }
  variant(name: string): void { for (const r of this.#all) r.variant(name); }
  result(reported: ReportedScenario): void { for (const r of this.#all) r.result(reported); }
  remark(text: string): void { for (const r of this.#all) r.remark(text); }
  complain(text: string): void { for (const r of this.#all) r.complain(text); }
  end(end: RunEnd): void { for (const r of this.#all) r.end(end); }
  close(): void { for (const r of this.#all) r.close(); }
}
