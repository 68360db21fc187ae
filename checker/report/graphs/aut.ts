/**
 * AUT, the Aldebaran format: labelled transition systems for CADP, mCRL2 and their like.
 *
 * It has room for labels of transitions, and for nothing else: no comment, no attribute of a state, one initial state. What must not
 * be lost is therefore told by transitions that the program does not have, whose labels begin with `thpcheck:`. Each leads from a
 * state to itself: `violates NAME` where a promise is broken, `not expanded` where the bound left a state's steps unknown, so that a
 * state without transitions is an end in every graph. Where there are several initial states, one more node leads to all of them by
 * `thpcheck: initial`, and it is the last. A whole graph of one initial state in which nothing is broken has none of these.
 */
import type { GraphFormat, NamedGraph } from "./named-graph.ts";

const OWN = "thpcheck:";

export const aut: GraphFormat = {
  what: "AUT file of thpcheck",
  render({ graph: { nodes, edges } }: NamedGraph): string {
    const rows = nodes.map((): string[] => []);
    for (const { from, to, actor, label, violations } of edges) {
      rows[from]!.push(row(from, `${actor}: ${label}${violations.map((v) => ` (${OWN} violates ${v})`).join("")}`, to));
    }
    for (const [n, { kind, violations }] of nodes.entries()) {
      for (const v of violations) rows[n]!.push(row(n, `${OWN} violates ${v}`, n));
      if (kind === "open") rows[n]!.push(row(n, `${OWN} not expanded`, n));
    }
    const initial = [...nodes.entries()].filter(([, node]) => node.initial).map(([n]) => n);
    let first = initial[0]!;
    if (initial.length > 1) {
      first = nodes.length;
      rows.push(initial.map((n) => row(first, `${OWN} initial`, n)));
    }
    const all = rows.flat();
    return [`des (${first}, ${all.length}, ${rows.length})`, ...all, ""].join("\n");
  },
  // Nothing says who wrote it: labels of ours all name an actor first.
  isOurs: (text) => /^des \(\d+, \d+, \d+\)\n(\(\d+, "[^"]+:[^"]*", \d+\)\n)*$/.test(text),
};

/** Labels are in quotes, and end at the next one: they have no escapes. */
const row = (from: number, label: string, to: number): string => `(${from}, "${label.replaceAll('"', "'").replace(/\s+/g, " ")}", ${to})`;
