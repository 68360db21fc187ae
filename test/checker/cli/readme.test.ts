/** What README.md shows is what its commands print. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

it("the trace is that of the program", async () => {
  const program = [...README.matchAll(/```ts\n(.*?)```/gs)].map((m) => m[1]!).find((text) => text.includes("racy-counter"))!;
  const trace = [...README.matchAll(/```\n(.*?)```/gs)].map((m) => m[1]!).find((text) => text.includes("~~~~"))!;
  const folder = mkdtempSync(join(tmpdir(), "thpcheck-readme-"));
  try {
    writeFileSync(join(folder, "racy.ts"), program);
    const command = [join(ROOT, "checker/cli/thpcheck.js"), "check", "./racy.ts"];
    // The violation is not what the scenario expects: exit code 1.
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: folder, env: { ...process.env, COLUMNS: "100" } })
      .catch((e: unknown) => e as { stdout: string });
    expect(stdout).toContain(trace);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
