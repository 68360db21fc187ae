/** What `yield at("label", () => guard, options)` says. */
import * as t from "@babel/types";
import type { Translator } from "./translate.ts";

/** `yield at(...)`. */
export interface Wait {
  readonly kind: "at";
  readonly label: string;
  readonly guard: t.Expression | null;
  readonly idle: boolean;
  readonly instruction: boolean;
}

/** `call`: the call of `at` in the yield `y`. */
export function waitOf(tr: Translator, y: t.YieldExpression, call: t.CallExpression): Wait {
  const [label, guard, options] = call.arguments;
  const text = tr.constantString(label);
  if (text === null) {
    return tr.refuse(y, "the label of a yield must be known when the program is compiled",
      "Write a string, or a template over constants");
  }
  let condition: t.Expression | null = null;
  if (guard !== undefined && !t.isNullLiteral(guard)) {
    if (!t.isArrowFunctionExpression(guard) && !t.isFunctionExpression(guard)) {
      return tr.refuse(guard, "a guard that is not written in place", "Write () => condition");
    }
    if (t.isExpression(guard.body)) condition = guard.body;
    else {
      const only = guard.body.body[0];
      if (guard.body.body.length !== 1 || !t.isReturnStatement(only) || only.argument == null) {
        return tr.refuse(guard, "a guard with statements", "Move them into a helper function and write () => helper(k)");
      }
      condition = only.argument;
    }
  }
  const set = { idle: false, instruction: false };
  if (options !== undefined) {
    for (const property of t.isObjectExpression(options) ? options.properties : [null]) {
      const name = t.isObjectProperty(property) && t.isIdentifier(property.key) ? property.key.name : "";
      if (!t.isObjectProperty(property) || !t.isBooleanLiteral(property.value) || (name !== "idle" && name !== "instruction")) {
        return tr.refuse(options, "the options of at() must be written in place", "Write { idle: true } or { instruction: true }");
      }
      set[name] = property.value.value;
    }
  }
  return { kind: "at", label: text, guard: condition, ...set };
}
