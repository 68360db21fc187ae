/** `thpcheck reach`: which scenarios run a line, by the index of the project; and the index itself. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { reasonOf, refuseForeign, writeWhole } from "../../files.ts";
import { mapOf, type BlockRef, type CodeFunction } from "../../compile/code-map.ts";
import { count } from "../../numbers.ts";
import { patchRoot, type LoadedScenario } from "../../project/project.ts";
import { selectScenarios } from "../../project/select.ts";
import { around } from "../../reach/changed-places.ts";
import { indexOf, isIndex, readIndex, REACH_FILE, type MeasuredRow, type ReachIndex, type ReachRow } from "../../reach/reach-index.ts";
import type { Reached } from "../../reach/reached.ts";
import { freshnessOf, functionsOfToday, measuredRow, renewed } from "../../reach/renewal.ts";
import { table } from "../../report/summary.ts";
import { Pool } from "../../runner/pool/pool.ts";
import { REACH_JOB, type ReachTask } from "../../runner/reach-job.ts";
import { UsageError } from "../../usage-error.ts";
import { EXIT_AS_EXPECTED, EXIT_INCOMPLETE, EXIT_NOT_AS_EXPECTED, EXIT_USAGE, type Host } from "../host.ts";

export interface ReachRequest {
  /** `file:line` or `file:function`. */
  readonly places: readonly string[];
  /** Make the index, or bring it up to date. */
  readonly update: boolean;
  /** Compare the programs of the index with those of today. */
  readonly check: boolean;
  readonly format: "pretty" | "json";
}

/** Returns the exit code. Throws a UsageError. */
export async function runReach(request: ReachRequest, host: Host): Promise<number> {
  const root = realpathSync(patchRoot(host.folder));
  if (request.update) return new Renewal(root, host).run();
  if (request.check) return compare(root, host);
  const index = readIndex(root);
  if (index === null) throw new UsageError(`${root} has no ${REACH_FILE}; "npx thpcheck reach --update" makes it (it takes minutes)`);
  if (request.places.length === 0) {
    throw new UsageError('name a line or a function, such as "impl/memory.ts:111" or "impl/memory.ts:handlePteFault"');
  }
  const answers = request.places.map((p) => reaching(p, index, root));
  if (request.format === "json") host.out.write(`${JSON.stringify(answers, null, 2)}\n`);
  else host.out.write(`${answers.map(answerInWords).join("\n\n")}\n`);
  return EXIT_AS_EXPECTED;
}

interface PlaceAnswer {
  readonly place: string;
  readonly function: string;
  /** The text of the function is another than the index has: what is said is of the whole function. */
  readonly outdated: boolean;
  /** The cheapest first. */
  readonly scenarios: readonly ReachRow[];
  /** Scenarios, too large to be explored whole, that may run it as well. */
  readonly mayRun: readonly string[];
}

const cheapestFirst = (a: ReachRow, b: ReachRow): number => a.states - b.states || (a.scenario < b.scenario ? -1 : 1);

/** Throws a UsageError where the place is no code that the index knows. */
function reaching(place: string, index: ReachIndex, root: string): PlaceAnswer {
  const [, file, what] = /^(.+):([^:]+)$/.exec(place) ?? [];
  if (file === undefined || what === undefined) throw new UsageError(`${place}: it must be file:line or file:function`);
  const path = [resolve(file), join(root, file)].find((p) => existsSync(p));
  if (path === undefined) throw new UsageError(`there is no file ${file}`);
  const name = relative(root, isAbsolute(path) ? realpathSync(path) : path).replaceAll("\\", "/");
  const map = mapOf(readFileSync(path, "utf8"));
  const line = /^\d+$/.test(what) ? Number(what) : null;
  const units = line === null ? [] : map.lines(line, 1).units;
  const isKnown = ({ function: f }: BlockRef): boolean => index.functionNamed(name, f.name) !== null;
  const refs: readonly { readonly function: CodeFunction; readonly block: number | null }[] = line === null
    ? map.functions.filter((f) => f.name === what).map((f) => ({ function: f, block: null })).filter((r) => isKnown({ ...r, block: 0 }))
    : units.flatMap(({ unit }) => around(unit).map((u) => u.ref).find(isKnown) ?? []);
  // A line with several blocks: the innermost that is written last, which is what the line is about.
  const last = refs.at(-1);
  if (last === undefined) {
    const others = line === null ? [] : map.lines(line, 1).others;
    const kind = line !== null && units.length === 0 ? ` (${others.join(", ") || "a bracket"})` : "";
    throw new UsageError(`${place} is no code${kind} that is part of a program of the index`);
  }
  const { function: fn, block } = last;
  const outdated = index.functionNamed(name, fn.name)!.hash !== fn.hash;
  const scenarios = index.reaching(name, fn.name, outdated ? null : block).sort(cheapestFirst);
  const mayRun = index.mayReach(name, fn.name).filter((r) => !scenarios.includes(r)).map((r) => r.scenario);
  return { place, function: fn.name, outdated, scenarios, mayRun };
}

function answerInWords({ place, function: fn, outdated, scenarios, mayRun }: PlaceAnswer): string {
  const whole = outdated ? "; its text is another than the index has, so this is who runs any of it (npx thpcheck reach --update)" : "";
  const head = `${place}, in ${fn}: ${count(scenarios.length, "scenario")}${whole}`;
  const rows = scenarios.map((r) => [`  ${r.scenario}`, r.tier, `${count(r.states, "state")}${r.complete ? "" : " explored, of more"}`]);
  const may = mayRun.length === 0 ? [] : [`  may run it as well, being too large to be explored whole: ${mayRun.join(", ")}`];
  return [head, ...(rows.length === 0 ? [] : [table(rows, [false, false, true])]), ...may].join("\n");
}

/** Brings the index up to date, several scenarios at a time. */
class Renewal {
  readonly #root: string;
  readonly #host: Host;
  readonly #index: ReachIndex;
  readonly #rows: MeasuredRow[] = [];
  readonly #failed: string[] = [];
  #done = 0;

  constructor(root: string, host: Host) {
    this.#root = root;
    this.#host = host;
    refuseForeign(join(root, REACH_FILE), "reach --update:", isIndex, "index");
    this.#index = indexOrNone(root);
  }

  async run(): Promise<number> {
    const scenarios = await allScenarios(this.#host.folder);
    const freshness = freshnessOf(this.#index, scenarios.map((s) => s.scenario), this.#root);
    this.#rows.push(...freshness.kept);
    const stale = scenarios.filter((s) => freshness.stale.includes(s.scenario.name));
    const pool = new Pool(this.#host.cores);
    const watch = setInterval(() => { if (this.#host.interrupted()) pool.stop(); }, STOP_INTERVAL_MS);
    const running: Promise<void>[] = [];
    try {
      for (const s of stale) {
        await pool.room();
        if (this.#host.interrupted()) break;
        running.push(this.#measure(pool, s, stale.length));
      }
      await Promise.all(running);
    } finally {
      clearInterval(watch);
      pool.close();
    }
    return this.#end(freshness.gone);
  }

  async #measure(pool: Pool, { file, scenario: { name, tier } }: LoadedScenario, of: number): Promise<void> {
    const task: ReachTask = { file, name, root: this.#root };
    let answer: Reached;
    try {
      answer = await pool.run<Reached>({ module: REACH_JOB, task });
    } catch (e) {
      this.#failed.push(`${name}: ${(e as Error).message}`);
      return;
    }
    // What was interrupted has seen less than it says.
    if (this.#host.interrupted()) return;
    const row = measuredRow({ scenario: name, file: relative(this.#root, file).replaceAll("\\", "/"), tier }, answer);
    this.#rows.push(row);
    this.#host.err.write(`[${++this.#done}/${of}] ${name}: ${count(row.states, "state")}${row.complete ? "" : ", of more"}\n`);
  }

  #end(gone: readonly string[]): number {
    for (const f of this.#failed) this.#host.err.write(`thpcheck: ${f}\n`);
    if (this.#failed.length > 0) return EXIT_USAGE;
    if (this.#host.interrupted()) {
      this.#host.err.write("thpcheck: interrupted; the index is as it was\n");
      return EXIT_INCOMPLETE;
    }
    const path = join(this.#root, REACH_FILE);
    const index = renewed(this.#rows, functionsOfToday(this.#index, this.#root));
    try {
      writeWhole(path, index.text());
    } catch (e) {
      throw new UsageError(`${path} could not be written: ${reasonOf(e)}`);
    }
    const blocks = index.functions.reduce((sum, f) => sum + f.blocks, 0);
    const counted = `${count(index.rows.length, "scenario")}, ${count(index.functions.length, "function")}, ${count(blocks, "block")}`;
    this.#host.out.write(`${REACH_FILE}: ${counted}; measured anew: ${this.#done}, left out since they are gone: ${gone.length}\n`);
    return EXIT_AS_EXPECTED;
  }
}

/** One that is damaged, or of another version, is made anew. */
function indexOrNone(root: string): ReachIndex {
  try {
    return readIndex(root) ?? indexOf([]);
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    return indexOf([]);
  }
}

const STOP_INTERVAL_MS = 50;

/** Throws a UsageError where one cannot be loaded: an index without its scenarios would look whole. */
async function allScenarios(folder: string): Promise<readonly LoadedScenario[]> {
  const { scenarios, failures } = await selectScenarios([], "nightly", folder);
  if (failures.length > 0) throw new UsageError(failures.join("\n"));
  return scenarios;
}

async function compare(root: string, host: Host): Promise<number> {
  const index = readIndex(root);
  if (index === null) throw new UsageError(`${root} has no ${REACH_FILE}; "npx thpcheck reach --update" makes it`);
  const scenarios = await allScenarios(host.folder);
  const { kept, stale, gone } = freshnessOf(index, scenarios.map((s) => s.scenario), root);
  const wrong = [...stale, ...gone];
  if (wrong.length === 0) {
    host.out.write(`${REACH_FILE} is of the programs of today: ${count(kept.length, "scenario")}\n`);
    return EXIT_AS_EXPECTED;
  }
  const where = `${count(wrong.length, "scenario")}: ${wrong.join(", ")}`;
  host.out.write(`${REACH_FILE} is out of date in ${where}\n"npx thpcheck reach --update" measures them\n`);
  return EXIT_NOT_AS_EXPECTED;
}
