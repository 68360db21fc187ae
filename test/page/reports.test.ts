/** `bugs --report` and `policies --report`: an index, and a page for each violation, as `check --report` makes them. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";
import type { PageData } from "../../checker/page/data.ts";
import { ROOT } from "./told.ts";

const folder = mkdtempSync(join(tmpdir(), "thpcheck-reports-"));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

const run = (...args: string[]): Promise<{ code: number; stderr: string }> =>
  promisify(execFile)(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), ...args], { cwd: ROOT, maxBuffer: 1 << 26 })
    .then(({ stderr }) => ({ code: 0, stderr }), (e: unknown) => e as { code: number; stderr: string });

/** What a page of the report holds. */
function pageIn(report: string, name: string): PageData {
  const text = readFileSync(join(report, "traces", `${name}.html`), "utf8");
  return JSON.parse(/<script type="application\/json" id="page">(.*?)<\/script>/s.exec(text)![1]!) as PageData;
}
/** The rows of the index by their outcome, and where they lead. */
function rowsOf(report: string): string[][] {
  const text = readFileSync(join(report, "index.html"), "utf8");
  return [...text.matchAll(/<tr class="(\w+)"><td>\w+<\/td><td>(?:<a href="([^"]*)">)?([^<]*)/g)]
    .map(([, outcome, page, name]) => [outcome!, name!, page ?? ""]);
}

it("a bug that is found is a pass, with a page of the scenario as the patch has it", async () => {
  const report = join(folder, "bugs");
  expect((await run("bugs", "gup-fast-vs-collapse-recheck", "--report", report)).code).toBe(0);
  expect(rowsOf(report)).toEqual([["pass", "gup-fast-vs-collapse-recheck", "traces/gup-fast-vs-collapse-recheck.html"]]);
  const { program, trace } = pageIn(report, "gup-fast-vs-collapse-recheck");
  expect(program.scenario).toBe("collapse-pin-broadcast");
  expect(trace.verdict.map((l) => l.text).join(" ")).toContain("K11");
  expect(trace.replay).toContain("--patch test/bugs/gup-fast-vs-collapse-recheck.patch");
  expect(trace.states).toHaveLength(trace.steps.length + 1);
}, 120_000);

it("a bug that is not found in time is no pass, and the exit code is that of the command", async () => {
  const report = join(folder, "missed");
  expect((await run("bugs", "mremap-flush-after-unlock", "--time", "0.0001", "--report", report)).code).toBe(1);
  expect(rowsOf(report)).toEqual([["error", "mremap-flush-after-unlock", ""]]);
  expect(readdirSync(join(report, "traces"))).toEqual([]);
}, 120_000);

it("each cell of the table of policies is a row, and each violation has a page", async () => {
  const report = join(folder, "policies");
  const names = ["rfc-2018-d1-sleeps", "rfc-2018-d2-frees-block"];
  expect((await run("policies", ...names, "--policy", "rfc-2018", "--report", report)).code).toBe(0);
  expect(rowsOf(report)).toEqual(names.map((n) => ["pass", `${n}@rfc-2018`, `traces/${n}@rfc-2018.html`]));
  expect(pageIn(report, `${names[0]}@rfc-2018`).trace.steps).toHaveLength(8);
}, 120_000);

it("a folder that holds something else is left as it is, and one of a run that could not begin goes again", async () => {
  const other = join(folder, "other");
  mkdirSync(other);
  writeFileSync(join(other, "mine.txt"), "mine");
  for (const command of [["bugs", "gup-fast-vs-collapse-recheck"], ["policies", "rfc-2018-d1-sleeps"]]) {
    const { code, stderr } = await run(...command, "--report", other);
    expect(stderr).toContain("holds files that are no report of thpcheck");
    expect(code).toBe(2);
  }
  expect(readdirSync(other)).toEqual(["mine.txt"]);
  expect((await run("policies", "no-such-scenario", "--report", join(folder, "none"))).code).toBe(2);
  expect(existsSync(join(folder, "none"))).toBe(false);
}, 120_000);
