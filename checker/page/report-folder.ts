/** `check --report DIR`: a folder with the index of a run, and a page for each violation. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemShowing } from "../check/showing.ts";
import { clearsDeadLocals, type Engine, type FurtherTrace } from "../check/options.ts";
import { reasonOf, writeWhole } from "../files.ts";
import { withMachines } from "../project/machines.ts";
import { pictureOf } from "../project/picture.ts";
import type { LoadedScenario } from "../project/project.ts";
import type { ReplayedTrace } from "../result.ts";
import { CollectingReporter } from "../report/collecting-reporter.ts";
import { furtherName, replayCommand } from "../report/replay-command.ts";
import type { ReportedScenario, RunEnd, RunHead } from "../report/reporter.ts";
import { storyOf } from "../trace/story.ts";
import { UsageError } from "../usage-error.ts";
import { isPage, pageDocument } from "./document.ts";
import { indexPage } from "./index-page.ts";
import { pageData } from "./trace-data.ts";

const INDEX = "index.html";
/** Pages of violations, by the names of their scenarios. */
const TRACES = "traces";

interface ShownTrace extends FurtherTrace {
  /** The name of its case. */
  readonly title: string;
}

export class ReportFolder extends CollectingReporter {
  readonly #folder: string;
  #complain: (text: string) => void = () => {};
  /** By trace, and of a scenario's first one by its name as well. */
  readonly #pages = new Map<string | ReplayedTrace, string>();
  #failed = false;
  /** What this run has made before it had anything to tell: files and folders, innermost first. */
  #made: readonly string[] = [];

  /** Makes the folder, unless it is there. Throws a UsageError where it cannot be written, or holds what no run has put there. */
  constructor(folder: string) {
    super();
    this.#folder = folder;
    refuseForeign(folder);
    attempt(folder, () => {
      // Each by itself: what makes a whole path never ends where a file system has no room for one, such as /proc.
      const index = join(folder, INDEX);
      this.#made = [index, join(folder, TRACES), folder].filter((path) => !existsSync(path));
      for (const path of [folder, join(folder, TRACES)]) if (!existsSync(path)) mkdirSync(path);
      // What cannot be written is known before hours of work.
      writeFileSync(index, existing(index) ?? "");
    });
  }

  /** The page to begin with. */
  get index(): string { return join(this.#folder, INDEX); }

  override get hasFailed(): boolean { return this.#failed; }

  /** Writes the pages of all violations so far. `complain` hears what goes wrong, from here on. */
  async writePages(engine: Engine, complain: (text: string) => void): Promise<void> {
    this.#complain = complain;
    const traces = join(this.#folder, TRACES);
    for (const name of readdirSync(traces)) if (isPage(existing(join(traces, name)) ?? "")) unlinkSync(join(traces, name));
    for (const reported of this.scenarios) {
      for (const [name, shown] of this.#shown(reported)) {
        try {
          writeWhole(join(traces, `${name}.html`), await this.#page(reported.loaded, shown, engine));
          for (const key of [shown.title, shown.replayed]) this.#pages.set(key, `${TRACES}/${name}.html`);
        } catch (e) {
          this.#fail(`the page of ${shown.title} could not be written: ${e instanceof UsageError ? e.message : reasonOf(e)}`);
        }
      }
    }
  }

  /** By the name of its page, each violation of a scenario. */
  #shown({ checked, story }: ReportedScenario): (readonly [string, ShownTrace])[] {
    const { result: { scenario }, replayed, further } = checked;
    const first: readonly ShownTrace[] = replayed === null ? [] : [{ title: scenario, replayed, story }];
    const others = further.map((f): ShownTrace => ({ title: furtherName(scenario, f.replayed.property.name), ...f }));
    return [...first, ...others].map((shown, n) => [n === 0 ? scenario : `${scenario}.${n + 1}`, shown] as const);
  }

  async #page(loaded: LoadedScenario, { replayed, story }: ShownTrace, engine: Engine): Promise<string> {
    const { folder } = this.head;
    const scenario = await withMachines(loaded.scenario, folder);
    const { system: plain } = await engine.compile(scenario, { clearDeadLocals: clearsDeadLocals(scenario, null) });
    const system = await systemShowing(scenario, replayed.property, plain);
    const replay = replayCommand(replayed.trace, replayed.actors, loaded.from);
    const data = pageData({ scenario, system, replayed, story: story ?? storyOf(scenario, replayed), replay });
    return pageDocument(data, await pictureOf(scenario, folder));
  }

  override end(end: RunEnd): void {
    this.#made = [];
    try {
      writeWhole(join(this.#folder, INDEX), indexPage({ head: this.head, scenarios: this.scenarios, end }, this.#pages));
    } catch (e) {
      this.#fail(`--report ${this.#folder} could not be written: ${reasonOf(e)}`);
    }
  }

  #fail(text: string): void {
    this.#failed = true;
    this.#complain(text);
  }

  /** Where the run came to no end, since nothing could be run, nothing of the report is left. */
  override close(): void {
    for (const path of this.#made) rmSync(path, { recursive: true, force: true });
  }
}

/** A run of another command than `check`, which has looked at scenarios as well. */
export interface OtherRun {
  readonly head: RunHead;
  readonly scenarios: readonly ReportedScenario[];
  /** What could not be looked at, a sentence each. */
  readonly failures: readonly string[];
  readonly exitCode: number;
}

/** Writes the report of such a run. `complain` hears what goes wrong. Returns whether all could be written. */
export async function writeReport(
  folder: ReportFolder, { head, scenarios, failures, exitCode }: OtherRun, engine: Engine, complain: (text: string) => void,
): Promise<boolean> {
  folder.begin(head);
  for (const reported of scenarios) folder.result(reported);
  await folder.writePages(engine, complain);
  folder.end({
    results: scenarios.map((s) => s.checked.result), notRun: [], failures, leftOut: [], unwritten: [], auditsCut: [], disagreements: [],
    patch: null, exitCode,
  });
  return !folder.hasFailed;
}

/** The text of a file; null where there is none that can be read. */
function existing(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

function attempt<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (e) {
    throw new UsageError(`--report ${folder} cannot be written: ${reasonOf(e)}`);
  }
}

/** A folder is ours if its index is, and empty if nothing is in it. */
function refuseForeign(folder: string): void {
  if (folder === "") throw new UsageError("--report needs the name of a folder");
  const found = attempt(folder, () => statSync(folder, { throwIfNoEntry: false }));
  if (found === undefined) return;
  if (!found.isDirectory()) throw new UsageError(`--report ${folder} cannot be written: it is no folder`);
  if (attempt(folder, () => readdirSync(folder)).length === 0) return;
  const index = existing(join(folder, INDEX));
  if (index !== "" && (index === null || !isPage(index))) {
    throw new UsageError(`--report ${folder} holds files that are no report of thpcheck; they are left as they are: name another folder`);
  }
}
