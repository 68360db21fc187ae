/**
 * Command lines: every option of every command with words that it does not take, names of what there is not, files that are
 * something else, and options that contradict one another. What is refused is refused before any work begins: no option that
 * writes, or that reaches a network or the machine's kernel, is given a word that it might take.
 */
import { Command, type Option } from "commander";
import type { Config } from "../../../checker/config.ts";
import { addCheckOptions } from "../../../checker/cli/check-flags.ts";
import { RESULT_FORMATS } from "../../../checker/report/formats/index.ts";
import { moduleWith } from "../base.ts";
import type { Input } from "../input.ts";

const NO_NUMBERS = ["abc", "", " ", "NaN", "-1", "-Infinity", "1 2", "٣", "null", "0x", "1-2", "\u0000"];
const NO_WORDS = ["", "no-such-word", "QUICK", "quick ", "1", "--json", "\u0000", "x".repeat(5000)];
const NO_FILES = ["no/such/file.json", "", ".", "README.md", "package.json", "checker", "/proc/self/mem", "\u0000x", "x".repeat(5000)];
/** Files that no option may write over, and places where nothing can be written. */
const NO_TARGETS = ["", ".", "no/such/folder/x.json", "README.md", "package.json", "impl/mm-types.ts", "checker", "/proc/x", "\u0000x",
  "x".repeat(5000)];
/** Files that no run has written, a folder, and no name at all. */
const FOREIGN = ["m.ts", "note.txt", "data.json", "folder", "link.ts", ""];
/** Before the name of a file of `--out`. */
const PREFIXES = ["", ...RESULT_FORMATS.map((f) => `${f.name}:`)];
const NO_NAMES = ["no-such-name", "*no-such*", "[", "]", "{a,b", "", " ", "\u0000", "../..", "x".repeat(5000), "ä", "!(", "@", "a@b", "%s",
  "'"];

/** Options that are given nothing here, with the reason. */
const LEFT_ALONE: Readonly<Record<string, string>> = {
  "conform --kernel": "it fetches kernels", "conform --append": "any words go to a guest", "conform --module": "any names go to a guest",
  "mutate --cache": "any name is a folder that can be made", "check --policy": "see names", "policies --policy": "see names",
};

const isFlag = (o: Option): boolean => !o.required && !o.optional;

function wordsFor(command: string, o: Option): readonly string[] {
  if (`${command} ${o.long}` in LEFT_ALONE) return [];
  if (o.argChoices !== undefined) return NO_WORDS.filter((w) => !w.startsWith("-"));
  const named = /<(.*)>/.exec(o.flags)?.[1] ?? "";
  if (/^(\[format:\])?file$/.test(named)) return /--(out|keep|html)$/.test(o.long ?? "") ? NO_TARGETS : NO_FILES;
  // A folder that can be made is one that is taken; a report over what is there is refused, see "--report over a folder".
  if (named === "dir") return NO_TARGETS.filter((t) => t !== "\u0000x");
  return NO_NUMBERS;
}

function inputsFor(command: Command): Input[] {
  const name = command.name();
  const input = (rule: string, what: string, args: readonly string[]): Input =>
    ({ family: "flags", rule: `${name} ${rule}`, what: shortened(what), args: [name, ...args], ends: "refused", files: {}, inProject: true,
      seconds: 30 });
  const taken = new Map(command.options.map((o) => [o.long, o]));
  return [
    ...command.options.flatMap((o) => wordsFor(name, o).map((word) => input(o.long ?? o.flags, word, [`${o.long}=${word}`]))),
    // The word is left out, given where there is none, or the option is cut or lengthened.
    ...command.options.filter((o) => !isFlag(o)).map((o) => input("no word", o.long ?? "", [o.long!])),
    ...command.options.filter((o) => isFlag(o) && !o.negate).map((o) => input("a word too many", o.long ?? "", [`${o.long}=yes`])),
    ...command.options.map((o) => `${o.long}x`).filter((flag) => !taken.has(flag)).map((flag) => input("unknown", flag, [flag])),
    ...["--no-such-option", "--", "-z", "---", "--=", "--help-me",
      "-json"].filter((flag) => flag !== "--").map((flag) => input("unknown", flag, [flag])),
    ...(command.registeredArguments.length > 0 ? [] : [input("an argument too many", "word", ["word"])]),
  ];
}

const shortened = (text: string): string => {
  const shown = JSON.stringify(text).slice(1, -1);
  return shown.length > 30 ? `${shown.slice(0, 27)}...` : shown;
};

/** Names of scenarios, policies, bugs, machines and mutants that there are not. */
const TAKE_NAMES: readonly (readonly string[])[] = [
  ["check"], ["list"], ["bugs"], ["graph"], ["invariants"], ["mutate"], ["policies"], ["check", "collapse-fault", "--policy"],
  ["policies", "--policy"], ["mutate", "--show"], ["check", "--patch"], ["conform", "--program"], ["replay"], ["replay", "--from"],
  ["explore"], ["explore", "collapse-fault", "--port"],
  ["state-graph"], ["state-graph", "peterson-2", "--format"],
  ["replay", "tc1.racy.AAAA", "--from"], ["replay", "run.json", "--scenario"], ["kernels", "--no-such-option"],
];

const CONTRADICTIONS: readonly (readonly string[])[] = [
  ["--workers", "2", "--strategy", "dfs"], ["--exact", "--workers", "2"], ["--walks", "3"], ["--pct-depth", "3"], ["--audit", "--exact"],
  ["--audit", "--workers", "2"], ["--audit", "--strategy", "dfs"], ["--update-pins", "--strategy", "dfs"],
  ["--update-pins", "--policy", "per-mm"],
  ["--workers", "65"], ["--workers", "1000000"], ["--strategy", "pct", "--pct-depth", "1001"],
  ["--strategy", "pct", "--pct-depth", "9007199254740992"],
  ["--seed", "4294967296"], ["--seed", "1.5"], ["--max-states", "1e3"], ["--max-states", "99999999999999999999"], ["--memory", "0"],
  ["--memory", "1X"],
  ["--memory", "99999999T"], ["--time", "0"], ["--time", "1e999"], ["--time", "."], ["--fingerprint-bits", "33"], ["--up-to", "0"],
];

/** Bounds that are odd but right: the run ends at them, and says so. */
const BOUNDS: readonly (readonly string[])[] = [
  ["--max-states", "1"], ["--max-depth", "1"], ["--time", "0.001"], ["--memory", "1"], ["--strategy", "random", "--walks", "1"],
  ["--strategy", "pct", "--walks", "1"],
  ["--max-states", "9007199254740991"], ["--max-depth", "1_000"], ["--seed", "4294967295"], ["--fingerprint-bits", "32"],
  ["--strategy", "dfs", "--max-depth", "1"],
];

/** `config`: the configuration of the project, whose commands are attacked as well. */
export function flags(config: Config): Input[] {
  const own = addCheckOptions(new Command("check"));
  const replay = new Command("replay").argument("<trace>").option("--scenario <name>").option("--from <file>").option("--patch <file>")
    .option("--full").option("--html <file>");
  const explore = new Command("explore").argument("<scenario>").option("--from <file>").option("--patch <file>").option("--port <n>");
  const graph = new Command("state-graph").argument("<scenario>").option("--from <file>").option("--patch <file>")
    .option("--format <format>").option("--max-states <n>").option("--out <file>");
  const list = new Command("list").argument("[pattern...]").option("--tier <tier>");
  const added = (config.commands ?? []).map((c) => {
    const command = new Command(c.name);
    c.register(command);
    return command;
  });
  const local = { "m.ts": moduleWith({ finally: null }) };
  return [
    ...[own, list, explore, graph, ...added].flatMap((command) => inputsFor(command)),
    ...inputsFor(replay).filter((i) => !i.rule.includes("--scenario")),
    ...TAKE_NAMES.flatMap((args) => NO_NAMES.map((name): Input => ({
      family: "flags", rule: `names, ${args.join(" ")}`, what: shortened(name), args: [...args, name], ends: "refused", files: {},
      inProject: true, seconds: 60,
    }))),
    ...CONTRADICTIONS.map((args): Input =>
      ({ family: "flags", rule: "contradictions", what: args.join(" "), args: ["check", "m.ts", ...args], ends: "refused", files: local })),
    ...BOUNDS.map((args): Input => ({ family: "flags", rule: "bounds", what: args.join(" "), args: ["check", "m.ts", ...args], ends: "any",
      files: local })),
    ...NO_TARGETS.filter((t) => !/^(README|package|impl|checker)/.test(t)).map((out): Input =>
      ({ family: "flags", rule: "--out of a run", what: shortened(out), args: ["check", "m.ts", "--out", out], ends: "refused",
        files: local })),
    ...["note.txt", "folder", "", "no/such/folder", "\u0000x", "/proc/x", "x".repeat(5000)].map((dir): Input => ({
      family: "flags", rule: "--report over a folder", what: shortened(dir), args: ["check", "m.ts", "--report", dir], ends: "refused",
      files: { ...local, "note.txt": "mine", "folder/x": "x" },
    })),
    ...PREFIXES.flatMap((format) => FOREIGN.map((name) => `${format}${name}`)).map((out): Input => ({
      family: "flags", rule: "--out over a file", what: out, args: ["check", "m.ts", "--out", out], ends: "refused",
      files: { ...local, "note.txt": "mine", "data.json": "{\"mine\": true}", "folder/x": "x", "link.ts": "// another" },
    })),
    ...[[], ["chekc"], ["checkx"], ["--no-such"], ["-x"], [""], ["\u0000"], ["help", "no-such"], ["constructor"], ["__proto__"],
      ["check", "check"]].map((args): Input => ({
      family: "flags", rule: "commands", what: shortened(args.join(" ")), args,
      ends: args.length === 0 || args[0] === "help" ? "any" : "refused", files: local,
    })),
  ];
}
