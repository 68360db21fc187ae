/** The project's commands as a person calls them. Those that measure take minutes: here only what comes before and after. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SCAN_STATUS } from "../../impl/khugepaged/scan-result.ts";
import { ROOT } from "./recorded.ts";
import { OPERATIONS } from "./steps.ts";

const folder = mkdtempSync(join(tmpdir(), "thpcheck-commands-"));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

function thpcheck(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), ...args], { cwd: ROOT, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  return { status, stdout, stderr };
}

test("help lists the commands, and each teaches", () => {
  expect(thpcheck("--help").stdout).toMatch(/steps.*\n[^]*scan-results.*\n[^]*coverage/);
  for (const name of ["steps", "scan-results", "coverage"]) expect(thpcheck(name, "--help").stdout).toMatch(/Examples:\n {2}npx thpcheck/);
});

test("steps prints every item, and as JSON the data", () => {
  const printed = thpcheck("steps");
  expect(printed).toMatchObject({ status: 0, stderr: "" });
  for (const { item } of OPERATIONS.flatMap((o) => o.items)) expect(printed.stdout).toMatch(new RegExp(`^  ${item.replace(".", "\\.")} `, "m"));
  expect(JSON.parse(thpcheck("steps", "--json").stdout)).toEqual({ operations: OPERATIONS, wrong: [] });
});

test("scan-results reads what was measured, and fails for a result that is not there", () => {
  const file = join(folder, "measured.json");
  const scanResults = Object.keys(SCAN_STATUS).map((code) => ({ result: Number(code), source: "a test", times: 2 }));
  writeFileSync(file, JSON.stringify({ blocks: [], scanResults, complaints: [] }));
  expect(thpcheck("scan-results", "--from", file)).toMatchObject({ status: 0, stderr: "" });
  writeFileSync(file, JSON.stringify({ blocks: [], scanResults: scanResults.slice(1), complaints: [] }));
  expect(thpcheck("scan-results", "--from", file)).toMatchObject({ status: 1, stderr: "thpcheck: never reached: failed\n" });
  expect(thpcheck("scan-results", "--from", join(folder, "none.json"))).toMatchObject({ status: 2, stderr: expect.stringMatching(/coverage --keep/) as string });
});
