/**
 * The width of a local: how a branded type annotation becomes a frame slot.
 *
 * `boolean`/`Bool` 1 bit; `U<n>`, `U8`, `U16`, `U32`; `Int<lo, hi>`; `Mask<n>`; `Ref<"table">`: an index or NONE;
 * `LockId`; `UpTo<"name">`: 0..config.name; a numeric literal; aliases of these, declared here or imported from a file.
 */
import * as t from "@babel/types";
import { bitsFor, type LayoutPlan } from "../program/layout.ts";
import type { SlotType } from "../image/image.ts";
import { CompileError } from "./compile-error.ts";
import type { SourceModule, SourceModules } from "./source-module.ts";

export const boolSlot: SlotType = { bits: 1, min: 0, max: 1, boolean: true, refersTo: null };
export function rangeSlot(min: number, max: number, refersTo: string | null = null): SlotType {
  return { bits: bitsFor(max - min + 1), min, max, boolean: false, refersTo };
}

export interface TypeContext {
  readonly plan: LayoutPlan;
  readonly modules: SourceModules;
  readonly config: Readonly<Record<string, unknown>>;
}

const accepted = 'Use boolean, Ref<"table">, Int<lo, hi>, UpTo<"config value">, U<bits>, U8, U16, U32, Mask<n>, LockId, '
  + "or an alias of one of these";

/** The slot of an annotation; null for `void`. Throws CompileError when the width of the type is not known. */
export function slotOf(type: t.TSType, module: SourceModule, c: TypeContext, what: string): SlotType | null {
  const slot = widthOf(type, module, c, what);
  if (slot !== null && slot.bits > 32) {
    throw new CompileError(module.place(type), `${what}: ${module.textOf(type)} takes ${slot.bits} bits, and a slot has at most 32`,
      "Narrow the range");
  }
  return slot;
}

function widthOf(type: t.TSType, module: SourceModule, c: TypeContext, what: string): SlotType | null {
  const refuse = (problem: string): never => { throw new CompileError(module.place(type), `${what}: ${problem}`, accepted); };
  if (t.isTSBooleanKeyword(type)) return boolSlot;
  if (t.isTSVoidKeyword(type) || t.isTSUndefinedKeyword(type)) return null;
  if (t.isTSParenthesizedType(type)) return slotOf(type.typeAnnotation, module, c, what);
  const literal = literalNumber(type);
  if (literal !== null) return rangeSlot(literal, literal);
  if (t.isTSUnionType(type)) {
    const numbers = type.types.map(literalNumber);
    if (numbers.every((n) => n !== null)) return rangeSlot(Math.min(...numbers), Math.max(...numbers));
    return refuse("a union must be of numbers");
  }
  if (!t.isTSTypeReference(type) || !t.isIdentifier(type.typeName)) return refuse(`the width of type ${module.textOf(type)} is not known`);
  const name = type.typeName.name;
  const args = type.typeArguments?.params ?? [];
  const alias = module.typeAlias(name, c.modules.load);
  if (alias !== null) return slotOf(alias.type, alias.module, c, what);
  const numberArgument = (i: number): number => {
    const a = args[i];
    const n = a === undefined ? null : literalNumber(a);
    return n ?? refuse(`${name}<...> takes literal numbers`);
  };
  const stringArgument = (): string => {
    const a = args[0];
    if (a !== undefined && t.isTSLiteralType(a) && t.isStringLiteral(a.literal)) return a.literal.value;
    return refuse(`${name}<...> takes a literal string`);
  };
  switch (name) {
    case "Bool": return boolSlot;
    case "U8": return rangeSlot(0, 0xff);
    case "U16": return rangeSlot(0, 0xffff);
    case "U32": return rangeSlot(0, 0xffff_ffff);
    case "U": return rangeSlot(0, 2 ** numberArgument(0) - 1);
    case "Mask": return rangeSlot(0, 2 ** numberArgument(0) - 1);
    case "Int": return rangeSlot(numberArgument(0), numberArgument(1));
    case "LockId": return rangeSlot(-1, c.plan.locks.length - 1, "lock");
    case "Ref": {
      const s = c.plan.structs[stringArgument()];
      if (s === undefined) return refuse(`there is no table of that name; declared are ${Object.keys(c.plan.structs).join(", ")}`);
      return rangeSlot(-1, s.count - 1, stringArgument());
    }
    case "UpTo": {
      const bound = c.config[stringArgument()];
      if (typeof bound !== "number" || !Number.isInteger(bound) || bound < 0) {
        return refuse(`config.${stringArgument()} is not a whole number`);
      }
      return { ...rangeSlot(0, bound), upTo: stringArgument() };
    }
    default: return refuse(`the width of type ${name} is not known`);
  }
}

function literalNumber(type: t.TSType): number | null {
  if (!t.isTSLiteralType(type)) return null;
  const l = type.literal;
  if (t.isNumericLiteral(l)) return l.value;
  if (t.isUnaryExpression(l) && l.operator === "-" && t.isNumericLiteral(l.argument)) return -l.argument.value;
  return null;
}
