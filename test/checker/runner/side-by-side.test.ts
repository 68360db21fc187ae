/** Small scenarios are checked side by side, in processes of their own: only the time differs. */
import { afterAll, describe, expect, test } from "vitest";
import { CONFIG, Project } from "../cli/fixture.ts";

/** `count` scenarios that hold or are violated in turn; `rounds` of each thread decide how many states there are. */
const module = (prefix: string, count: number, rounds = 2): string => `
import { at, holds, int, scenario, struct, violated } from "thpcheck";
import type { Routine, U8, World } from "thpcheck";
const structs = { counter: struct({ value: int(0, 200, "the count") }) };
type K = World<typeof structs>;
function* add(k: K, rounds: U8): Routine {
  for (let i: U8 = 0; i < rounds; i++) {
    yield at("read");
    const seen: U8 = k.counter.value.get();
    yield at("write");
    k.counter.value.set(seen + 1);
  }
}
export default Array.from({ length: ${count} }, (_, n) => scenario({
  name: ${JSON.stringify(prefix)} + n, why: "one of many", tier: "quick", structs,
  threads: ["a", "b", "c"].map((name) => ({ name, run: (k: K) => add(k, ${rounds}) })),
  finally: n % 3 === 1 ? { "all count": (k: K) => k.counter.value.get() === ${3 * rounds} } : {},
  expect: n % 3 === 1 ? violated("all count") : holds(),
}));`;

const projects: Project[] = [];
const project = (files: Readonly<Record<string, string>>): Project => {
  const made = new Project({ "thpcheck.config.ts": CONFIG, ...files });
  projects.push(made);
  return made;
};
afterAll(() => { for (const p of projects) p.remove(); });

/** What may differ between two runs. */
const timeless = (text: string): string => text.replace(/\d[\d.,]*k? states\/s|\d[\d.,]* (ms|s|min)\b/g, "TIME").replace(/ +\d+\.\d\d +[\d.,]+[kM]? /g, " TIME ").replace(/ {2,}/g, "  ");
interface Result { scenario: string; verdict: string; reason: string | null; workers: number }
const results = (json: string): Result[] => (JSON.parse(json, (key, value: unknown) => (key === "seconds" || key === "statesPerSecond" ? 0 : value)) as { results: Result[] }).results;

describe("side by side", () => {
  test("the same results in the same order as one after the other", async () => {
    const p = project({ "scenarios/some.ts": module("some", 8) });
    const [one, two] = [await p.run(["check", "--workers", "1"]), await p.run(["check", "--workers", "2"])];
    expect(two.stderr).toBe("");
    expect([two.code, timeless(two.stdout)]).toEqual([0, timeless(one.stdout)]);
    const [oneJson, twoJson] = [await p.run(["check", "--workers", "1", "--format", "json"]), await p.run(["check", "--workers", "2", "--format", "json"])];
    expect(results(twoJson.stdout)).toEqual(results(oneJson.stdout));
    expect(results(twoJson.stdout).map((r) => r.scenario)).toEqual(Array.from({ length: 8 }, (_, n) => `some${n}`));
  });

  test("an audit, and a patch, reach the processes", async () => {
    const p = project({ "scenarios/some.ts": module("some", 6), "more.patch": "--- a/scenarios/some.ts\n+++ b/scenarios/some.ts\n@@ -8,5 +8,5 @@\n   for (let i: U8 = 0; i < rounds; i++) {\n     yield at(\"read\");\n     const seen: U8 = k.counter.value.get();\n-    yield at(\"write\");\n+\n     k.counter.value.set(seen + 1);\n" });
    const audited = await p.run(["check", "--audit"]);
    expect(audited.code, audited.stdout + audited.stderr).toBe(0);
    expect(audited.stdout.match(/dead locals kept/g)).toHaveLength(6);
    // Without the second yield no update is lost: what should be violated holds.
    const patched = await p.run(["check", "--patch", "more.patch", "--format", "json"]);
    expect(patched.code, patched.stderr).toBe(1);
    expect(results(patched.stdout).map((r) => r.verdict)).toEqual(Array.from({ length: 6 }, () => "holds"));
  });

  test("a process that dies takes one scenario with it", async () => {
    // `process.send` is there only in a process of the pool.
    const deadly = `if (process.send !== undefined) process.kill(process.pid, "SIGKILL");\n${module("deadly", 1)}`;
    const p = project({ "scenarios/a.ts": module("a", 4), "scenarios/b.ts": deadly, "scenarios/c.ts": module("c", 4) });
    const run = await p.run(["check", "--format", "json", "--workers", "2"]);
    expect(run.code).toBe(2);
    const all = results(run.stdout);
    expect(all.map((r) => `${r.scenario} ${r.verdict}`)).toEqual(["a0 holds", "a1 violated", "a2 holds", "a3 holds", "deadly0 error", "c0 holds", "c1 violated", "c2 holds", "c3 holds"]);
    expect(all[4]!.reason).toContain("the process that worked on it ended (SIGKILL)");
  });

  test("Ctrl-C: what is done is reported, what runs is incomplete, the rest was not run", async () => {
    const p = project({ "scenarios/a.ts": module("a", 1), "scenarios/b.ts": module("b", 9, 60) });
    let sent = false;
    const run = await p.run(["check", "--workers", "2", "--out", "results.json"], (stdout, signal) => {
      if (sent || !stdout.includes("a0 holds")) return;
      sent = true;
      signal("SIGINT");
    });
    expect(run.code).toBe(3);
    expect(run.stdout).toMatch(/a0 holds/);
    expect(run.stdout).toMatch(/b0 incomplete/);
    expect(run.stdout).toMatch(/stopped: interrupted/);
    expect(run.stdout).toMatch(/not run: .*b8/);
  });
});
