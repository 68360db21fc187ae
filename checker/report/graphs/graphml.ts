/** GraphML, which Gephi, yEd, Cytoscape and networkx read. */
import { create } from "xmlbuilder2";
import { TITLE, remarksOf, type GraphFormat, type NamedGraph } from "./named-graph.ts";

const NAMESPACE = "http://graphml.graphdrawing.org/xmlns";
/** Attributes: what they belong to, and their type. */
const KEYS = {
  initial: ["node", "boolean"], terminal: ["node", "boolean"], kind: ["node", "string"], depth: ["node", "int"],
  violation: ["node", "string"], actor: ["edge", "string"], label: ["edge", "string"], broken: ["edge", "string"],
  complete: ["graph", "boolean"], remark: ["graph", "string"],
} as const;

type Data = Partial<Record<keyof typeof KEYS, string | number | boolean>>;

export const graphml: GraphFormat = {
  what: "GraphML file of thpcheck",
  render(named: NamedGraph): string {
    const { nodes, edges, stopReason } = named.graph;
    // XML has no place for most control characters, not even escaped.
    const document = create({ version: "1.0", encoding: "UTF-8", invalidCharReplacement: "?" });
    const root = document.ele(NAMESPACE, "graphml").com(` ${TITLE} ${named.scenario.replaceAll("--", "- -")} `);
    for (const [id, [of, type]] of Object.entries(KEYS)) root.ele("key", { id, for: of, "attr.name": id, "attr.type": type });
    const graph = root.ele("graph", { id: named.scenario, edgedefault: "directed" });
    const add = (tag: string, attributes: Record<string, string>, data: Data): void => {
      const at = tag === "graph" ? graph : graph.ele(tag, attributes);
      for (const [key, value] of Object.entries(data)) at.ele("data", { key }).txt(String(value));
    };
    add("graph", {}, { complete: stopReason === null, remark: remarksOf(named).join("; ") });
    for (const [n, { initial, terminal, kind, depth, violations }] of nodes.entries()) {
      const broken = violations.length === 0 ? {} : { violation: violations.join("; ") };
      add("node", { id: `n${n}` }, { initial, terminal, kind, depth, ...broken });
    }
    for (const [n, { from, to, actor, label, violations }] of edges.entries()) {
      const broken = violations.length === 0 ? {} : { broken: violations.join("; ") };
      // Two steps may lead from one state to the same other one: readers keep both where edges have names of their own.
      add("edge", { id: `e${n}`, source: `n${from}`, target: `n${to}` }, { actor, label, ...broken });
    }
    return `${root.end({ prettyPrint: true })}\n`;
  },
  isOurs: (text) => text.startsWith('<?xml version="1.0" encoding="UTF-8"?>') && text.includes(`<!-- ${TITLE} `),
};
