/** Machines as Mermaid diagrams: drawn from the machine itself, so that a picture never says anything else than the text. */
import type { MachineTable, TransitionInfo } from "./machine-table.ts";

/** A `stateDiagram-v2`. Arrows between the same two states are one, with a line for each event. */
export function mermaid(table: MachineTable): string {
  const lines = ["stateDiagram-v2", `  [*] --> ${table.value(table.initial)}`];
  for (const [ends, arrows] of grouped(table.transitions, (t) => `${t.source} --> ${t.target}`)) {
    const events = [...grouped(arrows, (t) => t.event)].map(([event, same]) => {
      const guards = same.flatMap((t) => (t.guard === null ? [] : [shortGuard(t.guard)]));
      return guards.length === 0 ? event : `${event} [${guards.join(", ")}]`;
    });
    lines.push(`  ${ends}: ${events.join("<br/>")}`);
  }
  return lines.join("\n");
}

/** What stands between the markers in a document: heading, what an instance is, picture, and the states in words. */
export function section(table: MachineTable): string {
  const { spec } = table;
  const nodes = Object.entries(spec.machine.root.states as Record<string, { readonly description?: string }>);
  const notes = [`One for ${spec.instance}.`];
  if (spec.ghost !== undefined) notes.push(`A ghost: ${spec.ghost}.`);
  if (spec.lacks !== undefined) notes.push(`Explored on its own, for want of ${spec.lacks}.`);
  return [
    `### ${spec.name}`, "",
    `\`machines/${spec.name}.ts\`. ${spec.machine.root.description ?? ""} ${notes.join(" ")}`, "",
    "```mermaid", mermaid(table), "```", "",
    ...nodes.map(([name, node]) => `- **${name}**: ${node.description ?? ""}`),
  ].join("\n");
}

/** `result(is: page_locked)` is `page_locked`: in a label the value says enough. */
function shortGuard(guard: string): string {
  return /\(\w+: (.*)\)$/.exec(guard)?.[1] ?? guard;
}

function grouped(arrows: readonly TransitionInfo[], key: (t: TransitionInfo) => string): Map<string, TransitionInfo[]> {
  const groups = new Map<string, TransitionInfo[]>();
  for (const arrow of arrows) {
    const group = groups.get(key(arrow));
    if (group === undefined) groups.set(key(arrow), [arrow]);
    else group.push(arrow);
  }
  return groups;
}

export const BEGIN = "<!-- machines: written by `thpcheck graph --write` -->";
export const END = "<!-- end of machines -->";

/** The document with all sections between its markers. Throws RangeError when it has no markers. */
export function withSections(document: string, tables: readonly MachineTable[]): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new RangeError(`the document has no lines "${BEGIN}" and "${END}" for the diagrams to stand between`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${tables.map(section).join("\n\n")}\n\n${document.slice(end)}`;
}
