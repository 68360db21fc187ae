/**
 * How events reach machines, as functions of an emitted program, to be lowered with it. A route takes the arguments of an event, the
 * bounds and `move`: an array, an object and a function. Lowered, the arguments are an array of memory 0, the bounds a constant of
 * the program and `move` a function of the search, each named where the parameter was, also in functions that a route hands them to.
 */
import * as t from "@babel/types";
import { parse } from "@babel/parser";
import type { ProgramImage, RefiningFunctions } from "../image/image.ts";

type Functions = Map<string, t.FunctionDeclaration>;

/** The functions that the check of refinement calls: `$hand(event)`, `$abstract(instance)` and `$abstractBefore(instance)`. */
export const REFINING_ROOTS = ["$hand", "$abstract", "$abstractBefore"] as const;

/** Adds these functions, and what they call, to those of the program. */
export function addRefiningFunctions(functions: Functions, { refining, refinement }: ProgramImage): void {
  if (refining === null || refinement === null) return;
  const first = refinement.machines.map((m) => m.firstInstance);
  const text = `${handText(functions, refining)}
${abstractText("$abstract", refining.abstractions, first)}
${abstractText("$abstractBefore", refining.abstractionsBefore, first)}`;
  for (const s of parse(text).program.body) if (t.isFunctionDeclaration(s)) functions.set(s.id!.name, s);
}

/** Hands the event at hand to each machine of whose alphabet it is. */
function handText(functions: Functions, { routes }: RefiningFunctions): string {
  const cases = [...Map.groupBy(routes, (r) => r.event)].map(([event, ofEvent]) => {
    const calls = ofEvent.map(({ machine, first, end, bounds, route }) => {
      const given = new Map(["$args", bounds, "$move"].entries());
      return `$enter(${machine}, ${first}, ${end}); ${withGiven(functions, route, given)}();`;
    });
    return `case ${event}: ${calls.join(" ")} break;`;
  });
  return `function $hand(event) { switch (event) { ${cases.join("\n")} } }`;
}

/** The state of an instance, numbered among those of all machines. */
function abstractText(name: string, abstractions: readonly string[], firstInstances: readonly number[]): string {
  const cases = abstractions.map((f, machine) => `case ${machine}: return $word(${f}(x - ${firstInstances[machine]}));`);
  return `function ${name}(x) { switch ($machineOf[x]) { ${cases.join("\n")} } return $fault(); }`;
}

/** The name of a copy of a function in which parameters, by their numbers, are what is given. */
function withGiven(functions: Functions, name: string, given: ReadonlyMap<number, string>): string {
  const copied = `${name}$${[...given].map(([n, what]) => `${n}${what}`).join("")}`;
  const fn = functions.get(name);
  if (fn === undefined || functions.has(copied)) return copied;
  const copy = t.cloneNode(fn, true);
  const named = new Map(fn.params.flatMap((p, n) => (t.isIdentifier(p) && given.has(n) ? [[p.name, given.get(n)!] as const] : [])));
  copy.id = t.identifier(copied);
  copy.params = copy.params.filter((_, n) => !given.has(n));
  functions.set(copied, copy);
  t.traverseFast(copy.body, (n) => { if (t.isIdentifier(n) && named.has(n.name)) n.name = named.get(n.name)!; });
  const names = new Set(given.values());
  t.traverseFast(copy.body, (n) => {
    if (!t.isCallExpression(n) || !t.isIdentifier(n.callee)) return;
    const handedOn = new Map(n.arguments.flatMap((a, i) => (t.isIdentifier(a) && names.has(a.name) ? [[i, a.name] as const] : [])));
    if (handedOn.size === 0) return;
    n.callee = t.identifier(withGiven(functions, n.callee.name, handedOn));
    n.arguments = n.arguments.filter((_, i) => !handedOn.has(i));
  });
  return copied;
}
