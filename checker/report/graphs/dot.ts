/** DOT, the language of Graphviz: `dot -Tsvg` draws it, `gvpr` asks it. */
import type { GraphEdge, GraphNode } from "../../search/reachable-graph.ts";
import { TITLE, remarksOf, type GraphFormat, type NamedGraph } from "./named-graph.ts";

export const dot: GraphFormat = {
  what: "DOT file of thpcheck",
  render(named: NamedGraph): string {
    const { nodes, edges } = named.graph;
    return [
      ...remarksOf(named).map((r) => `// ${r.replaceAll("\n", " ")}`),
      `digraph ${quoted(named.scenario)} {`,
      `  graph [complete=${named.graph.stopReason === null}, label=${quoted(remarksOf(named).join("\n"))}]`,
      "  node [shape=circle]",
      ...nodes.map((node, n) => `  ${n} [${nodeAttributes(node)}]`),
      ...edges.map((e) => `  ${e.from} -> ${e.to} [${edgeAttributes(e)}]`),
      "}",
      "",
    ].join("\n");
  },
  isOurs: (text) => text.startsWith(`// ${TITLE} `),
};

/** Drawn: initial states bold, ends as double circles, broken promises red, states whose steps are not known dashed. */
function nodeAttributes({ initial, terminal, kind, depth, violations }: GraphNode): string {
  const shape = kind === "fault" ? ["shape=octagon"] : terminal ? ["shape=doublecircle"] : [];
  const style = initial ? ["style=bold"] : kind === "open" ? ["style=dashed"] : [];
  const broken = violations.length === 0 ? [] : ["color=red", `violation=${quoted(violations.join("; "))}`];
  return [...shape, ...style, ...broken, `kind=${kind}`, `initial=${initial}`, `terminal=${terminal}`, `depth=${depth}`].join(", ");
}

function edgeAttributes({ actor, label, violations }: GraphEdge): string {
  const broken = violations.length === 0 ? [] : ["color=red", `violation=${quoted(violations.join("; "))}`];
  return [`label=${quoted(`${actor}: ${label}`)}`, `actor=${quoted(actor)}`, ...broken].join(", ");
}

/** In a quoted string of DOT a backslash begins an escape of labels: `\N` would be the node's name. */
const quoted = (text: string): string => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
