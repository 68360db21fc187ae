/** The value of an argument as it is written: numbers, constants of impl/, locals of the caller, and what is computed of these. */
import { parseExpression } from "@babel/parser";
import * as t from "@babel/types";
import * as gup from "../../../impl/gup.ts";
import * as knobs from "../../../impl/config/knobs.ts";
import * as madvise from "../../../impl/madvise.ts";
import * as mmap from "../../../impl/mmap.ts";
import * as mremap from "../../../impl/mremap.ts";
import * as vma from "../../../impl/structs/vma.ts";

const NUMBERS: ReadonlyMap<string, number> = new Map([gup, knobs, madvise, mmap, mremap, vma].flatMap((module) =>
  Object.entries(module).flatMap(([name, value]): [string, number][] => (typeof value === "number" ? [[name, value]] : []))));

/** The arguments of a call as it is written, "store(vpn, 1)"; null: one of them is not known. `locals`: of the caller. */
export function argumentsIn(call: string, locals: ReadonlyMap<string, number>): readonly number[] | null {
  const node = parseExpression(call);
  if (!t.isCallExpression(node)) return null;
  const values = node.arguments.map((a) => valueOf(a, locals));
  return values.every((x) => x !== null) ? values : null;
}

function valueOf(node: t.Node, locals: ReadonlyMap<string, number>): number | null {
  if (t.isNumericLiteral(node)) return node.value;
  if (t.isIdentifier(node)) return locals.get(node.name) ?? NUMBERS.get(node.name) ?? null;
  if (t.isParenthesizedExpression(node)) return valueOf(node.expression, locals);
  if (!t.isBinaryExpression(node)) return null;
  const [a, b] = [valueOf(node.left, locals), valueOf(node.right, locals)];
  if (a === null || b === null) return null;
  switch (node.operator) {
    case "+": return a + b;
    case "-": return a - b;
    case "*": return a * b;
    case "%": return a % b;
    case "|": return a | b;
    default: return null;
  }
}
