/** Calls of the vocabulary that is built in: `choose`, `current`, `bugOn`, `emit`, trylocks. Those that wait are `lower.ts`'s. */
import * as t from "@babel/types";
import { eventHead } from "../image/refinement-runtime.ts";
import { checkArity } from "./arity.ts";
import type { Intrinsic } from "./intrinsics.ts";
import type { Linker, Purpose } from "./link.ts";
import { isLocalName, type PreparedFunction } from "./locals.ts";
import { namedChoice, namedChoiceCall } from "./named-choice.ts";
import { positionCall } from "./positions.ts";
import { quasi } from "./quasi.ts";
import type { Reads } from "./reads.ts";
import type { Place } from "./source-module.ts";

/** What is asked of the translator of the function that the call stands in. */
interface Host {
  readonly linker: Linker;
  readonly prepared: Pick<PreparedFunction, "locals">;
  readonly worlds: ReadonlyMap<string, "" | "P">;
  readonly purpose: Purpose;
  readonly instrumented: boolean;
  readonly temporary: () => t.Identifier;
  readonly reads: Reads;
  site(node: t.Node): number;
  place(node: t.Node): Place;
  staticValue(e: t.Node): { readonly value: unknown } | null;
  constantString(e: t.Node | null | undefined): string | null;
  argumentsWithoutWorlds(node: t.CallExpression): t.Expression[];
  withPlace<E extends t.Node>(made: E, from: t.Node): E;
  refuse(node: t.Node, problem: string, instead: string): never;
}

/** Refuses a call that does not give what the vocabulary function takes, the world at its place and nowhere else. */
export function checkIntrinsicCall(
  host: Pick<Host, "worlds" | "refuse">, node: t.CallExpression, name: string, intrinsic: Intrinsic,
): void {
  const { parameters } = intrinsic;
  const required = (p: string): boolean => !p.endsWith("?") && !p.startsWith("...");
  const most = parameters.some((p) => p.startsWith("...")) ? Infinity : parameters.length;
  checkArity(name, { names: parameters, least: parameters.findLastIndex(required) + 1, most }, node, (at, problem, instead) =>
    host.refuse(at, problem, instead));
  node.arguments.forEach((a, i) => {
    const isWorld = t.isIdentifier(a) && host.worlds.has(a.name);
    if (isWorld !== (parameters[i] === "k")) {
      host.refuse(a, `${name}: ${isWorld ? "the world is given" : "the world is not given"} as argument ${i + 1}`,
        `Write ${name}(${parameters.join(", ")})`);
    }
  });
}

export function intrinsicCall(host: Host, node: t.CallExpression, name: string, intrinsic: Intrinsic): t.Expression {
  const { purpose } = host;
  checkIntrinsicCall(host, node, name, intrinsic);
  if (intrinsic.kind === "isAt" || intrinsic.kind === "took") return host.withPlace(positionCall(host, node, intrinsic.kind), node);
  const site = host.site(node);
  const assigns = node.arguments.some(assignsToLocal);
  const named = intrinsic.kind === "choose" ? namedChoice(host, node) : null;
  const args = host.argumentsWithoutWorlds(node);
  if (intrinsic.kind === "at" || intrinsic.kind === "lock") {
    return host.refuse(node, `${name} outside of a yield`, intrinsic.kind === "at" ? "Write yield at(...)" : `Write yield* ${name}(...)`);
  }
  if (purpose === "guard" && intrinsic.kind !== "current") {
    return host.refuse(node, `${name} in a guard`, "A guard that does not hold must leave no trace: do it in the step that follows");
  }
  if (purpose !== "program" && purpose !== "guard" && !(purpose === "init" && intrinsic.kind === "choose")) {
    return host.refuse(node, `${name} outside of a routine`, "Properties and init look at the state only; init may choose");
  }
  switch (intrinsic.kind) {
    case "record": return host.refuse(node, "this record gets no name", "Declare it first: const vmf: Fault = record({ ... })");
    case "choose": {
      const numbered = (): t.Expression => quasi(`$choose($name, $n, ${site})`, { $name: args[0]!, $n: args[1]! });
      return host.withPlace(named === null ? numbered() : namedChoiceCall(host.linker, named, site), node);
    }
    case "emit": return host.withPlace(emitted(host, args, site), node);
    case "current": return t.identifier("$me");
    // A condition that assigns to a local is more than an assertion: what it reads may go on to decide something.
    case "bugOn": return host.withPlace(bugOn(host, args, site, host.instrumented && !assigns), node);
    case "lockNow": return host.withPlace(quasi(`$lk.${intrinsic.operation}($l, $me, ${site})`, { $l: args[0]! }), node);
  }
}

/** `emit(k, event, instances...)` */
function emitted(host: Host, args: readonly t.Expression[], site: number): t.Expression {
  if (host.instrumented) return quasi("$observer.event?.($e, $i)", { $e: args[0]!, $i: t.arrayExpression(args.slice(1)) });
  const keep = (values: readonly t.Expression[]): t.Expression =>
    t.callExpression(t.identifier("$emit"), [values[0]!, t.numericLiteral(eventHead(site, values.length - 1)), ...values.slice(1)]);
  const kept = host.purpose === "program" && isListenedTo(host, args[0]!);
  if (host.linker.options.announces) {
    const values = args.map((a) => (t.isNumericLiteral(a) ? a : host.temporary()));
    const before = args.flatMap((a, n) => (t.isNumericLiteral(a) ? [] : [t.assignmentExpression("=", values[n] as t.Identifier, a)]));
    const announce = quasi("$announce($e, $i)", { $e: values[0]!, $i: t.arrayExpression(values.slice(1)) });
    return t.sequenceExpression([...before, announce, ...(kept ? [keep(values)] : [])]);
  }
  if (kept) return keep(args);
  // Nobody listens, but the arguments are evaluated all the same: they may change a local, or fault.
  return t.sequenceExpression([...args.filter((a) => !t.isIdentifier(a) && !t.isLiteral(a)), t.identifier("undefined")]);
}

/** `reported`: the observer is told that what the condition reads is read for an assertion. */
function bugOn(host: Host, args: readonly t.Expression[], site: number, reported: boolean): t.Expression {
  const bug = (condition: t.Expression): t.Expression => quasi(`$bugOn($c, $m, ${site})`, { $c: condition, $m: args[1]! });
  if (!reported) return bug(args[0]!);
  const value = host.temporary();
  const asserted = "($observer.assertion?.(true), $v = $c, $observer.assertion?.(false), $v && $observer.assertionFails?.(), $bug)";
  return quasi(asserted, { $v: value, $c: args[0]!, $bug: bug(value) });
}

/** Whether somebody may want to know of the event; for certain not when it is a number that nobody named. */
function isListenedTo({ linker }: Host, event: t.Expression): boolean {
  const { events } = linker.options;
  return events !== null && !(t.isNumericLiteral(event) && !events.has(event.value));
}

/** Whether source code may change a local: by itself, or by a closure that it calls. */
function assignsToLocal(e: t.Node): boolean {
  let found = false;
  t.traverseFast(e, (node) => {
    found ||= t.isAssignmentExpression(node) || t.isUpdateExpression(node)
      || (t.isCallExpression(node) && t.isIdentifier(node.callee) && isLocalName(node.callee.name));
  });
  return found;
}
