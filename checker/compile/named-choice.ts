/** `choose(k, "call", ["read", "write"])`: a choice whose options have names, which traces print. */
import * as t from "@babel/types";
import type { Linker } from "./link.ts";
import { isLocalName, type PreparedFunction } from "./locals.ts";
import { quasi } from "./quasi.ts";
import { withoutTypes } from "./syntax.ts";

export interface NamedChoice {
  readonly name: string;
  readonly options: readonly string[];
}

/** What is asked of the translator of the function that the choice stands in. */
interface Context {
  readonly prepared: Pick<PreparedFunction, "locals">;
  readonly staticValue: (e: t.Node) => { readonly value: unknown } | null;
  readonly constantString: (e: t.Node | null | undefined) => string | null;
  readonly refuse: (node: t.Node, problem: string, instead: string) => never;
}

/** The name and the options; null when the options are a number. */
export function namedChoice(context: Context, node: t.CallExpression): NamedChoice | null {
  const [, label, given] = node.arguments;
  if (!t.isExpression(given)) return null;
  let list: t.Expression = withoutTypes(given);
  if (t.isIdentifier(list) && isLocalName(list.name)) list = context.prepared.locals.get(list.name)?.init ?? list;
  const value = context.staticValue(list)?.value;
  const captured = Array.isArray(value) ? value as unknown[] : null;
  const options = t.isArrayExpression(list) ? list.elements.map((e) => context.constantString(e)) : captured;
  const refuse = (what: string): never =>
    context.refuse(node, `${what} of a choice must be known when the program is compiled`, 'Write choose(k, "call", ["read", "write"])');
  if (options === null) return holdsArray(list) ? refuse("the options") : null;
  if (!options.every((o) => typeof o === "string")) return refuse("the options");
  return { name: context.constantString(label) ?? refuse("the name"), options };
}

function holdsArray(e: t.Expression): boolean {
  let found = false;
  t.traverseFast(e, (n) => {
    found ||= t.isArrayExpression(n);
  });
  return found;
}

export function namedChoiceCall(linker: Linker, choice: NamedChoice, site: number): t.Expression {
  linker.hasNamedChoices = true;
  const $choice = linker.constant(choice, "choice", () => {
    throw new Error("[thpcheck internal] a choice is plain data");
  });
  return quasi(`$chooseOf($choice, ${site})`, { $choice });
}
