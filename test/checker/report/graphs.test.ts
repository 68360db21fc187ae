/**
 * State graphs, each format read by a program that is made for it: as many nodes and edges as the search has states and transitions,
 * and nothing lost of what is said of them.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MultiDirectedGraph } from "graphology";
import graphml from "graphology-graphml";
import { afterAll, describe, expect, it } from "vitest";
import type { Scenario } from "thpcheck";
import { checkScenario } from "../../../checker/check/check.ts";
import { defaultEngine } from "../../../checker/check/engine.ts";
import { clearsDeadLocals, DEFAULT_CHECK_OPTIONS } from "../../../checker/check/options.ts";
import { GRAPH_FORMATS } from "../../../checker/report/graphs/index.ts";
import type { NamedGraph } from "../../../checker/report/graphs/named-graph.ts";
import { reachableGraph } from "../../../checker/search/reachable-graph.ts";
import coffeeCan from "../../models/coffee-can.ts";
import dieHard from "../../models/die-hard.ts";
import lostUpdate from "../../models/lost-update.ts";
import peterson from "../../models/peterson.ts";
import { CONFIG, LARGE, Project, counters } from "../cli/fixture.ts";
import { odd } from "./odd-steps.ts";

const scenarios = [coffeeCan, dieHard, lostUpdate, peterson].flat() as unknown as readonly Scenario[];
const named = (name: string): Scenario => scenarios.find((s) => s.name === name)!;

async function graphOf(s: Scenario, maxStates = Infinity): Promise<NamedGraph> {
  const { compile } = await defaultEngine();
  const { system } = await compile(s, { clearDeadLocals: clearsDeadLocals(s, null) });
  return { scenario: s.name, graph: await reachableGraph(system, { maxStates, shouldStop: () => false }) };
}
const rendered = async (format: string, graph: NamedGraph): Promise<string> => (await GRAPH_FORMATS[format]!()).render(graph);

/** What a reader has found. */
interface Read {
  readonly nodes: number;
  readonly edges: number;
  readonly initial: number;
  readonly terminal: number;
  readonly violating: number;
  readonly open: number;
  readonly labels: readonly string[];
}
const sorted = (texts: readonly string[]): string[] => texts.toSorted();

function expected({ graph: { nodes, edges } }: NamedGraph): Read {
  const count = (has: (n: (typeof nodes)[number]) => boolean): number => nodes.filter(has).length;
  return {
    nodes: nodes.length, edges: edges.length, initial: count((n) => n.initial), terminal: count((n) => n.terminal),
    violating: count((n) => n.violations.length > 0), open: count((n) => n.kind === "open"),
    labels: sorted(edges.map((e) => `${e.actor}: ${e.label}`)),
  };
}

function byGraphology(text: string): Read {
  const g = graphml.parse(MultiDirectedGraph, text);
  const count = (name: string, value: unknown): number => g.filterNodes((_, a) => a[name] === value).length;
  return {
    nodes: g.order, edges: g.size, initial: count("initial", true), terminal: count("terminal", true),
    violating: g.filterNodes((_, a) => a["violation"] !== undefined).length, open: count("kind", "open"),
    labels: sorted(g.mapEdges((_, a) => `${String(a["actor"])}: ${String(a["label"])}`)),
  };
}

/** Reads by the grammar of the Aldebaran format, and nothing that is not in it. */
function byGrammar(text: string): { first: number; states: number; rows: { from: number; label: string; to: number }[] } {
  const [head, ...lines] = text.split("\n");
  expect(lines.pop()).toBe("");
  const [, first, transitions, states] = /^des \((\d+), (\d+), (\d+)\)$/.exec(head!)!.map(Number);
  const rows = lines.map((line) => {
    const [, from, label, to] = /^\((\d+), "([^"\n]*)", (\d+)\)$/.exec(line) ?? [];
    expect(label, line).toBeDefined();
    return { from: Number(from), label: label!, to: Number(to) };
  });
  expect(rows).toHaveLength(transitions!);
  for (const n of [first!, ...rows.flatMap((r) => [r.from, r.to])]) expect(n).toBeLessThan(states!);
  return { first: first!, states: states!, rows };
}

/** Asks Graphviz itself. */
function byGraphviz(text: string): Read {
  const program = `
    BEG_G { printf("%d %d\\n", nNodes($G), nEdges($G)); }
    N { printf("node %s %s %s %s\\n", $.initial, $.terminal, $.kind,
      hasAttr($, "violation") && $.violation != "" ? "broken" : ""); }
    E { printf("edge %s\\n", $.label); }`;
  const asked = spawnSync("gvpr", [program], { input: text, encoding: "utf8" });
  expect(asked.stderr).toBe("");
  const [counts, ...lines] = asked.stdout.split("\n");
  const [nodes, edges] = counts!.split(" ").map(Number);
  const of = (sign: RegExp): number => lines.filter((l) => sign.test(l)).length;
  return {
    nodes: nodes!, edges: edges!, initial: of(/^node true/), terminal: of(/^node \w+ true/), violating: of(/^node .* broken$/),
    open: of(/^node \w+ \w+ open/),
    // Graphviz keeps the backslashes of labels: it takes them away when it draws.
    labels: sorted(lines.filter((l) => l.startsWith("edge ")).map((l) => l.slice("edge ".length).replaceAll("\\\\", "\\"))),
  };
}
const hasGraphviz = spawnSync("gvpr", ["-V"]).error === undefined;

const CASES = ["coffee-can-100", "die-hard", "lost-update", "lost-update-fixed", "peterson-3"];

describe("a graph that is whole", () => {
  it.each(CASES)("%s has as many states and transitions as the search", async (name) => {
    const s = named(name);
    const { graph } = await graphOf(s);
    expect(graph.stopReason).toBeNull();
    const { result } = await checkScenario(s, DEFAULT_CHECK_OPTIONS, 1);
    // A search ends where a promise breaks, the graph goes on: here the promise is about the end.
    if (s.expect?.verdict === "holds" || name === "lost-update") {
      expect([graph.nodes.length, graph.edges.length]).toEqual([result.states, result.transitions]);
    }
    expect(graph.nodes.some((n) => n.violations.length > 0)).toBe(s.expect?.verdict !== "holds");
    expect(Math.max(...graph.nodes.map((n) => n.depth)) + 1).toBe(result.depth);
  });

  it("is the same every time", async () => {
    const texts = await Promise.all([1, 2].map(async () => rendered("dot", await graphOf(named("peterson-3")))));
    expect(texts[0]).toBe(texts[1]);
  });

  it("names the promises that states, steps and ends break, and the steps that go wrong", async () => {
    const { graph: { nodes, edges } } = await graphOf(odd);
    expect(new Set(nodes.flatMap((n) => n.violations))).toEqual(new Set(['not "three"', expect.stringContaining("range: ")]));
    expect(nodes.filter((n) => n.kind === "fault")).toHaveLength(1);
    expect(new Set(edges.flatMap((e) => e.violations))).toEqual(new Set(["no second step"]));
    // Several steps from one state to the same other one are several edges; die-hard is among those that readers read, too.
    const { edges: steps } = (await graphOf(named("die-hard"))).graph;
    expect(steps.filter((e) => e.from === 0 && e.to === 0).map((e) => e.label)).toEqual(expect.arrayContaining([
      expect.stringContaining("empty small"), expect.stringContaining("empty big")]));
    const { graph: lost } = await graphOf(named("lost-update"));
    expect(lost.nodes.filter((n) => n.violations.length > 0)).toMatchObject([{ terminal: true, violations: ["both increments count"] }]);
  });
});

const graphs: readonly (readonly [string, () => Promise<NamedGraph>])[] = [
  ["odd", () => graphOf(odd)], ["lost-update", () => graphOf(named("lost-update"))], ["die-hard", () => graphOf(named("die-hard"))],
  ["peterson-3", () => graphOf(named("peterson-3"))],
  ["coffee-can-100, cut", () => graphOf(named("coffee-can-100"), 300)],
];

describe("a graph that is cut short", () => {
  it("ends where it is told to, and marks the states whose steps are not known", async () => {
    const { compile } = await defaultEngine();
    const { system } = await compile(named("peterson-3"), { clearDeadLocals: true });
    let asked = 0;
    const { nodes, edges, stopReason } = await reachableGraph(system, { maxStates: Infinity, shouldStop: () => asked++ === 1 });
    expect(stopReason).toBe("it was interrupted");
    const open = nodes.flatMap((n, i) => (n.kind === "open" ? [i] : []));
    expect(nodes.length - open.length).toBe(500);
    expect(open).toEqual(Array.from({ length: open.length }, (_, i) => 500 + i));
    expect(edges.filter((e) => e.from >= 500)).toEqual([]);
    expect(nodes.filter((n) => n.kind === "open" && n.terminal)).toEqual([]);
  });

  it("of as many states as the bound is whole", async () => {
    expect((await graphOf(named("lost-update"), 12)).graph.stopReason).not.toBeNull();
    expect((await graphOf(named("lost-update"), 13)).graph.stopReason).toBeNull();
  });
});

describe("GraphML", () => {
  it.each(graphs)("%s is what graphology reads", async (_, make) => {
    const graph = await make();
    expect(byGraphology(await rendered("graphml", graph))).toEqual(expected(graph));
  });
});

describe("DOT", () => {
  it.skipIf(!hasGraphviz).each(graphs)("%s is what Graphviz reads (SKIP without gvpr: apt-get install graphviz)", async (_, make) => {
    const graph = await make();
    const text = await rendered("dot", graph);
    expect(byGraphviz(text)).toEqual(expected(graph));
  });
  it.skipIf(!hasGraphviz)("is drawn by Graphviz (SKIP where there is none)", async () => {
    const drawn = spawnSync("dot", ["-Tsvg"], { input: await rendered("dot", await graphOf(odd)), encoding: "utf8" });
    expect(drawn.stderr).toBe("");
    // In the drawing a backslash is one again, and no node's name stands for \N.
    expect(drawn.stdout).toContain("take &quot;a&quot; &lt;b&gt; &amp; \\N \\");
  });
});

describe("AUT", () => {
  it.each(graphs)("%s is read by its grammar, and has no transition too few or too many", async (_, make) => {
    const graph = await make();
    const { nodes, edges } = graph.graph;
    const read = byGrammar(await rendered("aut", graph));
    const own = read.rows.filter((r) => r.label.startsWith("thpcheck:"));
    const initial = [...nodes.keys()].filter((n) => nodes[n]!.initial);
    const loops = nodes.flatMap((n, i) => [...n.violations.map(() => i), ...(n.kind === "open" ? [i] : [])]);
    expect(own.filter((r) => r.from === r.to).map((r) => r.from)).toEqual(loops);
    expect(read.rows.length - own.length).toBe(edges.length);
    expect(read.states).toBe(nodes.length + (initial.length > 1 ? 1 : 0));
    if (initial.length > 1) expect(own.filter((r) => r.from === read.first).map((r) => r.to)).toEqual(initial);
    else expect(initial).toEqual([read.first]);
    // Whoever looks for deadlocks finds the ends that are none of the bound's doing.
    const moving = new Set(read.rows.map((r) => r.from));
    const still = [...nodes.keys()].filter((n) => !moving.has(n));
    expect(still).toEqual([...nodes.keys()].filter((n) => nodes[n]!.terminal && nodes[n]!.violations.length === 0));
  });
});

describe("thpcheck state-graph", () => {
  const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/c.ts": counters("holds()"), "scenarios/large.ts": LARGE });
  afterAll(() => { project.remove(); });
  const read = (name: string): string => readFileSync(join(project.folder, name), "utf8");

  it("writes a whole graph, to the screen or into a file, and says how large it is", async () => {
    const { code, stdout, stderr } = await project.run(["state-graph", "locked", "--format", "graphml"]);
    expect(stderr).toBe("thpcheck state graph of locked: 8 states, 8 transitions\n");
    expect([code, byGraphology(stdout).nodes]).toEqual([0, 8]);
    const again = await project.run(["state-graph", "locked", "--format", "graphml", "--out", "g.graphml"]);
    expect([again.code, again.stdout, read("g.graphml")]).toEqual([0, "", stdout]);
    // What breaks is marked; to look for it is what "check" is for.
    expect((await project.run(["state-graph", "racy"])).code).toBe(0);
  });

  it.each(["dot", "graphml", "aut"])("says in %s, on the screen and by its exit code that a graph is not whole", async (format) => {
    const { code, stdout, stderr } = await project.run(["state-graph", "large", "--format", format, "--max-states", "50"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/INCOMPLETE: the bound of 50 states was reached; of \d+ states the transitions are not known/);
    expect(stdout).toMatch(format === "aut" ? /"thpcheck: not expanded"/ : /INCOMPLETE: the bound of 50 states was reached/);
  });

  it("writes over its own files, and over nobody else's", async () => {
    const other = "des (0, 1, 1)\n(0, a, 0)\n";
    for (const [name, load] of Object.entries(GRAPH_FORMATS)) {
      const format = await load();
      expect([format.isOurs(await rendered(name, await graphOf(odd))), format.isOurs(other)]).toEqual([true, false]);
    }
    project.write("other.aut", other);
    const { code, stderr } = await project.run(["state-graph", "locked", "--format", "aut", "--out", "other.aut"]);
    expect(stderr).toContain("would overwrite a file that is no AUT file of thpcheck");
    expect([code, read("other.aut")]).toEqual([2, other]);
  });

  it.each([
    [["locke"], 'Did you mean "locked"?'], [["locked", "--format", "svg"], "Allowed choices are dot, graphml, aut"],
    [["locked", "--max-states", "0"], "It must be an integer from 1 upward"], [["./none.ts"], "there is no file ./none.ts"],
    [["locked", "--out", "no/such/folder.dot"], "cannot be written"], [[], "missing required argument 'scenario'"],
  ])("refuses %j", async (args, says) => {
    const { code, stderr } = await project.run(["state-graph", ...args]);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("internal");
    expect(code).toBe(2);
  });
});
