/** The kernel's own mutants: one that is killed, one that changes nothing, the written explanations, the command. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { EQUIVALENT } from "./equivalent.ts";
import { EXCLUDED } from "./excluded.ts";
import { refuseStale } from "./explained.ts";
import { allMutants } from "./generate.ts";
import { OPERATORS, type Mutant, type OperatorName } from "./mutant.ts";
import { readModule } from "./program.ts";
import { PINNED_SEED, PINNED_SIZE, quotas, ranked } from "./sample.ts";
import { SURVIVORS } from "./survivors.ts";
import { Laboratory, tryMutant, type Trial } from "./try-mutant.ts";
import type { Measured } from "./worker.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MUTANTS = allMutants(ROOT);

describe("the mutants of the kernel", () => {
  it("are many, of every operator, each with an id of its own, and each parses", () => {
    expect(new Set(MUTANTS.map((m) => m.id)).size).toBe(MUTANTS.length);
    for (const operator of OPERATORS) expect(MUTANTS.filter((m) => m.operator === operator).length, operator).toBeGreaterThan(30);
    for (const m of MUTANTS.filter((_, i) => i % 7 === 0)) expect(() => readModule(m.file, m.mutated), m.id).not.toThrow();
    expect(MUTANTS.filter((m) => m.mutated === m.original)).toEqual([]);
  });
  it("leave alone what is excluded, and every exclusion is of something", () => {
    for (const { path, routine } of EXCLUDED) {
      expect(MUTANTS.filter((m) => m.file.startsWith(path) && (routine === undefined || m.routine === routine)).map((m) => m.id)).toEqual([]);
      expect(existsSync(join(ROOT, path)) || existsSync(join(ROOT, `${path}.ts`)), path).toBe(true);
    }
  });
  it("fill the pinned sample", () => {
    const ranks = ranked(MUTANTS, PINNED_SEED);
    for (const [operator, n] of quotas(PINNED_SIZE)) expect(ranks.get(operator)!.length).toBeGreaterThan(2 * n);
  });
  it("are what the explanations are about, and each of these has an argument", () => {
    refuseStale([...EQUIVALENT, ...SURVIVORS], MUTANTS);
    expect([...EQUIVALENT, ...SURVIVORS].filter((e) => e.why.length < 60).map((e) => e.id)).toEqual([]);
  });
});

describe("end to end", () => {
  const laboratory = new Laboratory(ROOT);
  afterAll(() => { laboratory.end(); });
  const attempt = (operator: OperatorName, routine: string, text: string, scenario: Pick<Measured, "scenario" | "file">): Promise<Trial> => {
    const mutant: Mutant | undefined = MUTANTS.find((m) => m.operator === operator && m.routine === routine && m.summary.includes(text));
    expect(mutant, `${routine}: ${text}`).toBeDefined();
    const measured: Measured = { ...scenario, tier: "quick", unusable: null, states: 1, cpuSeconds: 1, sanitized: true, ran: [], idle: [] };
    return tryMutant(mutant!, [[measured]], 60, laboratory.begin(mutant!));
  };

  it("a page table that is not counted when it goes is noticed", async () => {
    const trial = await attempt("skip-counter", "zapHugePmd", "nrPtes.add(mm, -1)", { scenario: "huge-zero-zap-shrink", file: "test/bugs/scenarios/huge-pages.ts" });
    expect(trial).toMatchObject({ verdict: "killed", scenario: "huge-zero-zap-shrink", pass: "plain" });
    expect(trial.promise).toMatch(/table/);
    expect(trial.steps).toBeGreaterThan(3);
  });

  it("a hint that saves work decides nothing: what comes after it looks again, under the folio lock", async () => {
    const trial = await attempt("drop-refusal", "wpCanReuseAnonFolio", "> 3", { scenario: "reservation-fork-parent-writes@rfc-choices", file: "test/scenarios/reservation-fork.ts" });
    expect(trial).toMatchObject({ verdict: "survived", tried: 2, unfinished: 0, message: null });
  });
});

describe("the command", () => {
  const run = promisify(execFile);
  const thpcheck = (...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> => run(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), ...args], { cwd: ROOT });

  it("lists the sample: the first of each operator by rank", async () => {
    const { stdout } = await thpcheck("mutate", "--list", "--sample", "12");
    const ranks = ranked(MUTANTS, PINNED_SEED);
    expect(stdout.trim().split("\n").map((line) => line.split(" ")[0])).toEqual([...quotas(12)].flatMap(([operator, n]) => ranks.get(operator)!.slice(0, n).map((m) => m.id)));
  });

  it("shows a mutant as a patch that check takes", async () => {
    const mutant = MUTANTS.find((m) => m.operator === "skip-counter" && m.routine === "zapHugePmd" && m.summary.includes("nrPtes"))!;
    const { stdout } = await thpcheck("mutate", "--show", mutant.id);
    const folder = mkdtempSync(join(tmpdir(), "thpcheck-mutate-"));
    try {
      writeFileSync(join(folder, "idea.patch"), stdout);
      const failed = (await thpcheck("check", "test/bugs/scenarios/huge-pages.ts", "--patch", join(folder, "idea.patch")).catch((e: unknown) => e)) as { code: number; stdout: string };
      expect(failed.code).toBe(1);
      expect(failed.stdout).toMatch(/FAIL.* huge-zero-zap-shrink/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("refuses a mutant that there is not", async () => {
    const failed = (await thpcheck("mutate", "--show", "0000000000").catch((e: unknown) => e)) as { code: number; stderr: string };
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toMatch(/there is no mutant 0000000000 .*--list/);
  });
});
