/**
 * The command line. What a command needs is imported when it runs, so that help and the first line of progress come at
 * once.
 */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { Command, CommanderError, Option } from "commander";
import { CACHE_VARIABLE, OFF, cacheFolder } from "../cache/folder.ts";
import { errorSentence, isError, placeOf, shortPath } from "../error-sentence.ts";
import { OWN_COMMANDS } from "../config-form.ts";
import { findConfigFile, loadConfig } from "../project/project.ts";
import { runUserCode } from "../project/user-code.ts";
import type { Tier } from "../result.ts";
import { UsageError } from "../usage-error.ts";
import { addCheckOptions, refuseContradictions, requestOf, type CheckFlags } from "./check-flags.ts";
import {
  EXIT_AS_EXPECTED, EXIT_NOT_AS_EXPECTED, EXIT_USAGE, internalError, processHost, watchProcess, type Host,
} from "./host.ts";
import { formatOption, port, positiveInteger, readPatch, tierOption } from "./options.ts";

/** States of a graph, unless somebody asks for more: more than a person looks at. */
const GRAPH_STATES_MAX = 10_000;

/** Runs the command as the whole work of this process, and ends the process, whatever else may keep it alive. */
export async function runProcess(args: readonly string[]): Promise<never> {
  // Before anything is loaded: modules are kept, too. Threads and other processes inherit it.
  if (args.includes("--no-cache")) process.env[CACHE_VARIABLE] = OFF;
  const mishaps = watchProcess();
  const code = await main(args);
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => { stream.write("", () => { resolve(); }); });
  }
  // Rejections that nobody handles are told only when nothing else is left to do at once.
  await new Promise((resolve) => setImmediate(resolve));
  mishaps.finished();
  process.exit(mishaps.count() > 0 && code !== EXIT_NOT_AS_EXPECTED ? EXIT_USAGE : code);
}

/** Runs the command and returns the exit code. */
export async function main(args: readonly string[], host: Host = processHost()): Promise<number> {
  // Emitted programs carry source maps: stack traces then name the lines that a person wrote.
  process.setSourceMapsEnabled(true);
  process.exitCode = undefined;
  let exitCode: number | null = null;
  const program = buildProgram(host, (code) => { exitCode = code; });
  try {
    await addProjectCommands(program, args, host);
    await program.parseAsync(args, { from: "user" });
    // A command of the project sets the process's exit code itself.
    return exitCode ?? Number(process.exitCode ?? EXIT_AS_EXPECTED);
  } catch (e) {
    return exitCodeOfError(e, host);
  }
}

/** Says what went wrong, unless that was said already. */
function exitCodeOfError(e: unknown, host: Host): number {
  if (!isError(e)) {
    host.err.write(`thpcheck: ${errorSentence(e)}\n`);
    return EXIT_USAGE;
  }
  // Commander has written its own message; asking for help is no error.
  if (e instanceof CommanderError) return e.exitCode === 0 ? EXIT_AS_EXPECTED : EXIT_USAGE;
  if (e instanceof UsageError) for (const line of e.message.split("\n")) host.err.write(`thpcheck: ${line}\n`);
  else if (placeOf(e) !== null) host.err.write(`thpcheck: ${errorSentence(e)}\n`);
  else host.err.write(internalError(e));
  return EXIT_USAGE;
}

function versionOfPackage(): string {
  const text = readFileSync(findPackageJSON(import.meta.url)!, "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

function buildProgram(host: Host, done: (exitCode: number) => void): Command {
  const program = new Command("thpcheck")
    .description("Explores every interleaving of a concurrent program and holds each state to its promises.")
    .version(versionOfPackage())
    .option("--no-cache", `leave alone what earlier runs have compiled (${CACHE_VARIABLE} names the folder; it is ${cacheFolder() ?? OFF})`)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void host.out.write(text), writeErr: (text) => void host.err.write(text),
      getOutHasColors: () => host.color, getErrHasColors: () => host.color,
    })
    .addHelpText("after", `
Examples:
  npx thpcheck check                     every scenario of the quick tier
  npx thpcheck check ./my-scenario.ts    the scenarios of one file
  npx thpcheck check --help              how to choose scenarios, strategies and bounds

Exit codes: 0 all as expected, 1 not as expected, 2 usage or scenario error, 3 incomplete. Where several apply, 1 comes
before 2, and 2 before 3: a violation that was found is never hidden.`);
  addCheck(program, host, done);
  addList(program, host, done);
  addReplay(program, host, done);
  addExplore(program, host, done);
  addStateGraph(program, host, done);
  addReach(program, host, done);
  return program;
}

function addCheck(program: Command, host: Host, done: (exitCode: number) => void): void {
  addCheckOptions(program.command("check")).action(async (patterns: string[], flags: CheckFlags) => {
    refuseContradictions(flags);
    const [{ runCheck }, { DEFAULT_CHECK_OPTIONS }] = await Promise.all([import("./commands/check.ts"), import("../check/options.ts")]);
    done(await runCheck(requestOf(patterns, flags, DEFAULT_CHECK_OPTIONS), host));
  });
}

function addList(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("list")
    .description("list scenarios with their tier, what they expect, and why they exist")
    .argument("[pattern...]", "names, globs of names, or files of scenarios; none: all")
    .addOption(tierOption())
    .option("--update", "write thpcheck.names.json, the table of which module has which scenario: a name is then found at once")
    .addOption(formatOption())
    .addHelpText("after", `
Examples:
  npx thpcheck list
  npx thpcheck list 'thp-*' --tier quick
  npx thpcheck list --format json
  npx thpcheck list --update`)
    .action(async (patterns: string[], flags: { tier?: Tier; update?: true; format: "pretty" | "json" }) => {
      if (flags.update === true) {
        if (patterns.length > 0 || flags.tier !== undefined) {
          throw new UsageError("--update writes the table of all scenarios; leave out the pattern and the tier");
        }
        const { updateNames } = await import("./commands/list.ts");
        return done(await updateNames(host));
      }
      const { runList } = await import("./commands/list.ts");
      done(await runList({ patterns, tier: flags.tier ?? null, format: flags.format }, host));
    });
}

interface ReplayFlags {
  scenario?: string;
  from?: string;
  patch?: string;
  full?: boolean;
  html?: string;
  format: string;
}

function addReplay(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("replay")
    .description("show a recorded trace step by step")
    .argument("<trace>", "a string tc1...., a trace file, or a file of results")
    .option("--scenario <name>", "which trace of a file of results")
    .option("--from <file>", "the scenario's module, where thpcheck.config.ts does not list it")
    .option("--patch <file>", "the patch that the program had; a trace file carries its own")
    .option("--full", "show every step, every field and every local, not only what matters to the broken promise")
    .option("--html <file>", "write the trace as a page too: every step with its source, and a picture of memory")
    .option("--format <format>", "pretty: for people; json: everything; itf; mermaid; or one that the project brings", "pretty")
    .addHelpText("after", `
Replay computes everything anew from the recorded choices. A trace that does not fit the program any more is refused with
the first step that does not apply.

Examples:
  npx thpcheck replay tc1.racy.AAAAAAAA                       a string that "check" printed
  npx thpcheck replay run.json --scenario racy --full         from "check --out run.json"
  npx thpcheck replay tc1.racy.AAAAAAAA --from ./racy.ts      a scenario of your own
  npx thpcheck replay tc1.racy.AAAAAAAA --format itf > racy.itf.json
  npx thpcheck replay tc1.racy.AAAAAAAA --format mermaid      a sequence diagram, for an issue or a document
  npx thpcheck replay tc1.racy.AAAAAAAA --html racy.html      to look at, in any browser, without a network`)
    .action(async (trace: string, flags: ReplayFlags) => {
      const { runReplay } = await import("./commands/replay.ts");
      const patch = flags.patch === undefined ? null : readPatch(flags.patch);
      const { scenario = null, from = null, full = false, html = null, format } = flags;
      done(await runReplay({ trace, scenario, from, patch, format, full, html }, host));
    });
}

interface ExploreFlags {
  from?: string;
  patch?: string;
  port: number;
}

function addExplore(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("explore")
    .description("take the steps of a scenario yourself, in a browser, and look at memory")
    .argument("<scenario>", "the name of a scenario, its file, or a trace string at whose end to begin")
    .option("--from <file>", "the scenario's module, where thpcheck.config.ts does not list it")
    .option("--patch <file>", "load the program with this unified diff applied in memory")
    .option("--port <n>", "the port to listen on, of this machine alone; 0: any that is free", port, 0)
    .addHelpText("after", `
The page has a button for each step that can be taken, runs until a promise breaks, a witness shows, a label or a field comes up,
and gives each run as a trace string to share. The server answers only to this machine, and ends with Ctrl-C or with its page.

Examples:
  npx thpcheck explore collapse-fault
  npx thpcheck explore ./racy.ts
  npx thpcheck explore tc1.racy.AAAAAAAA --from ./racy.ts     from where a trace ends`)
    .action(async (what: string, flags: ExploreFlags) => {
      const { runExplore } = await import("./commands/explore.ts");
      const patch = flags.patch === undefined ? null : readPatch(flags.patch);
      done(await runExplore({ what, from: flags.from ?? null, patch, port: flags.port }, host));
    });
}

interface StateGraphFlags {
  from?: string;
  patch?: string;
  format: string;
  maxStates: number;
  out?: string;
}

function addStateGraph(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("state-graph")
    .description("write all states of a scenario and the steps between them, for programs that draw or examine graphs")
    .argument("<scenario>", "the name of a scenario, or its file")
    .option("--from <file>", "the scenario's module, where thpcheck.config.ts does not list it")
    .option("--patch <file>", "load the program with this unified diff applied in memory")
    .addOption(new Option("--format <format>", "dot: Graphviz; graphml: Gephi, yEd, networkx; aut: CADP, mCRL2")
      .choices(["dot", "graphml", "aut"]).default("dot"))
    .option("--max-states <n>", "expand no further state once so many are known", positiveInteger, GRAPH_STATES_MAX)
    .option("--out <file>", "the file that gets the graph; none: the standard output")
    .addHelpText("after", `
States have numbers, in breadth-first order, and say whether they are initial, an end, and which promises they break; steps have the
actor, the label and the choices. A graph that ends at the bound says so, here and in the file, with exit code 3: states whose steps
are not known are marked. A whole one has as many states and transitions as "check" counts.

Examples:
  npx thpcheck state-graph peterson | dot -Tsvg > peterson.svg
  npx thpcheck state-graph collapse-fault --format graphml --max-states 100000 --out collapse-fault.graphml
  npx thpcheck state-graph ./racy.ts --format aut --out racy.aut`)
    .action(async (what: string, flags: StateGraphFlags) => {
      const { runStateGraph } = await import("./commands/state-graph.ts");
      const patch = flags.patch === undefined ? null : readPatch(flags.patch);
      const { from = null, out = null, format, maxStates } = flags;
      done(await runStateGraph({ what, from, patch, format, maxStates, out }, host));
    });
}

function addReach(program: Command, host: Host, done: (exitCode: number) => void): void {
  program.command("reach")
    .description("say which scenarios, of whatever tier, run a line; keep the index that knows it")
    .argument("[place...]", "file:line or file:function")
    .option("--update", "make the index thpcheck.reach.json, or measure again the scenarios whose programs are others by now")
    .option("--check", "compare the index with the programs of today, exit code 1 if it is out of date")
    .addOption(formatOption())
    .addHelpText("after", `
The index lies beside thpcheck.config.ts and is committed. It knows blocks by file, function and number within the function, so
lines may move. "check --patch" asks it who comes to the lines that a patch changes.

Examples:
  npx thpcheck reach impl/memory.ts:111
  npx thpcheck reach impl/memory.ts:handlePteFault
  npx thpcheck reach --update`)
    .action(async (places: string[], flags: { update?: boolean; check?: boolean; format: "pretty" | "json" }) => {
      const { update = false, check = false, format } = flags;
      if ((update || check) && places.length > 0) throw new UsageError("--update and --check are of the whole index; leave out the places");
      if (update && check) throw new UsageError("--check compares only, --update writes; leave out one of them");
      const { runReach } = await import("./commands/reach.ts");
      done(await runReach({ places, update, check, format }, host));
    });
}

/**
 * Adds the commands of the project's configuration. Those of our own do without: they load the configuration
 * themselves, if they need it, after their own options have been found right.
 */
async function addProjectCommands(program: Command, args: readonly string[], host: Host): Promise<void> {
  const wanted = args.find((a) => !a.startsWith("-"));
  if (wanted !== undefined && OWN_COMMANDS.slice(0, -1).includes(wanted)) return;
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
    const added = program.command(command.name).description(command.description);
    const idle = `${shortPath(file)}: command ${JSON.stringify(command.name)} does nothing; its \`register\` gives it no action`;
    added.action(() => { throw new UsageError(idle); });
    await runUserCode(`${shortPath(file)}: register of command ${JSON.stringify(command.name)}`, () => { command.register(added); });
  }
}
