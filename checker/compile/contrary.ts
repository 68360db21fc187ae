/** The contrary of a condition, as a person would write it: of `a !== b`, `a === b`. */
import * as t from "@babel/types";

const OPPOSITE: Readonly<Record<string, string>> = { "===": "!==", "!==": "===", "<": ">=", ">=": "<", ">": "<=", "<=": ">" };

/** `textOf`: what the source says of a part of the condition. */
export function contraryOf(condition: t.Node, textOf: (node: t.Node) => string): string {
  if (t.isUnaryExpression(condition, { operator: "!" })) return withoutParentheses(textOf(condition.argument));
  const opposite = t.isBinaryExpression(condition) ? OPPOSITE[condition.operator] : undefined;
  if (t.isBinaryExpression(condition) && opposite !== undefined) {
    return `${textOf(condition.left)} ${opposite} ${textOf(condition.right)}`;
  }
  return `!(${textOf(condition)})`;
}

/** Without a pair around the whole. */
function withoutParentheses(text: string): string {
  if (!text.startsWith("(")) return text;
  let depth = 0;
  for (let i = 0; i < text.length - 1; i++) {
    depth += text[i] === "(" ? 1 : text[i] === ")" ? -1 : 0;
    if (depth === 0) return text;
  }
  return text.slice(1, -1);
}
