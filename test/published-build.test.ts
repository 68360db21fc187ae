/** The package as it would be published: installed under node_modules of another project, it checks that project's TypeScript. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, readdirSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "thpcheck-published-"));

beforeAll(() => {
  const modules = join(project, "node_modules");
  mkdirSync(modules);
  execFileSync(process.execPath, [join(root, ".ci/build.ts"), join(modules, "thpcheck")], { stdio: "pipe" });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== ".bin" && !existsSync(join(modules, name))) symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "racy.ts"), `
import { at, int, scenario, struct, violated, type Routine, type U8, type World } from "thpcheck";
const structs = { counter: struct({ value: int(0, 2, "increments") }) };
type K = World<typeof structs>;
function* increment(k: K): Routine {
  yield at("read");
  const seen: U8 = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
}
export default scenario({ name: "racy", why: "a lost update", tier: "quick", structs,
  threads: [{ name: "a", run: increment }, { name: "b", run: increment }],
  finally: { "both count": (k: K) => k.counter.value.get() === 2 }, expect: violated("both count") });
`);
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

const thpcheck = (...args: string[]) => spawnSync(process.execPath, [join(project, "node_modules/thpcheck/checker/cli/thpcheck.js"), ...args], { cwd: project, encoding: "utf8" });

describe("the published package", () => {
  test("is JavaScript and finds the lost update of a TypeScript scenario", () => {
    const run = thpcheck("check", "./racy.ts");
    expect(run.stderr).toBe("");
    expect(run.stdout).toContain("both count");
    expect(run.status).toBe(0);
  });
  test("checks scenarios side by side", () => {
    writeFileSync(join(project, "many.ts"), `
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
`);
    const run = thpcheck("check", "./many.ts", "--workers", "2");
    expect(run.stderr).toBe("");
    expect(run.stdout).toContain("6 scenarios: 6 as expected");
  });
  test("explores with two worker threads", () => {
    const run = thpcheck("check", "./racy.ts", "--workers", "2", "--format", "json");
    const parsed = JSON.parse(run.stdout) as { results: { workers: number; asExpected: boolean }[] };
    expect(parsed.results[0]).toMatchObject({ workers: 2, asExpected: true });
  });
});
