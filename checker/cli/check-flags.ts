/** The options of `thpcheck check`: their help, which of them contradict one another, and the request that they make. */
import { resolve } from "node:path";
import { Option, type Command } from "commander";
import type { CheckOptions } from "../check/options.ts";
import type { EngineChoice, StrategyName, Tier } from "../result.ts";
import { SEARCH_WORKERS_MAX } from "../search/run.ts";
import { RESULT_FORMATS, formatNamed } from "../report/formats/index.ts";
import type { ResultsFile } from "../report/reporters.ts";
import { DEFAULT_PCT_DEPTH } from "../search/strategy/pct.ts";
import { UsageError } from "../usage-error.ts";
import type { CheckRequest } from "./commands/check.ts";
import { constraints, positiveInteger, positiveSeconds, readPatch, seed, size, tierOption } from "./options.ts";

/** What commander makes of the options of `check`. */
export interface CheckFlags {
  strategy: StrategyName;
  engine: EngineChoice;
  workers?: number;
  exact?: boolean;
  maxStates?: number;
  maxDepth?: number;
  time?: number;
  memory?: number;
  walks?: number;
  pctDepth?: number;
  patch?: string;
  policy?: string;
  seed: number;
  tier: Tier;
  format: string;
  out?: readonly string[];
  report?: string;
  from?: string;
  updatePins?: boolean;
  audit?: boolean;
  upTo?: number;
  minimise: boolean;
  sanitize?: boolean;
  refine: boolean;
  traps: boolean;
  liveness: boolean;
  coverage?: boolean;
  invariants?: boolean;
  full?: boolean;
  strict?: boolean;
  reach?: boolean;
  continue?: boolean;
  fingerprintBits: "32" | "64";
}

const HELP = `
A scenario that is named exactly, or by its file, runs whatever its tier. Bounds apply to each scenario; one that stops
at a bound is INCOMPLETE (exit code 3), never a pass.

Examples:
  npx thpcheck check                                the quick tier
  npx thpcheck check racy --continue                all that it breaks, not only what breaks first
  npx thpcheck check 'peterson-*' --workers 2       all scenarios whose names match, on two cores
  npx thpcheck check ./racy.ts                      the scenarios of a file of your own, in any folder
  npx thpcheck check racy-counter --from ./racy.ts  one of them
  npx thpcheck check thp-resv-xl --exact --time 300 one scenario, whole states, at most five minutes
  npx thpcheck check 'collapse-*' --patch idea.patch  the project with a patch applied in memory
  npx thpcheck check --patch idea.patch --reach     whatever comes to the lines that it changes
  npx thpcheck check big --strategy pct --walks 10000   too large to exhaust: schedules that find rare orders
  npx thpcheck check --out run.json                 results for a program, beside those on the screen
  npx thpcheck check --out junit:run.xml --out sarif:run.sarif   results for a CI system
  npx thpcheck check --report report/               to look at: open report/index.html in a browser
  npx thpcheck check dining --update-pins           write its state counts into its source

A violation prints its trace and the command that replays it. Read it downward: each column is a thread.`;

const STRATEGIES = "bfs: shortest traces; dfs: less memory at the frontier; random, pct: walks through what is too large";
const ENGINES = "what searches run in: js (JavaScript), wasm (WebAssembly), or auto: wasm for scenarios that pin 500,000 states or " +
  "more; the results are the same. What WebAssembly does not support runs in JavaScript, and its result says why";
const WORKERS = "how many work at once; the results are the same for any number (default: one for each core). " +
  "Small scenarios are checked side by side; a scenario that pins 3 million states or more, or that is checked alone by name, " +
  "has its search shared by all; 1: everything in one process";
const FORMATS = `what the standard output gets: text for people, or ${RESULT_FORMATS.map((f) => `${f.name} (${f.purpose})`).join(", ")}`;
const OUT = "write the results to a file as well, kept up to date after each scenario: as JSON, or in the format before the colon; " +
  "may be given several times";
const REPORT = "write a report to look at: an index of the run, and a page for each violation with every step and memory at it";
const SANITIZE = "hold every block to the sanitizers as well: atomicity, data races, lock order " +
  "(in the full tier done for scenarios that ask for it, in the nightly tier for all that pin few states as well)";
const PINS = "write the counts found into the scenarios' source files; of scenarios whose names are computed, " +
  "into a table beside them (scenarios.ts: scenarios.pins.json)";

/** Declares the options, in the order of the help. */
export function addCheckOptions(command: Command): Command {
  command
    .description("check scenarios: explore all their states, compare with what each expects")
    .argument("[pattern...]", "names, globs of names, or files of scenarios; none: all scenarios of the tier")
    .option("--from <file>", "the patterns name scenarios of this file, of any tier, which thpcheck.config.ts need not list")
    .addOption(tierOption().default("quick"));
  addSearchOptions(command);
  return command
    .addOption(new Option("--format <format>", FORMATS).choices(["pretty", ...RESULT_FORMATS.map((f) => f.name)]).default("pretty"))
    .addOption(new Option("--out <[format:]file>", OUT)
      .argParser<readonly string[] | undefined>((value, before) => [...before ?? [], value]))
    .option("--report <dir>", REPORT)
    .option("--patch <file>", "load the project with this unified diff applied in memory: a fix undone, or an idea of yours")
    .option("--reach", "with --patch: run the scenarios of any tier that come to the changed lines, until one is not as expected")
    .option("--policy <name>", "run scenarios that know policies under this one: NAME means NAME@POLICY")
    .option("--continue", "go on past violations: every promise that breaks is found, with a trace of its own " +
      "(whether an end stays reachable, and which witness is missing, is asked only where nothing breaks)")
    .option("--no-minimise", "keep a violation's trace as it was found")
    .option("--sanitize", SANITIZE)
    .option("--no-refine", "do not hold each step to the machines of the specification")
    .option("--no-traps", "do not ask that an end stays reachable from every state (that no threads go round for ever)")
    .option("--no-liveness", "do not ask what scenarios promise of whole runs (eventually, leadsTo and their like)")
    .option("--invariants", "say at the end in how many states each invariant was in force, that is not excused")
    .option("--strict", "a warning is not as expected: for a run whose scenarios are to have none")
    .option("--full", "show traces with every step, every field and every local, not only what matters to the broken promise")
    .option("--coverage", "count the basic blocks that run, and list the lines that no scenario reached")
    .addOption(new Option("--fingerprint-bits <bits>", "32 is a test mode that loses states on purpose, as the report then says")
      .choices(["32", "64"]).default("64"))
    .option("--update-pins", PINS)
    .option("--up-to <states>", "leave out scenarios that pin more states than this, or none", positiveInteger)
    .option("--audit", "check each scenario in several ways (exact, other seed, dfs, 2 workers, WebAssembly) and compare")
    .addHelpText("after", HELP);
}

function addSearchOptions(command: Command): void {
  const help = `ordering constraints of the bugs that --strategy pct looks for (default: ${DEFAULT_PCT_DEPTH})`;
  command
    .addOption(new Option("--strategy <name>", STRATEGIES).choices(["bfs", "dfs", "random", "pct"]).default("bfs"))
    .addOption(new Option("--engine <name>", ENGINES).choices(["auto", "js", "wasm"]).default("auto"))
    .option("--workers <n>", WORKERS, positiveInteger)
    .option("--exact", "compare whole states, not 64-bit fingerprints: no collisions, more memory")
    .option("--max-states <n>", "stop a scenario after so many states", positiveInteger)
    .option("--max-depth <n>", "do not go deeper than so many states from the start", positiveInteger)
    .option("--time <seconds>", "stop a scenario after so many seconds", positiveSeconds)
    .option("--memory <size>", "stop a scenario when the process takes more, e.g. 512M or 2G", size)
    .option("--walks <n>", "walks to take, with --strategy random or pct", positiveInteger)
    .option("--pct-depth <d>", help, constraints)
    .addOption(new Option("--seed <n>", "seed of fingerprints and walks; the same seed gives the same run").argParser(seed).default(0));
}

/** Options that would be ignored or contradict one another are refused: a person who gives them expects something. */
export function refuseContradictions(f: CheckFlags): void {
  const workers = f.workers ?? 1;
  const refuse = (contradicts: boolean, why: string): void => {
    if (contradicts) throw new UsageError(why);
  };
  refuse(workers > SEARCH_WORKERS_MAX, `--workers ${workers}: at most ${SEARCH_WORKERS_MAX} threads can share a search`);
  refuse(f.strategy !== "bfs" && workers > 1, `--workers ${workers} needs --strategy bfs; ${f.strategy} runs on one thread`);
  refuse(f.strategy !== "bfs" && f.continue === true, `--continue needs --strategy bfs; ${f.strategy} ends with the first violation`);
  refuse(f.exact === true && workers > 1, "--exact runs on one thread; leave out --workers");
  refuse(f.engine === "wasm" && (f.strategy !== "bfs" || f.exact === true),
    "--engine wasm is for breadth-first searches with fingerprints; leave out --strategy and --exact");
  refuse(f.walks !== undefined && f.strategy !== "random" && f.strategy !== "pct", "--walks needs --strategy random or pct");
  refuse(f.pctDepth !== undefined && f.strategy !== "pct", "--pct-depth needs --strategy pct");
  refuse(f.audit === true && (f.strategy !== "bfs" || f.exact === true || f.workers !== undefined || f.engine !== "auto"),
    "--audit chooses strategies, engines, workers and exactness itself; leave those options out");
  refuse(f.audit === true && f.continue === true, "--audit compares searches that end with the first violation; leave out --continue");
  refuse(f.reach === true && f.patch === undefined, "--reach runs what comes to the lines of a patch; name it: --patch idea.patch");
  refuse(f.reach === true && f.policy !== undefined, "--reach chooses by names, policies included (NAME@POLICY); leave out --policy");
  refuse(f.reach === true && f.from !== undefined, "--reach chooses among the project's scenarios; leave out --from");
  if (f.updatePins !== true) return;
  refuse(f.patch !== undefined, "--update-pins would pin the counts of the patched program; leave out --patch");
  refuse(f.policy !== undefined, "--update-pins writes into scenarios as they are listed; leave out --policy");
  refuse(f.strategy !== "bfs", "--update-pins needs --strategy bfs: only a breadth-first search knows depths and shortest traces");
}

/** The request that the options make. Throws a UsageError for a patch that cannot be read. */
export function requestOf(patterns: readonly string[], flags: CheckFlags, defaults: CheckOptions): CheckRequest {
  const {
    tier,
    format,
    out = [],
    updatePins = false,
    audit = false,
    invariants = false,
    full = false,
    strict = false,
    reach = false,
    report = null,
    from = null,
    upTo = null,
    policy = null,
  } = flags;
  return {
    patterns, from, tier, options: optionsOf(flags, defaults), format, out: resultsFiles(out), updatePins, audit, invariants, full, strict,
    upTo, policy, reach, report,
  };
}

function optionsOf(flags: CheckFlags, defaults: CheckOptions): CheckOptions {
  const { strategy, engine, seed: chosen, minimise, refine, traps, liveness, tier } = flags;
  const unlessAsked = tier === "quick" ? "none" : "asked";
  return {
    ...defaults,
    strategy, engine, seed: chosen, minimise, refine, traps, liveness,
    workers: flags.workers ?? null, exact: flags.exact ?? false,
    maxStates: flags.maxStates ?? null, maxDepth: flags.maxDepth ?? null,
    seconds: flags.time ?? null, memoryBytes: flags.memory ?? null,
    walks: flags.walks ?? null, pctDepth: flags.pctDepth ?? DEFAULT_PCT_DEPTH,
    patch: flags.patch === undefined ? null : readPatch(flags.patch),
    sanitize: flags.sanitize === true ? "all" : unlessAsked,
    coverage: flags.coverage ?? false,
    goOn: flags.continue ?? false,
    fingerprintBits: flags.fingerprintBits === "32" ? 32 : 64,
  };
}

/** `run.json`, or `junit:run.xml`. A colon after a word that is no format is part of the name. Throws a UsageError for no name. */
function resultsFile(text: string): ResultsFile {
  const colon = text.indexOf(":");
  const format = colon < 0 ? undefined : formatNamed(text.slice(0, colon));
  const path = format === undefined ? text : text.slice(colon + 1);
  if (path === "") throw new UsageError(`--out ${text} needs the name of a file${format === undefined ? "" : ` behind ${format.name}:`}`);
  return { format: format?.name ?? "json", path };
}

/** Throws a UsageError for a file that is named twice: each format would overwrite the other's. */
function resultsFiles(texts: readonly string[]): ResultsFile[] {
  const files = texts.map(resultsFile);
  const twice = files.find((f, n) => files.some((other, m) => m > n && resolve(other.path) === resolve(f.path)));
  if (twice !== undefined) throw new UsageError(`--out names ${twice.path} twice; give each format a file of its own`);
  return files;
}
