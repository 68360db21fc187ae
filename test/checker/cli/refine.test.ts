/** Machines that a project's configuration holds its scenarios to, from the command line. */
import { afterAll, describe, expect, it } from "vitest";
import { Project } from "./fixture.ts";

const CONFIG = `import { REFUSED, defineConfig } from "thpcheck";
import { lamps } from "./machine.ts";
export default defineConfig({ scenarios: ["scenarios/*.ts"], refine: async (s) => (s.name.startsWith("lamp") ? [lamps] : []) });
`;
const MACHINE = `import { REFUSED } from "thpcheck";
function lit(k, lamp) { return k.lamp.lit.get(lamp) ? 1 : 0; }
export const lamps = {
  machine: "lamp", instances: 2, title: (i) => "lamp " + i, bounds: {}, states: 2, describe: (s) => (s === 1 ? "lit" : "dark"), abstract: lit,
  events: [{ event: 7, name: "SWITCH", payloads: 1, route: (args, bounds, move) => { move(args[0], 0); } }],
  next: (state, event) => (event === 7 ? 1 - state : REFUSED), arrows: [{ name: "SWITCH", lacks: null }], arrow: () => 0,
};
`;
const SCENARIOS = `import { at, bool, emit, holds, scenario, table } from "thpcheck";
import type { Routine, World } from "thpcheck";
const structs = { lamp: table(2, { lit: bool("it is lit") }) };
type K = World<typeof structs>;
function* announced(k: K): Routine {
  yield at("switch on");
  k.lamp.lit.set(0, true);
  emit(k, 7, 0);
}
function* silent(k: K): Routine {
  yield at("wait", () => k.lamp.lit.get(0));
  k.lamp.lit.set(1, true);
}
const threads = [{ name: "announced", run: announced }, { name: "silent", run: silent }];
export default [
  scenario({ name: "lamp-good", why: "every change is announced", tier: "quick", structs, threads: threads.slice(0, 1), expect: holds() }),
  scenario({ name: "lamp-silent", why: "one change is not", tier: "full", structs, threads, expect: holds() }),
  scenario({ name: "other", why: "no machine is about this", tier: "full", structs, threads, expect: holds() }),
];
`;

const project = new Project({ "thpcheck.config.ts": CONFIG, "machine.ts": MACHINE, "scenarios/lamps.ts": SCENARIOS });
afterAll(() => project.remove());

describe("check with machines of the configuration", () => {
  it("holds each step to them, and says how many and what they did", async () => {
    const { code, stdout } = await project.run(["check"]);
    expect(stdout).toContain("1 step of 1 scenario was held to 1 machine; transitions taken: lamp 1/1");
    expect(code).toBe(0);
  });

  it("reports a change without an event, with its line, and a replay that shows the same", async () => {
    const { code, stdout } = await project.run(["check", "lamp-silent"]);
    expect(code).toBe(1);
    expect(stdout).toContain('broken: step "refines lamp"');
    expect(stdout).toMatch(/lamp is in the state where the events lead it, dark, and not in another, lit\s+\(scenarios\/lamps\.ts:12\)/);
    expect(stdout).toContain("instance = lamp 1");
    const trace = /tc1\.\S+/.exec(stdout)![0];
    const again = await project.run(["replay", trace]);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/and not in another, lit\s+\(scenarios\/lamps\.ts:12\)/);
  });

  it("leaves them out with --no-refine, and says so", async () => {
    const { code, stdout } = await project.run(["check", "lamp-silent", "--no-refine"]);
    expect(code).toBe(0);
    expect(stdout).not.toContain("held to 1 machine");
    expect(stdout).toContain("note: Its steps were not held to the machines of the specification (--no-refine).");
  });

  it("puts what was taken into the results", async () => {
    const { stdout } = await project.run(["check", "lamp-good", "other", "--format", "json"]);
    const results = (JSON.parse(stdout) as { results: { refinement: unknown }[] }).results;
    expect(results.map((r) => r.refinement)).toEqual([{ steps: 1, machines: [{ machine: "lamp", instances: 2, moves: 1, arrows: 1, taken: [{ arrow: "SWITCH", count: 1 }] }] }, null]);
  });
});
