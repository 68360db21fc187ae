/**
 * `npm run attack`: thousands of malformed inputs, made by rule, and what the command says to each. Nothing may end in a stack
 * trace, in a fault that is called ours, without an end, or as a success of what was not checked; no file may be harmed, and no
 * process left.
 *
 *     npm run attack                                  all of them
 *     npm run attack -- --sample 400                  as many: of every rule one, and others by the seed
 *     npm run attack -- --only flags/check,pins       those whose names contain one of them
 *
 * Exit code 1 if something was found.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { Arena } from "./arena.ts";
import { moduleWith } from "./base.ts";
import { bodies } from "./families/bodies.ts";
import { configs } from "./families/configs.ts";
import { declarations } from "./families/declarations.ts";
import { flags } from "./families/flags.ts";
import { modules } from "./families/modules.ts";
import { patches } from "./families/patches.ts";
import { records, type Whole } from "./families/records.ts";
import { scenarios } from "./families/scenarios.ts";
import { surroundings } from "./families/surroundings.ts";
import { Dice, nameOf, sampleOf, type Input } from "./input.ts";
import { attack, findingInWords, type Judged } from "./run.ts";

const SEED_DEFAULT = 1;
const FINDINGS_SHOWN = 40;
const SLOW_SHOWN = 15;

const number = (text: string): number => {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a number of at most nine digits.");
};
const { sample, seed, only, width, keep, list, slow } = new Command("npm run attack --")
  .description("says of thousands of malformed inputs what the command makes of them; exit code 1 if something was found")
  .allowExcessArguments(false)
  .option("--sample <n>", "as many: of every rule one, and others by the seed (default: all)", number)
  .option("--seed <n>", "the seed of what is drawn", number, SEED_DEFAULT)
  .option("--only <names>", "those whose names contain one of these, with commas between")
  .option("--width <n>", "how many run at once", number, availableParallelism())
  .option("--keep", "leave the folders of findings")
  .option("--list", "name the inputs, and run none")
  .option("--slow", "name those that took longest")
  .parse()
  .opts<{ sample?: number; seed: number; only?: string; width: number; keep?: boolean; list?: boolean; slow?: boolean }>();

/** What a whole run writes, from which damaged files are made. */
function wholeRun(arena: Arena): Whole {
  const module = moduleWith();
  const folder = arena.place({ files: { "m.ts": module } });
  const command = (args: readonly string[]): string =>
    spawnSync(process.execPath, [join(arena.project, "checker/cli/thpcheck.js"), ...args],
      { cwd: folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1", COLUMNS: "100" } }).stdout;
  const said = command(["check", "m.ts", "--out", "run.json"]);
  const trace = /replay (tc1\.\S+)/.exec(said)?.[1];
  if (trace === undefined) throw new Error(`the whole module gives no trace:\n${said}`);
  return { trace, module, replayed: command(["replay", trace, "--from", "m.ts"]),
    results: JSON.parse(readFileSync(join(folder, "run.json"), "utf8")) as unknown };
}

async function allInputs(arena: Arena): Promise<Input[]> {
  const config = (await import("../../thpcheck.config.ts")).default;
  return [
    ...scenarios(), ...declarations(), ...bodies(), ...modules(seed), ...configs(), ...flags(config), ...records(wholeRun(arena), seed),
    ...patches(seed),
    ...surroundings(),
  ];
}

function table(chosen: readonly Input[], judged: readonly Judged[]): string {
  const families = [...new Set(chosen.map((i) => i.family))];
  return families.map((family) => {
    const of = judged.filter((j) => j.input.family === family);
    const codes = [0, 1, 2, 3].map((code) => `${of.filter((j) => j.answer.code === code).length}`.padStart(5)).join("");
    const alone = of.filter((j) => j.input.alone !== undefined).length;
    const seconds = of.reduce((sum, j) => sum + j.answer.ms, 0) / 1000;
    return `${family.padEnd(14)}${String(of.length).padStart(7)}${String(alone).padStart(7)}${codes}${seconds.toFixed(1).padStart(9)}`;
  }).join("\n");
}

const arena = new Arena();
try {
  process.exitCode = await run();
} finally {
  if (keep !== true) arena.remove();
}

async function run(): Promise<number> {
  const start = performance.now();
  const seconds = (): string => ((performance.now() - start) / 1000).toFixed(0);
  const all = await allInputs(arena);
  const named = only === undefined ? all : all.filter((i) => only.split(",").some((part) => nameOf(i).includes(part)));
  const chosen = sample === undefined ? named : sampleOf(named, sample, new Dice(seed));
  if (list === true) {
    console.log(chosen.map(nameOf).join("\n"));
    return 0;
  }
  console.log(`attack: ${chosen.length} of ${all.length} inputs, seed ${seed}, ${width} at a time`);
  if (chosen.length === 0) return 2;
  const judged: Judged[] = [];
  const findings = await attack(chosen, arena, width, (j) => {
    judged.push(j);
    if (judged.length % 500 === 0) console.log(`  ${judged.length} of ${chosen.length}, ${seconds()} s`);
  });
  for (const f of findings.slice(0, FINDINGS_SHOWN)) console.log(`\n${findingInWords(f)}`);
  const others = findings.slice(FINDINGS_SHOWN).map((f) => `${nameOf(f.input)}: ${f.faults.join("; ")}`);
  if (others.length > 0) console.log(`\n... and ${others.length} more:\n${others.join("\n")}`);
  console.log(`\nfamily         inputs  alone   ok 0    1    2    3  seconds\n${table(chosen, judged)}`);
  const slowest = judged.toSorted((a, b) => b.answer.ms - a.answer.ms).slice(0, SLOW_SHOWN);
  if (slow === true) console.log(slowest.map((j) => `${(j.answer.ms / 1000).toFixed(1)} s ${nameOf(j.input)}`).join("\n"));
  const kept = keep === true ? `; kept in ${arena.folder}` : "";
  console.log(`\n${chosen.length} inputs, ${findings.length} findings, ${seconds()} s${kept}`);
  return findings.length === 0 ? 0 : 1;
}
