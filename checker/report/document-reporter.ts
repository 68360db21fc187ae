/** The results of a run as one document in some format: in a file of `--out`, or on the standard output. */
import { UsageError } from "../usage-error.ts";
import { CollectingReporter } from "./collecting-reporter.ts";
import type { ReportedRun, ResultFormat } from "./formats/reported-run.ts";
import type { OutFile } from "./out-file.ts";
import type { Output } from "./output.ts";
import type { ReportedScenario, RunEnd } from "./reporter.ts";

abstract class DocumentReporter extends CollectingReporter {
  readonly #format: ResultFormat;

  constructor(format: ResultFormat) {
    super();
    this.#format = format;
  }

  get hasFailed(): boolean { return false; }

  protected document(end: RunEnd | null): string {
    const run: ReportedRun = { head: this.head, scenarios: this.scenarios, end };
    return this.#format.render(run);
  }
}

/** Writes the document when the run ends. */
export class StreamReporter extends DocumentReporter {
  readonly #out: Output;

  constructor(format: ResultFormat, out: Output) {
    super(format);
    this.#out = out;
  }

  override end(end: RunEnd): void {
    this.#out.write(this.document(end));
  }
}

/** Keeps a file up to date after each scenario. A disk that refuses is reported once, and the run goes on. */
export class FileReporter extends DocumentReporter {
  readonly #file: OutFile;
  readonly #complain: (text: string) => void;
  #failed = false;

  constructor(format: ResultFormat, file: OutFile, complain: (text: string) => void) {
    super(format);
    this.#file = file;
    this.#complain = complain;
  }

  override get hasFailed(): boolean { return this.#failed; }

  /** From here on the file holds a document: one without results, until the first scenario ends. */
  override plan(): void {
    this.#attempt(() => { this.#file.write(this.document(null)); });
  }
  override result(reported: ReportedScenario): void {
    super.result(reported);
    this.#attempt(() => { this.#file.write(this.document(null)); });
  }
  override end(end: RunEnd): void {
    this.#attempt(() => {
      this.#file.write(this.document(end));
      this.#file.finish();
    });
  }

  #attempt(write: () => void): void {
    if (this.#failed) return;
    try {
      write();
    } catch (e) {
      if (!(e instanceof UsageError)) throw e;
      this.#failed = true;
      this.#complain(e.message);
    }
  }
}
