/** The package as `npm pack` makes it, in a folder of somebody else's: what is in it, that it starts, and its types. */
import { execFileSync, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, expect, it } from "vitest";
import { packing, ROOT } from "./packed.ts";

const folder = mkdtempSync(join(tmpdir(), "thpcheck-package-"));
const installed = join(folder, "node_modules/thpcheck");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: Record<string, string> };

/** Places a package that the checkout has; with what it depends on, as npm lays it out. */
function place(name: string): void {
  const at = join(folder, "node_modules", name);
  if (existsSync(at)) return;
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), at);
}

beforeAll(async () => {
  const args = ["pack", "--silent", "--pack-destination", folder];
  await packing(() => execFileSync("npm", args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] }));
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["xzf", join(folder, "thpcheck-0.1.0.tgz"), "-C", installed, "--strip-components=1"]);
  for (const name of Object.keys(manifest.dependencies)) place(name);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "mine", type: "module" }));
  const example = /```ts\n(.*?)```/s.exec(readFileSync(join(ROOT, "README.md"), "utf8"))![1]!;
  writeFileSync(join(folder, "racy.ts"), example);
});
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

const thpcheck = (...args: string[]): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [join(installed, "checker/cli/thpcheck.js"), ...args], { cwd: folder, encoding: "utf8" });

it("checks the scenario of the README, on two workers and in an audit as well", () => {
  for (const more of [[], ["--workers", "2"], ["--audit"]]) {
    const { stdout, stderr, status } = thpcheck("check", "./racy.ts", ...more);
    expect(stdout + stderr).toContain('FAIL racy-counter violates "both count" in 4 steps: 12 states, 14 transitions');
    expect(status).toBe(1);
  }
});

it("replays what it found", () => {
  const command = /npx thpcheck (replay \S+ --from racy\.ts)/.exec(thpcheck("check", "./racy.ts").stdout)![1]!;
  expect(thpcheck(...command.split(" ")).stdout).toContain('broken: finally "both count"');
});

it("makes pages without a bundler: it has the viewer ready made, the one of its sources", () => {
  expect(existsSync(join(folder, "node_modules/rolldown"))).toBe(false);
  const { stderr, status } = thpcheck("check", "./racy.ts", "--report", "report");
  expect(stderr).not.toContain("thpcheck: ");
  expect(status).toBe(1);
  // The hash of the program in the trace string is another: it is that of JavaScript here.
  const pageIn = (report: string): string =>
    readFileSync(join(folder, report, "traces/racy-counter.html"), "utf8").replace(/tc1\.racy-counter\.\S+/, "TRACE");
  const ofSources = spawnSync(process.execPath, [join(ROOT, "checker/cli/thpcheck.js"), "check", "./racy.ts", "--report", "of-sources"],
    { cwd: folder, encoding: "utf8" });
  expect(ofSources.status).toBe(1);
  expect(pageIn("report")).toBe(pageIn("of-sources"));
});

const MANY = `
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";
const structs = { counter: struct({ value: int(0, 2, "increments") }) };
type K = World<typeof structs>;
function* increment(k: K): Routine {
  yield at("add");
  k.counter.value.add(1);
}
export default Array.from({ length: 6 }, (_, n) => scenario({ name: "many-" + n, why: "one of many", tier: "quick", structs,
  threads: [{ name: "a", run: increment }, { name: "b", run: increment }],
  finally: { "both count": (k: K) => k.counter.value.get() === 2 }, expect: holds() }));
`;
it("checks scenarios side by side, in processes of its own", () => {
  writeFileSync(join(folder, "many.ts"), MANY);
  const { stdout, stderr, status } = thpcheck("check", "./many.ts", "--workers", "2");
  expect(stderr).toBe("");
  expect(stdout).toContain("6 scenarios: 6 as expected");
  expect(status).toBe(0);
});

it("checks scenarios of the kernel in a folder of one's own", () => {
  copyFileSync(join(installed, "examples/kernel.ts"), join(folder, "kernel.ts"));
  const { stdout, stderr, status } = thpcheck("check", "./kernel.ts");
  expect(stderr).toBe("");
  expect(stdout).toContain('collapse-beside-discard violates "a huge page is left" in 140 steps: 803 states');
  expect(status).toBe(0);
});

it("draws them with the picture of the kernel's memory", () => {
  const { stderr, status } = thpcheck("check", "./kernel.ts", "--report", "report");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const page = readFileSync(join(folder, "report/traces/collapse-beside-discard.html"), "utf8");
  expect(page).toContain(readFileSync(join(installed, "dist/picture/kernel.bundle.js"), "utf8").trim());
});

const VITEST_CONFIG = `
import { defineConfig } from "vitest/config";
import { thpcheckPlugin } from "thpcheck/vitest";
export default defineConfig({ plugins: [thpcheckPlugin()], test: { testTimeout: 300_000 } });
`;
const VITEST_TEST = `
import { expect, test } from "vitest";
import { toBeAsExpected, toHold } from "thpcheck/vitest";
import many from "./many.ts";
import racy from "./racy.ts";
import kernel from "./kernel.ts";
import { at, int, scenario, struct, type Routine, type World } from "thpcheck";
import { vi } from "vitest";
vi.mock("./absent.ts", () => ({ answer: () => 5 }));
expect.extend({ toHold, toBeAsExpected });
const structs = { door: struct({ open: int(0, 1, "whether it is open") }) };
function* opens(k: World<typeof structs>): Routine {
  yield at("open");
  k.door.open.set(1);
}
const inside = scenario({
  name: "inside", structs, threads: [{ name: "a", run: opens }], finally: { open: (k) => k.door.open.get() === 1 },
});
test("stands in the test file", async () => { await expect(inside).toHold(); });
test("holds", async () => { await expect(many[0]).toHold(); });
test("does not hold", async () => { await expect(racy).not.toHold(); });
test("fails with its trace", async () => { await expect(racy).toBeAsExpected(); });
test("is cut short", async () => { await expect(racy).not.toHold({ maxStates: 3 }); });
test("of the kernel", async () => { await expect(kernel).toBeAsExpected(); });
test("is no scenario", async () => { await expect(5).not.toHold(); });
`;
it("has matchers for Vitest, which answer only what was checked to its end", () => {
  writeFileSync(join(folder, "many.ts"), MANY);
  copyFileSync(join(installed, "examples/kernel.ts"), join(folder, "kernel.ts"));
  writeFileSync(join(folder, "vitest.config.ts"), VITEST_CONFIG);
  writeFileSync(join(folder, "racy.test.ts"), VITEST_TEST);
  place("vitest");
  place("vite");
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const run = spawnSync(process.execPath, [vitest, "run", "--reporter=json", "--outputFile=tests.json"],
    { cwd: folder, encoding: "utf8", env: { ...process.env, VITEST: undefined, TEST: undefined } });
  expect(existsSync(join(folder, "tests.json")), run.stdout + run.stderr).toBe(true);
  const { testResults: [file] } = JSON.parse(readFileSync(join(folder, "tests.json"), "utf8")) as VitestReport;
  expect(file!.assertionResults.map((t) => [t.title, t.status])).toEqual([
    ["stands in the test file", "passed"], ["holds", "passed"], ["does not hold", "passed"], ["fails with its trace", "failed"],
    ["is cut short", "failed"], ["of the kernel", "passed"], ["is no scenario", "failed"],
  ]);
  const says = file!.assertionResults.map((t) => t.failureMessages.join());
  expect(says[3]).toMatch(/racy-counter violates "both count" in 4 steps; it expects: holds.*broken: finally "both count"/s);
  expect(says[4]).toContain("racy-counter: incomplete: the bound of 3 states");
  expect(says[6]).toContain("toHold() is asked of a scenario");
});
interface VitestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string; readonly failureMessages: readonly string[] }[];
  }[];
}

it("says what to do where the plugin is missing", () => {
  writeFileSync(join(folder, "bare.config.mjs"), `export default { test: { include: ["bare.test.ts"] } };`);
  writeFileSync(join(folder, "bare.test.ts"), `
import { expect, test } from "vitest";
import { toHold } from "thpcheck/vitest";
import racy from "./racy.ts";
expect.extend({ toHold });
test("racy", async () => { await expect(racy).toHold(); });
`);
  place("vitest");
  place("vite");
  const run = spawnSync(process.execPath, [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--config", "bare.config.mjs"],
    { cwd: folder, encoding: "utf8", env: { ...process.env, VITEST: undefined, TEST: undefined } });
  expect(run.stdout + run.stderr).toContain('plugins of vitest.config.ts must have thpcheckPlugin() from "thpcheck/vitest"');
  expect(run.status).toBe(1);
  rmSync(join(folder, "bare.test.ts"));
});

it("says which version it is", () => { expect(thpcheck("--version").stdout).toBe("0.1.0\n"); });

it("has types for whoever looks into its declarations too", () => {
  const options = {
    module: "nodenext", target: "es2024", lib: ["es2024"], strict: true, noEmit: true, skipLibCheck: true, types: [],
    allowImportingTsExtensions: true,
  };
  writeFileSync(join(folder, "many.ts"), MANY);
  writeFileSync(join(folder, "racy.test.ts"), VITEST_TEST);
  copyFileSync(join(installed, "examples/kernel.ts"), join(folder, "kernel.ts"));
  place("vitest");
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["racy.ts", "racy.test.ts"] }));
  const { stdout, status } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder, encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

it("has pages, by npm run docs, of all that it exports", () => {
  const read = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), "utf8"));
  const { exports } = read("package.json") as { exports: Record<string, string | { types: string }> };
  const declarations = Object.values(exports).flatMap((e) => (typeof e === "string" ? [] : [e.types]));
  const { entryPoints } = read("typedoc.json") as { entryPoints: string[] };
  expect(entryPoints).toEqual(declarations.map((d) => d.replace(/^.\/dist\/(.*)\.d\.ts$/, "$1.ts")));
});

it("is a package as publint wants it", async () => {
  const { messages, pkg } = await publint({ pkgDir: installed, strict: true });
  expect(messages.map((m) => formatMessage(m, pkg as Record<string, unknown>))).toEqual([]);
});
