/** The results of a run as one JSON document: in the file of `--out`, or on the standard output. */
import type { PatchReport, ScenarioResult, Tier } from "../result.ts";
import { UsageError } from "../usage-error.ts";
import { resultFile, toJson, type OutFile } from "./json.ts";
import type { Output } from "./output.ts";
import type { Reporter, ReportedScenario, RunEnd, RunHead } from "./reporter.ts";

abstract class JsonReporter implements Reporter {
  #tier: Tier = "quick";
  #seed = 0;
  readonly #results: ScenarioResult[] = [];

  get hasFailed(): boolean { return false; }

  protected document(patch: PatchReport | null = null): string {
    return toJson(resultFile(this.#tier, this.#seed, this.#results, patch));
  }

  begin({ tier, options }: RunHead): void {
    this.#tier = tier;
    this.#seed = options.seed;
  }
  result({ checked }: ReportedScenario): void {
    this.#results.push(checked.result);
  }
  plan(): void {}
  start(): void {}
  progress(): void {}
  variant(): void {}
  remark(): void {}
  complain(): void {}
  abstract end(end: RunEnd): void;
  abstract close(): void;
}

/** Writes the document when the run ends. */
export class JsonStreamReporter extends JsonReporter {
  readonly #out: Output;

  constructor(out: Output) {
    super();
    this.#out = out;
  }

  override end({ patch }: RunEnd): void {
    this.#out.write(this.document(patch));
  }
  override close(): void {}
}

/** Keeps a file up to date after each scenario. A disk that refuses is reported once, and the run goes on. */
export class JsonFileReporter extends JsonReporter {
  readonly #file: OutFile;
  readonly #complain: (text: string) => void;
  #failed = false;

  constructor(file: OutFile, complain: (text: string) => void) {
    super();
    this.#file = file;
    this.#complain = complain;
  }

  override get hasFailed(): boolean { return this.#failed; }

  /** From here on the file holds a document: one without results, until the first scenario ends. */
  override plan(): void {
    this.#attempt(() => { this.#file.write(this.document()); });
  }
  override result(reported: ReportedScenario): void {
    super.result(reported);
    this.#attempt(() => { this.#file.write(this.document()); });
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
  override end({ patch }: RunEnd): void {
    this.#attempt(() => {
      if (patch !== null) this.#file.write(this.document(patch));
      this.#file.finish();
    });
  }
  override close(): void {}
}
