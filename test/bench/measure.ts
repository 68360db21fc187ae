/** Runs one process to its end and says what it took. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ProcessRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From start to end, start-up of the runtime included. */
  readonly wallSeconds: number;
  /** User and system time over all threads; null without GNU time. */
  readonly cpuSeconds: number | null;
  /** Largest resident set, in bytes; null without GNU time. */
  readonly peakBytes: number | null;
}

/** Where GNU time is; its report is the one way to learn a child's peak memory without reading it while it runs. */
const GNU_TIME = findGnuTime();

function findGnuTime(): string | null {
  return ["/usr/bin/time", "gtime"].find((candidate) => {
    const answer = spawnSync(candidate, ["--version"], { encoding: "utf8" });
    return answer.status === 0 && `${answer.stdout}${answer.stderr}`.includes("GNU");
  }) ?? null;
}

/** Why CPU time and memory cannot be measured here; null when they can. */
export const unmeasured: string | null = GNU_TIME === null ? "CPU time and peak memory are not measured: GNU time is not installed (apt-get install time)" : null;

/** Throws when the program cannot be started; its exit status is the caller's business. */
export function measure(
  program: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {},
): ProcessRun {
  const folder = mkdtempSync(join(tmpdir(), "thpcheck-bench-"));
  try {
    const report = join(folder, "time");
    const command = GNU_TIME === null ? [program, ...args] : [GNU_TIME, "--format=%U %S %M", `--output=${report}`, program, ...args];
    const start = performance.now();
    const run = spawnSync(command[0]!, command.slice(1), { cwd, env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 2 ** 28 });
    const wallSeconds = (performance.now() - start) / 1000;
    if (run.error !== undefined) throw new Error(`${program} cannot be run: ${run.error.message}`);
    // GNU time writes a line about the exit status above the figures when it is not 0.
    const figures = GNU_TIME === null ? null : readFileSync(report, "utf8").trim().split("\n").at(-1)!.split(" ").map(Number);
    return {
      status: run.status, stdout: run.stdout, stderr: run.stderr, wallSeconds,
      cpuSeconds: figures === null ? null : figures[0]! + figures[1]!,
      peakBytes: figures === null ? null : figures[2]! * 1024,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a program of that name can be started. */
export function isInstalled(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).error === undefined;
}
