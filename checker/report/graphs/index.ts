/** Formats of state graphs: the one place where another is added. Each is loaded when it is asked for. */
import type { GraphFormat } from "./named-graph.ts";

export const GRAPH_FORMATS: Readonly<Record<string, () => Promise<GraphFormat>>> = {
  dot: async () => (await import("./dot.ts")).dot,
  graphml: async () => (await import("./graphml.ts")).graphml,
  aut: async () => (await import("./aut.ts")).aut,
};
