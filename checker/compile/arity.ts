/**
 * Calls that give too few or too many arguments. JavaScript takes them all the same, and a missing argument is then a value that
 * nobody wrote; so they are refused when the program is linked.
 */
import * as t from "@babel/types";
import type { FunctionNode } from "./source-module.ts";

/** The parameters of a function, by name, and how many arguments a call of it may give. */
export interface Wanted {
  readonly names: readonly string[];
  readonly least: number;
  readonly most: number;
}

/** What a call must give to a function with these parameters. One with a default, or with a question mark, may be left out. */
export function wantedBy({ params }: Pick<FunctionNode, "params">): Wanted {
  const own = params.filter((p) => !t.isIdentifier(p, { name: "this" }));
  const isRequired = (p: t.Node): boolean =>
    !t.isRestElement(p) && !t.isAssignmentPattern(p) && !(t.isIdentifier(p) && p.optional === true);
  return {
    names: own.map(nameOf), least: own.findLastIndex(isRequired) + 1, most: own.some((p) => t.isRestElement(p)) ? Infinity : own.length,
  };
}

function nameOf(p: t.Node): string {
  if (t.isRestElement(p)) return `...${nameOf(p.argument)}`;
  if (t.isAssignmentPattern(p)) return `${nameOf(p.left)}?`;
  return t.isIdentifier(p) ? `${p.name}${p.optional === true ? "?" : ""}` : "{ ... }";
}

type Refuse = (node: t.Node, problem: string, instead: string) => never;

/** Refuses a call of `name` that gives another number of arguments than is wanted, or a spread one. */
export function checkArity(name: string, wanted: Wanted, call: t.CallExpression, refuse: Refuse): void {
  for (const a of call.arguments) if (!t.isExpression(a)) refuse(a, "a spread argument", "Pass each argument by itself");
  const given = call.arguments.length;
  if (given >= wanted.least && given <= wanted.most) return;
  const { names, least, most } = wanted;
  const range = least === most ? String(least) : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  const takes = `${name} takes ${range} argument${most === 1 ? "" : "s"} (${names.join(", ")})`;
  const lacking = names.slice(given, least);
  const last = given - most === 1 ? "the last one" : `the last ${given - most}`;
  refuse(call, `${takes}, and ${given} ${given === 1 ? "is" : "are"} given`,
    given < least ? `${lacking.join(", ")} ${lacking.length === 1 ? "is" : "are"} missing` : `Leave out ${last}`);
}
