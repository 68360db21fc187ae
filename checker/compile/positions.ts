/**
 * Calls that ask where threads stand: `isAt(k, "thread", "label")` of the state (`position-uses.ts`), and
 * `took(after, "actor", "label")` of who has just taken a step.
 */
import * as t from "@babel/types";
import { didYouMean } from "../nearest.ts";
import { inWords } from "../value-in-words.ts";
import type { Purpose } from "./link.ts";
import type { PositionUses } from "./position-uses.ts";
import { quasi } from "./quasi.ts";
import type { Reads } from "./reads.ts";
import type { Place } from "./source-module.ts";

/** What is asked of the translator of the function that the call stands in. */
interface Host {
  readonly purpose: Purpose;
  readonly reads: Reads;
  readonly worlds: ReadonlyMap<string, "" | "P">;
  readonly linker: { readonly positions: PositionUses };
  constantString(e: t.Node | null | undefined): string | null;
  place(node: t.Node): Place;
  refuse(node: t.Node, problem: string, instead: string): never;
}

const PROMISES: ReadonlySet<Purpose> = new Set(["always", "step", "finally", "sometimes"]);

/** `isAt(k, "thread", "label")`, `took(after, "actor", "label")`: the arguments are as they should be in number and place. */
export function positionCall(host: Host, node: t.CallExpression, kind: "isAt" | "took"): t.Expression {
  const { positions } = host.linker;
  const [world, ...names] = node.arguments;
  if (!PROMISES.has(host.purpose)) {
    host.refuse(node, `${kind} outside of a promise`, "Routines see what is in structs: store there what others are to know");
  }
  if (kind === "took" && host.purpose !== "step") {
    host.refuse(node, "took outside of a step promise", 'Write it in step: { "...": (before, after) => ... }');
  }
  if (kind === "isAt" && positions.isModel) {
    host.refuse(node, "isAt in a model written by hand", "Its actors have no position of their own: what decides is in the structs");
  }
  const [actorName, label] = names.map((n) => host.constantString(n));
  if (actorName == null || (names.length > 1 && label == null)) {
    return host.refuse(node, `${kind} of a name that is not known when the program is compiled`, `Write ${kind}(k, "thread", "label")`);
  }
  const actor = positions.actors.indexOf(actorName);
  if (actor < 0) {
    const all = positions.actors.join(", ");
    return host.refuse(node, `there is no thread ${inWords(actorName)}`, `Threads are ${all}.${didYouMean(actorName, positions.actors)}`);
  }
  if (label != null) positions.note({ actor, label, place: host.place(node), isPosition: kind === "isAt" });
  if (kind === "isAt") {
    host.reads.threads.add(actor);
    const buffer = host.worlds.get((world as t.Identifier).name)!;
    return quasi(`$isAt($${buffer}B, ${actor}, $l)`, { $l: t.stringLiteral(label!) });
  }
  if (label == null) return quasi(`($me === ${actor})`);
  return quasi(`($me === ${actor} && ${positions.isModel ? "$label" : "$pointLabel()"} === $l)`, { $l: t.stringLiteral(label) });
}
