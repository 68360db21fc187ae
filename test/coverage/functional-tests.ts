/** Runs the functional tests of the kernel, which count as they go and write what they counted into a folder (`record.ts`). */
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UsageError } from "../../checker/usage-error.ts";
import { mergeBlocks, RECORD_FOLDER, ROOT, type Recorded } from "./recorded.ts";

export interface TestRun extends Recorded {
  readonly complaints: readonly string[];
}

/** The files of functional tests, relative to the project. */
export function testFiles(): string[] {
  return globSync("test/impl/**/*.test.ts", { cwd: ROOT }).sort();
}

/** Runs these files, in processes of their own. Throws a UsageError when they recorded nothing. */
export async function measureTests(files: readonly string[], signal: AbortSignal): Promise<TestRun> {
  const folder = mkdtempSync(join(tmpdir(), "thpcheck-coverage-"));
  try {
    const { code, output } = await runVitest(files, folder, signal);
    const runs = readdirSync(folder).sort().map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Recorded);
    if (runs.length === 0 && !signal.aborted) throw new UsageError(`the functional tests recorded nothing; the last lines of vitest:\n${lastLines(output)}`);
    return {
      blocks: mergeBlocks(runs.map((r) => r.blocks)),
      scanResults: runs.flatMap((r) => r.scanResults),
      complaints: code === 0 ? [] : [`functional tests fail ("npx vitest run test/impl" shows them):\n${lastLines(output)}`],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(files: readonly string[], folder: string, signal: AbortSignal): Promise<{ readonly code: number | null; readonly output: string }> {
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const config = fileURLToPath(new URL("./vitest.config.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    let output = "";
    const child = spawn(process.execPath, [vitest, "run", "--config", config, "--reporter=dot", ...files], {
      cwd: ROOT, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, [RECORD_FOLDER]: folder, NO_COLOR: "1" },
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => { output += text; });
    signal.addEventListener("abort", () => child.kill(), { once: true });
    child.on("error", reject);
    child.on("close", (code) => { resolve({ code, output }); });
  });
}

const lastLines = (text: string): string => text.trimEnd().split("\n").slice(-15).join("\n");
