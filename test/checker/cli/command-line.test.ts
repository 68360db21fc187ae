import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResultFile } from "../../../checker/result.ts";
import { CONFIG, LARGE, Project, counters } from "./fixture.ts";

let good: Project;
beforeAll(() => {
  good = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/counters.ts": counters('violated("no update is lost", { length: 4 })'), "elsewhere/mine.ts": counters("holds()").replaceAll('"racy"', '"mine"').replaceAll('"locked"', '"mine-locked"') });
});
afterAll(() => { good.remove(); });

describe("check", () => {
  it("runs the quick tier, starts to print before it has loaded all, and exits 0 when all is as expected", async () => {
    const r = await good.run(["check"]);
    expect(r.stderr).toBe("");
    expect(r.stdout).toContain('ok   racy violates "no update is lost" in 4 steps: 12 states, 14 transitions, depth 5');
    expect(r.stdout).not.toContain("locked");
    expect(r.code).toBe(0);
    // Within 2 s on a quiet machine.
    expect(r.firstOutput).toBeLessThan(20_000);
  });

  it("runs an exactly named scenario whatever its tier, and a glob within the tier", async () => {
    expect((await good.run(["check", "locked"])).stdout).toContain("ok   locked holds");
    const glob = await good.run(["check", "lo*"]);
    expect(glob.stderr).toBe('thpcheck: "lo*" matches scenarios of tier full only; add --tier full\n');
    expect(glob.code).toBe(2);
    expect((await good.run(["check", "lo*", "--tier", "full"])).code).toBe(0);
  });

  it("runs a scenario file of any folder, shows the violation, and prints a command that replays it", async () => {
    const r = await good.run(["check", "elsewhere/mine.ts"]);
    expect(r.code).toBe(1);
    expect(r.stdout).toContain("FAIL mine violates");
    expect(r.stdout).toContain("~~~~ alice is preempted; bob runs");
    expect(r.stdout).toContain("counter.value: 0 -> 1");
    expect(r.stdout).toContain("expected: k.counter.value.get() === 2");
    expect(r.stdout).toContain("ok   mine-locked holds");
    const command = /npx thpcheck (replay tc1\.mine\.\S+ --from elsewhere\/mine\.ts)/.exec(r.stdout);
    const again = await good.run(command![1]!.split(" "));
    expect(again.code).toBe(0);
    const trace = (text: string): string => text.slice(text.indexOf("counterexample of"), text.indexOf("replay it with"));
    expect(trace(again.stdout)).toBe(trace(r.stdout));
  });

  it("writes results as JSON, with the trace in them, that replay reads", async () => {
    const r = await good.run(["check", "racy", "locked", "--format", "json", "--out", "run.json"]);
    expect(r.stdout).toBe("");
    const file = JSON.parse(readFileSync(join(good.folder, "run.json"), "utf8")) as ResultFile;
    expect(file).toMatchObject({ format: "thpcheck-result", version: 1, tier: "quick", seed: 0 });
    expect(file.results.map((x) => [x.scenario, x.verdict, x.asExpected])).toEqual([["racy", "violated", true], ["locked", "holds", true]]);
    expect(file.results[0]!.violation!.trace!.steps.map((s) => `${s.actor} ${s.label}`).sort((a, b) => a.localeCompare(b))).toEqual(["alice read", "alice write", "bob read", "bob write"]);
    const replayed = await good.run(["replay", "run.json"]);
    expect(replayed.stdout).toContain("counterexample of racy, 4 steps");
    expect(JSON.parse((await good.run(["check", "racy", "--format", "json"])).stdout)).toMatchObject({ results: [{ scenario: "racy" }] });
  });

  it("ends as incomplete, exit code 3, at a bound", async () => {
    const r = await good.run(["check", "locked", "--max-states", "3"]);
    expect(r.stdout).toContain("part locked incomplete");
    expect(r.code).toBe(3);
  });

  it("audits: every way of searching agrees", async () => {
    const r = await good.run(["check", "racy", "locked", "--audit"]);
    expect(r.code, r.stdout).toBe(0);
    const variants = ["exact states", "another fingerprint seed", "depth first", "two workers", "in WebAssembly", "dead locals kept"];
    for (const variant of variants) {
      expect(r.stdout.match(new RegExp(`${variant} .* yes$`, "gm")), variant).toHaveLength(2);
    }
  });

  it("prints what it has when interrupted, exit code 3", async () => {
    const project = new Project({ "large.ts": LARGE });
    const r = await project.run(["check", "large.ts", "--out", "run.json"], (stdout, signal) => {
      if (stdout.includes("loading")) setTimeout(() => { signal("SIGINT"); }, 700);
    });
    expect(r.stdout).toMatch(/part large incomplete: [\d,]+ states/);
    expect(r.stderr).toContain("once more ends it at once");
    expect(r.code).toBe(3);
    expect(JSON.parse(readFileSync(join(project.folder, "run.json"), "utf8"))).toMatchObject({ results: [{ verdict: "incomplete", reason: "interrupted" }] });
    project.remove();
  });

  it("ends at once where the command does not look for signals", async () => {
    const project = new Project({ "thpcheck.config.ts": `import { defineConfig } from "thpcheck";
const forever = () => new Promise((r) => { console.log("waiting"); setTimeout(r, 60_000); });
const waits = { name: "waits", description: "waits", register: (c) => c.action(forever) };
export default defineConfig({ scenarios: [], commands: [waits] });
` });
    const start = performance.now();
    const r = await project.run(["waits"], (stdout, signal) => { if (stdout.includes("waiting")) signal("SIGTERM"); });
    expect(r.code).toBe(130);
    expect(r.stderr).toContain("SIGTERM: ended; this command prints its results when it has them all");
    expect(performance.now() - start).toBeLessThan(30_000);
    project.remove();
  });

  it("names the line of the source in which a property throws", async () => {
    const project = new Project({ "throws.ts": `import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";
const structs = { counter: struct({ value: int(0, 9, "the count") }) };
type K = World<typeof structs>;
function* set(k: K): Routine {
  yield at("write");
  k.counter.value.set(1);
}
function reads(k: K): boolean {
  const list: number[] = [1];
  return list[k.counter.value.get() + 5]!.toFixed(1) === "1";
}
export default scenario({ name: "throws", why: "a test", tier: "quick", structs, threads: [{ name: "a", run: set }], always: { "reads": (k: K) => reads(k) }, expect: holds() });
` });
    const run = await project.run(["check", "throws.ts"]);
    expect(run.code).toBe(1);
    expect(run.stdout).toMatch(/FAIL throws violates "reads" in 0 steps/);
    expect(run.stdout).toMatch(/it throws TypeError: Cannot read properties of undefined .*\s+\(throws\.ts:10\)/);
    project.remove();
  });

  it("reports a pin that is wrong, and writes it on --update-pins", async () => {
    const project = new Project({ "a.ts": counters('violated("no update is lost")', "holds({ states: 7, depth: 1 })") });
    const wrong = await project.run(["check", "a.ts"]);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toContain("expected: holds (7 states);");
    expect(wrong.stdout).toMatch(/(\d+) states, pinned are 7; (\d+) levels, pinned are 1/);
    await project.run(["check", "a.ts", "--update-pins"]);
    const right = await project.run(["check", "a.ts"]);
    expect(right.code, right.stdout).toBe(0);
    expect(readFileSync(join(project.folder, "a.ts"), "utf8")).toContain('violated("no update is lost", { length: 4 })');
    project.remove();
  });
});

describe("bad input gets one sentence and exit code 2", () => {
  it.each([
    [["check", "rcay"], 'there is no scenario "rcay". Did you mean "racy"?'],
    [["check", "x*"], 'no scenario matches "x*"'],
    [["check", "no-such-file.ts"], "there is no file no-such-file.ts"],
    [["check", "racy", "--max-states", "0"], "must be an integer from 1 upward"],
    [["check", "racy", "--max-depth", "-4"], "must be an integer from 1 upward"],
    [["check", "racy", "--time", "NaN"], "must be a number of seconds above 0"],
    [["check", "racy", "--memory", "0G"], "must be a size above 0"],
    [["check", "racy", "--strategy", "astar"], "Allowed choices are bfs, dfs, random"],
    [["check", "racy", "--engine", "wasm", "--exact"], "--engine wasm is for breadth-first searches"],
    [["check", "racy", "--workers", "2", "--strategy", "dfs"], "--workers 2 needs --strategy bfs"],
    [["check", "racy", "--out", "no-such-folder/run.json"], "--out no-such-folder/run.json cannot be written: no such file or directory"],
    [["chekc"], "Did you mean check?"],
    [["replay", "tc1.racy.AAAA"], "the trace string is damaged"],
    [["replay", "no-such-file.json"], "neither a file nor a trace string"],
    [["replay", "thpcheck.config.ts"], "holds neither a trace string nor JSON"],
  ])("thpcheck %j", async (args, sentence) => {
    const r = await good.run(args);
    expect(r.stderr).toContain(sentence);
    expect(r.stderr).not.toMatch(/^\s+at /m);
    expect(r.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(r.code).toBe(2);
  });

  it("says where a configuration is missing, and works on a file without one", async () => {
    const project = new Project({ "a.ts": counters('violated("no update is lost")') });
    const r = await project.run(["check"]);
    expect(r.stderr).toContain("there is no thpcheck.config.ts in");
    expect(r.code).toBe(2);
    expect((await project.run(["check", "a.ts"])).code).not.toBe(2);
    project.remove();
  });

  it.each([
    ["throws", "const a: number[] | null = JSON.parse('null');\nexport default a!.length;", /bad\.ts cannot be loaded: TypeError: .* \(scenarios\/bad\.ts:2\)/],
    ["has a syntax error", "export default 3 +;", /bad\.ts cannot be loaded: SyntaxError/],
    ["has no default export", "export const a = 1;", /bad\.ts has no default export/],
    ["exports something else", "export default [1];", /bad\.ts: element 0 of the default export is no scenario/],
    ["never finishes loading", "await new Promise(() => {}); export default 1;", /bad\.ts cannot be loaded: it never finishes loading/],
    ["declares a name again", counters('violated("no update is lost")'), /scenario "racy" is declared in scenarios\/bad\.ts and again in scenarios\/counters\.ts/],
  ])("a module that %s does not lose the results of the others", async (_what, text, sentence) => {
    const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/counters.ts": counters('violated("no update is lost")'), "scenarios/bad.ts": text });
    const r = await project.run(["check", "--out", "run.json"]);
    expect(r.stderr).toMatch(sentence);
    expect(r.stderr).not.toMatch(/^\s+at /m);
    expect(r.code).toBe(2);
    expect(r.stdout).toContain(" racy violates");
    expect(existsSync(join(project.folder, "run.json"))).toBe(true);
    project.remove();
  });

  it("a module that mentions the name, but is not needed, is only warned of", async () => {
    const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/counters.ts": counters('violated("no update is lost")'), "scenarios/bad.ts": "throw new Error('broken'); // see racy" });
    const r = await project.run(["check", "racy"]);
    expect(r.stderr).toContain("bad.ts cannot be loaded: broken");
    expect(r.code).toBe(0);
    project.remove();
  });

  it("a module that is not needed is not even loaded", async () => {
    const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/counters.ts": counters('violated("no update is lost")'), "scenarios/zzz.ts": "throw new Error('broken');" });
    const r = await project.run(["check", "racy"]);
    expect(r.stderr).toBe("");
    expect(r.code).toBe(0);
    project.remove();
  });

  it("a scenario that does not compile is in error, and the next one runs", async () => {
    const bad = counters("holds()").replace("yield at(\"read\");", "yield at(\"read\"); try { yield at(\"x\"); } finally { k.counter.value.set(0); }").replaceAll('"racy"', '"a-bad"').replaceAll('"locked"', '"a-locked"');
    const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/a.ts": bad, "scenarios/counters.ts": counters('violated("no update is lost")') });
    const r = await project.run(["check"]);
    expect(r.stdout + r.stderr).toMatch(/scenarios\/a\.ts:\d+/);
    expect(r.stdout).toContain("ok   racy violates");
    expect(r.code).toBe(2);
    project.remove();
  });
});

describe("list, help and the project's own commands", () => {
  it("lists scenarios with tier, expectation and file", async () => {
    const r = await good.run(["list"]);
    expect(r.stdout).toMatch(/^racy +quick +violated\("no update is lost"\) in 4 steps +scenarios\/counters\.ts +an update can be lost$/m);
    expect(JSON.parse((await good.run(["list", "lo*", "--format", "json"])).stdout)).toMatchObject([{ name: "locked", tier: "full" }]);
  });

  it("lists what else the configuration has a list of, by its name", async () => {
    expect((await good.run(["list", "colours"])).stdout).toBe("colour  taste\nred     sour\n");
    expect(JSON.parse((await good.run(["list", "colours", "--format", "json"])).stdout)).toEqual([{ colour: "red", taste: "sour" }]);
    expect((await good.run(["list", "colors"])).stderr).toContain('there is no scenario "colors"');
  });

  it.each(["check", "list", "replay"])("%s --help shows an example", async (command) => {
    const r = await good.run([command, "--help"]);
    expect(r.stdout).toContain(`npx thpcheck ${command}`);
    expect(r.code).toBe(0);
  });

  it("runs a command of the configuration and shows it in the help", async () => {
    expect((await good.run(["greet"])).stdout).toBe("hello\n");
    expect((await good.run(["--help"])).stdout).toContain("says hello");
  });
});
