/**
 * `npm run bench`: the same models here, in Spin and in TLC, and runs of the kernel that exist only here.
 *
 * The tools take turns within each round, so that a machine that is slow for a while is slow for all of them.
 * Exit status: 0, 1 when a tool failed or counts differ, 2 for a wrong option.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { positiveInteger } from "../../checker/cli/options.ts";
import type { Contestant, Measurement } from "./contestant.ts";
import { unmeasured } from "./measure.ts";
import { DEFAULT_MODELS, models, type BenchModel } from "./models.ts";
import { missingSpin, spin } from "./spin.ts";
import { disagreements, printRatios, printRefinementCost, printRows, ratios, refinementCost, row, type Ratio, type Row, type Series } from "./table.ts";
import { missingTlc, tlc } from "./tlc.ts";
import { COMMAND, earlier, start, thpcheck } from "./thpcheck.ts";
import { xstate } from "./xstate.ts";

interface Options {
  readonly runs: number;
  readonly models: readonly BenchModel[];
  readonly against?: string;
  readonly format: "pretty" | "json";
  readonly out?: string;
}

interface ModelReport {
  readonly model: string;
  readonly unit: BenchModel["unit"];
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
  /** Share of the speed; null where nothing was held to machines. */
  readonly refinementCost: number | null;
  readonly disagreements: readonly string[];
}

function chosenModels(text: string): BenchModel[] {
  return text.split(",").flatMap((name) => {
    const set = models.filter((m) => m.set === name.trim());
    if (set.length > 0) return set;
    const model = models.find((m) => m.name === name.trim());
    if (model === undefined) throw new InvalidArgumentError(`There is no model "${name}"; there are ${models.map((m) => m.name).join(", ")}, and the sets kernel and start.`);
    return model;
  });
}

function outputFormat(text: string): "pretty" | "json" {
  if (text === "pretty" || text === "json") return text;
  throw new InvalidArgumentError("It must be pretty or json.");
}

function checkout(text: string): string {
  const root = resolve(text);
  if (!existsSync(join(root, COMMAND))) throw new InvalidArgumentError(`${root} is no checkout of this project: no ${COMMAND}.`);
  if (!existsSync(join(root, "node_modules"))) throw new InvalidArgumentError(`Its packages are missing: npm ci --prefix ${root}`);
  return root;
}

function readOptions(): Options {
  return new Command("bench")
    .description("Measure thpcheck on its benchmark models, beside Spin and TLC where they are installed.")
    .option("--runs <n>", "rounds; the medians of at least 3 are worth comparing", positiveInteger, 3)
    .addOption(new Option("--models <names>", `comma-separated, of ${models.map((m) => m.name).join(", ")}, or a set: kernel, start`).argParser(chosenModels).default(chosenModels(DEFAULT_MODELS), DEFAULT_MODELS))
    .option("--against <checkout>", "another checkout of this project, installed: measured in the same rounds, one worker", checkout)
    .option("--format <format>", "pretty or json", outputFormat, "pretty")
    .option("--out <file>", "write the report to a file")
    .addHelpText("after", "\nExample:\n  npm run bench -- --runs 5 --models thp-resv-xl,peterson-5 --format json --out bench.json")
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse()
    .opts<Options>();
}

/** Who takes part, and in sentences who does not. */
function gather(against: string | undefined): { contestants: Contestant[]; skipped: string[] } {
  const workers = availableParallelism() > 1 ? [1, 2] : [1];
  const noSpin = missingSpin();
  const noTlc = missingTlc();
  return {
    contestants: [...workers.map((n) => thpcheck({ workers: n })), ...workers.map((n) => thpcheck({ workers: n, engine: "wasm" })), thpcheck({ workers: 1, refine: false }),
      start("empty"), start("warm"),
      ...(against === undefined ? [] : [earlier(against)]), xstate,
      ...(noSpin === null ? [spin] : []), ...(noTlc === null ? workers.map(tlc) : [])],
    skipped: [
      ...(workers.length === 1 ? ["SKIP 2 workers: this machine has one core"] : []),
      ...(noSpin === null ? [] : [`SKIP spin: ${noSpin}`]),
      ...(noTlc === null ? [] : [`SKIP tlc: ${noTlc}`]),
      ...(unmeasured === null ? [] : [unmeasured]),
    ],
  };
}

function benchmark(model: BenchModel, contestants: readonly Contestant[], rounds: number, folder: string): ModelReport {
  const prepared = contestants.flatMap((contestant) => {
    const run = contestant.prepare(model, folder);
    return run === null ? [] : [{ contestant, run, runs: [] as Measurement[] }];
  });
  for (let round = 1; round <= rounds; round++) {
    for (const { contestant, run, runs } of prepared) {
      process.stderr.write(`${model.name}  round ${round}/${rounds}  ${contestant.name}\n`);
      runs.push(run());
    }
  }
  const series: Series[] = prepared;
  return { model: model.name, unit: model.unit, rows: series.map(row), ratios: ratios(series), refinementCost: refinementCost(series), disagreements: disagreements(model, series) };
}

function pretty(report: ModelReport): string {
  return [`\n${report.model}`, printRows(report.rows, report.unit), ...(report.ratios.length === 0 ? [] : ["", printRatios(report.ratios)]), ...(report.refinementCost === null ? [] : ["", printRefinementCost(report.refinementCost)]), ...report.disagreements.map((d) => `DIFFERS ${d}`), ""].join("\n");
}

function main(): number {
  const options = readOptions();
  const { contestants, skipped } = gather(options.against);
  const machine = `${cpus()[0]?.model.trim() ?? arch()}, ${availableParallelism()} cores, ${platform()}, Node ${process.versions.node}`;
  process.stderr.write(`${[machine, ...skipped].join("\n")}\n`);
  const folder = mkdtempSync(join(tmpdir(), "thpcheck-bench-"));
  const reports: ModelReport[] = [];
  let failure: string | null = null;
  try {
    for (const model of options.models) {
      reports.push(benchmark(model, contestants, options.runs, folder));
      if (options.format === "pretty" && options.out === undefined) process.stdout.write(pretty(reports.at(-1)!));
    }
  } catch (error) {
    // What was measured before is still worth having.
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const text = options.format === "json"
    ? `${JSON.stringify({ format: "thpcheck-bench", version: 1, machine, runs: options.runs, skipped, models: reports, failure }, null, 2)}\n`
    : `${[machine, ...skipped].join("\n")}\n${reports.map(pretty).join("")}`;
  if (options.out !== undefined) writeFileSync(options.out, text);
  else if (options.format === "json") process.stdout.write(text);
  if (failure !== null) process.stderr.write(`bench: ${failure}\n`);
  return failure !== null || reports.some((r) => r.disagreements.length > 0) ? 1 : 0;
}

process.exitCode = main();
