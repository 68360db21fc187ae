/**
 * The command line. What a command needs is imported when it runs, so that help and the first line of progress come at
 * once.
 */
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import type { CheckOptions } from "../check/options.ts";
import type { Patch, StrategyName, Tier } from "../result.ts";
import { SEARCH_WORKERS_MAX } from "../search/run.ts";
import { DEFAULT_PCT_DEPTH } from "../search/strategy/pct.ts";
import { UsageError } from "../usage-error.ts";
import { EXIT_AS_EXPECTED, EXIT_USAGE, processHost, type Host } from "./host.ts";
import { positiveInteger, positiveSeconds, seed, size } from "./options.ts";
import { findConfigFile, loadConfig } from "../project/project.ts";

const OWN_COMMANDS = ["check", "list", "replay", "help"];

/** Runs the command and returns the exit code. */
export async function main(args: readonly string[], host: Host = processHost()): Promise<number> {
  // Emitted programs carry source maps: stack traces then name the lines that a person wrote.
  process.setSourceMapsEnabled(true);
  let exitCode = EXIT_AS_EXPECTED;
  const program = buildProgram(host, (code) => { exitCode = code; });
  try {
    await addProjectCommands(program, args, host);
    await program.parseAsync(args, { from: "user" });
    // A command of the project sets the process's exit code itself.
    return exitCode !== EXIT_AS_EXPECTED ? exitCode : Number(process.exitCode ?? EXIT_AS_EXPECTED);
  } catch (e) {
    // Commander has written its own message; asking for help is no error.
    if (e instanceof CommanderError) return e.exitCode === 0 ? EXIT_AS_EXPECTED : EXIT_USAGE;
    if (e instanceof UsageError) {
      for (const line of e.message.split("\n")) host.err.write(`thpcheck: ${line}\n`);
      return EXIT_USAGE;
    }
    host.err.write(`thpcheck: [internal error] this is a fault of thpcheck, not of your scenario; please report it\n${e instanceof Error ? e.stack : String(e)}\n`);
    return EXIT_USAGE;
  }
}

interface CheckFlags {
  strategy: StrategyName;
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
  format: "pretty" | "json";
  out?: string;
  updatePins?: boolean;
  audit?: boolean;
  upTo?: number;
  minimise: boolean;
  sanitize?: boolean;
  refine: boolean;
  coverage?: boolean;
  invariants?: boolean;
  fingerprintBits: "32" | "64";
}

function buildProgram(host: Host, done: (exitCode: number) => void): Command {
  const program = new Command("thpcheck")
    .description("Explores every interleaving of a concurrent program and holds each state to its promises.")
    .version((JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ writeOut: (text) => void host.out.write(text), writeErr: (text) => void host.err.write(text), getOutHasColors: () => host.color, getErrHasColors: () => host.color })
    .addHelpText("after", `
Examples:
  npx thpcheck check                     every scenario of the quick tier
  npx thpcheck check ./my-scenario.ts    the scenarios of one file
  npx thpcheck check --help              how to choose scenarios, strategies and bounds

Exit codes: 0 all as expected, 1 not as expected, 2 usage or scenario error, 3 incomplete.`);
  addCheck(program, host, done);
  addList(program, host, done);
  addReplay(program, host, done);
  return program;
}

const tierOption = (): Option => new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]);
const formatOption = (): Option => new Option("--format <format>", "for people or for machines").choices(["pretty", "json"]).default("pretty");

function addCheck(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("check")
    .description("check scenarios: explore all their states, compare with what each expects")
    .argument("[pattern...]", "names, globs of names, or files of scenarios; none: all scenarios of the tier")
    .addOption(tierOption().default("quick"))
    .addOption(new Option("--strategy <name>", "bfs: shortest traces; dfs: less memory at the frontier; random, pct: walks through what is too large").choices(["bfs", "dfs", "random", "pct"]).default("bfs"))
    .option("--workers <n>", "how many work at once; the results are the same for any number (default: one for each core). Small scenarios are checked side by side; a scenario that pins 3 million states or more, or that is checked alone by name, has its search shared by all; 1: everything in one process", positiveInteger)
    .option("--exact", "compare whole states, not 64-bit fingerprints: no collisions, more memory")
    .option("--max-states <n>", "stop a scenario after so many states", positiveInteger)
    .option("--max-depth <n>", "do not go deeper than so many states from the start", positiveInteger)
    .option("--time <seconds>", "stop a scenario after so many seconds", positiveSeconds)
    .option("--memory <size>", "stop a scenario when the process takes more, e.g. 512M or 2G", size)
    .option("--walks <n>", "walks to take, with --strategy random or pct", positiveInteger)
    .option("--pct-depth <d>", `ordering constraints of the bugs that --strategy pct looks for (default: ${DEFAULT_PCT_DEPTH})`, positiveInteger)
    .addOption(new Option("--seed <n>", "seed of fingerprints and walks; the same seed gives the same run").argParser(seed).default(0))
    .addOption(formatOption())
    .option("--out <file>", "write the results as JSON to a file, kept up to date after each scenario")
    .option("--patch <file>", "load the project with this unified diff applied in memory: a fix undone, or an idea of yours")
    .option("--policy <name>", "run scenarios that know policies under this one: NAME means NAME@POLICY")
    .option("--no-minimise", "keep a violation's trace as it was found")
    .option("--sanitize", "hold every block to the sanitizers as well: atomicity, data races, lock order (in the full tier done for scenarios that ask for it)")
    .option("--no-refine", "do not hold each step to the machines of the specification")
    .option("--invariants", "say at the end in how many states each invariant was in force, that is not excused")
    .option("--coverage", "count the basic blocks that run, and list the lines that no scenario reached (one worker)")
    .addOption(new Option("--fingerprint-bits <bits>", "32 is a test mode that loses states on purpose, as the report then says").choices(["32", "64"]).default("64"))
    .option("--update-pins", "write the counts found into the scenarios' source files; of scenarios whose names are computed, into a table beside them (scenarios.ts: scenarios.pins.json)")
    .option("--up-to <states>", "leave out scenarios that pin more states than this, or none", positiveInteger)
    .option("--audit", "check each scenario in several ways (exact, other seed, dfs, 2 workers) and compare")
    .addHelpText("after", `
A scenario that is named exactly, or by its file, runs whatever its tier. Bounds apply to each scenario; one that stops
at a bound is INCOMPLETE (exit code 3), never a pass.

Examples:
  npx thpcheck check                                the quick tier
  npx thpcheck check 'peterson-*' --workers 2       all scenarios whose names match, on two cores
  npx thpcheck check ./racy.ts                      a scenario of your own, in any folder
  npx thpcheck check thp-resv-xl --exact --time 300 one scenario, whole states, at most five minutes
  npx thpcheck check 'collapse-*' --patch idea.patch  the project with a patch applied in memory
  npx thpcheck check big --strategy pct --walks 10000   too large to exhaust: schedules that find rare orders
  npx thpcheck check --format json --out run.json   results for a machine
  npx thpcheck check dining --update-pins           write its state counts into its source

A violation prints its trace and the command that replays it. Read it downward: each column is a thread.`)
    .action(async (patterns: string[], flags: CheckFlags) => {
      refuseContradictions(flags);
      const [{ runCheck }, { DEFAULT_CHECK_OPTIONS }] = await Promise.all([import("./commands/check.ts"), import("../check/options.ts")]);
      const options: CheckOptions = {
        ...DEFAULT_CHECK_OPTIONS,
        strategy: flags.strategy, workers: flags.workers ?? null, exact: flags.exact ?? false, maxStates: flags.maxStates ?? null, maxDepth: flags.maxDepth ?? null,
        seconds: flags.time ?? null, memoryBytes: flags.memory ?? null, walks: flags.walks ?? null, pctDepth: flags.pctDepth ?? DEFAULT_PCT_DEPTH, patch: flags.patch === undefined ? null : readPatch(flags.patch), seed: flags.seed, minimise: flags.minimise,
        sanitize: flags.sanitize === true ? "all" : flags.tier === "quick" ? "none" : "asked", refine: flags.refine, coverage: flags.coverage ?? false, fingerprintBits: flags.fingerprintBits === "32" ? 32 : 64,
      };
      done(await runCheck({
        patterns, tier: flags.tier, options, format: flags.format, out: flags.out ?? null, updatePins: flags.updatePins ?? false, audit: flags.audit ?? false, invariants: flags.invariants ?? false, upTo: flags.upTo ?? null, policy: flags.policy ?? null,
      }, host));
    });
}

/** Options that would be ignored or contradict one another are refused: a person who gives them expects something. */
function refuseContradictions(f: CheckFlags): void {
  if ((f.workers ?? 1) > SEARCH_WORKERS_MAX) throw new UsageError(`--workers ${f.workers}: at most ${SEARCH_WORKERS_MAX} threads can share a search`);
  if (f.strategy !== "bfs" && (f.workers ?? 1) > 1) throw new UsageError(`--workers ${f.workers} needs --strategy bfs; ${f.strategy} runs on one thread`);
  if (f.exact === true && (f.workers ?? 1) > 1) throw new UsageError("--exact runs on one thread; leave out --workers");
  if (f.walks !== undefined && f.strategy !== "random" && f.strategy !== "pct") throw new UsageError("--walks needs --strategy random or pct");
  if (f.pctDepth !== undefined && f.strategy !== "pct") throw new UsageError("--pct-depth needs --strategy pct");
  if (f.audit === true && (f.strategy !== "bfs" || f.exact === true || f.workers !== undefined)) throw new UsageError("--audit chooses strategies, workers and exactness itself; leave those options out");
  if (f.updatePins === true && f.patch !== undefined) throw new UsageError("--update-pins would pin the counts of the patched program; leave out --patch");
  if (f.updatePins === true && f.policy !== undefined) throw new UsageError("--update-pins writes into scenarios as they are listed; leave out --policy");
  if (f.updatePins === true && f.strategy !== "bfs") throw new UsageError("--update-pins needs --strategy bfs: only a breadth-first search knows depths and shortest traces");
}

function addList(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("list")
    .description("list scenarios with their tier, what they expect, and why they exist")
    .argument("[pattern...]", "names, globs of names, or files of scenarios; none: all")
    .addOption(tierOption())
    .addOption(formatOption())
    .addHelpText("after", `
Examples:
  npx thpcheck list
  npx thpcheck list 'thp-*' --tier quick
  npx thpcheck list --format json`)
    .action(async (patterns: string[], flags: { tier?: Tier; format: "pretty" | "json" }) => {
      const { runList } = await import("./commands/list.ts");
      done(await runList({ patterns, tier: flags.tier ?? null, format: flags.format }, host));
    });
}

function addReplay(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("replay")
    .description("show a recorded trace step by step")
    .argument("<trace>", "a string tc1...., a trace file, or a file of results")
    .option("--scenario <name>", "which trace of a file of results")
    .option("--from <file>", "the scenario's module, where thpcheck.config.ts does not list it")
    .option("--patch <file>", "the patch that the program had; a trace file carries its own")
    .option("--full", "show every field, every change and every step")
    .addOption(formatOption())
    .addHelpText("after", `
Replay computes everything anew from the recorded choices. A trace that does not fit the program any more is refused with
the first step that does not apply.

Examples:
  npx thpcheck replay tc1.racy.AAAAAAAA                       a string that "check" printed
  npx thpcheck replay run.json --scenario racy --full         from "check --out run.json"
  npx thpcheck replay tc1.racy.AAAAAAAA --from ./racy.ts      a scenario of your own`)
    .action(async (trace: string, flags: { scenario?: string; from?: string; patch?: string; full?: boolean; format: "pretty" | "json" }) => {
      const { runReplay } = await import("./commands/replay.ts");
      done(await runReplay({ trace, scenario: flags.scenario ?? null, from: flags.from ?? null, patch: flags.patch === undefined ? null : readPatch(flags.patch), format: flags.format, full: flags.full ?? false }, host));
    });
}

function readPatch(file: string): Patch {
  try {
    return { name: file, text: readFileSync(file, "utf8") };
  } catch (e) {
    throw new UsageError(`the patch ${file} cannot be read (${(e as NodeJS.ErrnoException).code})`);
  }
}

/**
 * Adds the commands of the project's configuration. `check`, `list` and `replay` do without: they load the configuration
 * themselves, if they need it, after their own options have been found right.
 */
async function addProjectCommands(program: Command, args: readonly string[], host: Host): Promise<void> {
  const wanted = args.find((a) => !a.startsWith("-"));
  if (wanted !== undefined && OWN_COMMANDS.slice(0, 3).includes(wanted)) return;
  const file = findConfigFile(host.folder);
  if (file === null) return;
  let config: Awaited<ReturnType<typeof loadConfig>>["config"];
  try {
    ({ config } = await loadConfig(file));
  } catch (e) {
    // Help must come even where the configuration is broken.
    if (!(e instanceof UsageError) || wanted !== undefined && wanted !== "help") throw e;
    host.err.write(`thpcheck: ${e.message}\n`);
    return;
  }
  for (const command of config.commands ?? []) {
    if (OWN_COMMANDS.includes(command.name)) throw new UsageError(`${file}: a command may not be named ${JSON.stringify(command.name)}`);
    command.register(program.command(command.name).description(command.description));
  }
}
