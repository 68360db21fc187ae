/** A state graph with what is said of it: what every format of graphs is made from. */
import type { ReachableGraph } from "../../search/reachable-graph.ts";

/** A graph, and what is said of it. */
export interface NamedGraph {
  readonly scenario: string;
  readonly graph: ReachableGraph;
}

export interface GraphFormat {
  /** What a file in it is called, in messages. */
  readonly what: string;
  readonly render: (named: NamedGraph) => string;
  /** Whether a file may be overwritten: a text that `render` gave. */
  readonly isOurs: (text: string) => boolean;
}

/** How a file begins that says of which scenario it is. */
export const TITLE = "thpcheck state graph of";

/** What there is to know of the whole, a sentence each. */
export function remarksOf({ scenario, graph: { nodes, edges, stopReason } }: NamedGraph): string[] {
  const of = (kind: string): number => nodes.filter((n) => n.kind === kind).length;
  const faults = of("fault");
  const states = nodes.length - faults;
  const wrong = faults === 0 ? "" : `, and ${faults} ${faults === 1 ? "node" : "nodes"} for steps that go wrong`;
  const whole = `${TITLE} ${scenario}: ${states} states, ${edges.length} transitions${wrong}`;
  if (stopReason === null) return [whole];
  return [whole, `INCOMPLETE: ${stopReason}; of ${of("open")} states the transitions are not known`];
}
