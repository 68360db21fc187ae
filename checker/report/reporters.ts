/** Which reporters a run has: the one place where a further format is added. */
import { JsonFileReporter, JsonStreamReporter } from "./json-reporter.ts";
import { OutFile } from "./json.ts";
import type { Output, Paint } from "./output.ts";
import type { Reporter, ReportedScenario, RunEnd, RunHead, Turn } from "./reporter.ts";
import { TerminalReporter } from "./terminal-reporter.ts";
import type { Progress } from "../search/explore.ts";

export interface ReporterChoice {
  readonly format: "pretty" | "json";
  /** The file of `--out`; null: none. */
  readonly file: string | null;
  /** Say at the end in how many states each invariant was in force. */
  readonly invariants: boolean;
  /** Show traces with everything. */
  readonly full: boolean;
}

export interface Streams {
  readonly out: Output;
  readonly err: Output;
  readonly color: boolean;
  readonly paint: Paint;
}

/** Throws a UsageError when the file cannot be written. */
export function reportersFor(choice: ReporterChoice, { out, err, color, paint }: Streams): Reporter {
  const file = choice.file === null ? null : new OutFile(choice.file);
  // Results as JSON own the standard output; whatever is for people then goes to the other one.
  const terminal = new TerminalReporter({
    out: choice.format === "json" ? err : out, err, color, paint, width: out, resultsFile: choice.file, invariants: choice.invariants,
    full: choice.full,
  });
  const machine: Reporter[] = [];
  if (file !== null) machine.push(new JsonFileReporter(file, (text) => { terminal.complain(text); }));
  else if (choice.format === "json") machine.push(new JsonStreamReporter(out));
  return new Several([...machine, terminal]);
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
