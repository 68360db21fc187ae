/**
 * What a property can read, from its translation: which fields, and of which objects where its parameters say that.
 *
 * The translator notes each access and each call as it translates it, so nothing that the emitted function does is
 * missing. An index is followed through constants, parameters and locals that are never assigned, arithmetic, and the
 * variables of counting loops; any other may have any value. Too many values are a read too many, which costs time and
 * no finding.
 */
import * as t from "@babel/types";
import { bitOf, type FieldPlan } from "../program/layout.ts";

/** Where an index or argument comes from; null: anywhere. */
export type Source =
  | { readonly kind: "parameter"; readonly position: number }
  | { readonly kind: "constant"; readonly value: number }
  /** The variable of `for (let i = from; i < to; i++)`; `last`: `<=`. */
  | { readonly kind: "counting"; readonly from: Source; readonly to: Source; readonly last: boolean }
  | { readonly kind: "operation"; readonly operator: string; readonly operands: readonly Source[] }
  | null;

/** The accesses and calls of one function. `changes`: it may store, or takes a lock's name. */
export interface Reads {
  readonly accesses: { readonly field: FieldPlan; readonly i: Source; readonly j: Source; readonly changes: boolean }[];
  readonly calls: { readonly callee: string; readonly args: readonly Source[] }[];
  /** Threads whose positions it asks for. */
  readonly threads: Set<number>;
}

/** Values that an expression can have; null: any. */
type Values = readonly number[] | null;

/** A set of values that is larger is as good as any. */
const VALUES_MAX = 128;

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b,
  "&": (a, b) => a & b, "|": (a, b) => a | b, "^": (a, b) => a ^ b,
  "<<": (a, b) => a << b, ">>": (a, b) => a >> b, ">>>": (a, b) => a >>> b,
  "~": (a) => ~a, "negative": (a) => -a, "floor": (a) => Math.floor(a),
};

/** Its variable goes from `from` to `to`, which is the last value when `last`. */
export interface CountingLoop { readonly name: string; readonly from: t.Expression; readonly to: t.Expression; readonly last: boolean }

/** What a counting loop does to its variable; null for any other loop. The variable may be assigned by the loop alone. */
export function countingLoop(s: t.ForStatement, assignments: ReadonlyMap<string, number>): CountingLoop | null {
  const declared = t.isVariableDeclaration(s.init) && s.init.declarations.length === 1 ? s.init.declarations[0]! : null;
  if (declared === null || !t.isIdentifier(declared.id) || declared.init == null) return null;
  const { name } = declared.id;
  const counts = t.isUpdateExpression(s.update, { operator: "++" }) && t.isIdentifier(s.update.argument, { name }) &&
    assignments.get(name) === 1;
  const { test } = s;
  if (!counts || !t.isBinaryExpression(test) || (test.operator !== "<" && test.operator !== "<=") ||
    !t.isIdentifier(test.left, { name })) return null;
  return { name, from: declared.init, to: test.right, last: test.operator === "<=" };
}

/** How often each name is assigned or counted in the tree, declarations left out. */
export function assignmentsIn(body: t.Node): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const note = (target: t.Node): void => {
    if (t.isIdentifier(target)) found.set(target.name, (found.get(target.name) ?? 0) + 1);
  };
  t.traverseFast(body, (node) => {
    if (t.isAssignmentExpression(node)) note(node.left);
    else if (t.isUpdateExpression(node)) note(node.argument);
    else if (t.isForOfStatement(node) || t.isForInStatement(node)) {
      note(t.isVariableDeclaration(node.left) ? node.left.declarations[0]!.id : node.left);
    }
  });
  return found;
}

/** Calls `visit` for each element (i, j) of a field that `emitted`, called with `args`, may read; itself and through others. */
export function forEachRead(
  summaries: ReadonlyMap<string, Reads>, emitted: string, args: readonly number[], visit: (field: FieldPlan, i: number, j: number) => void,
): void {
  const seen = new Set<string>();
  const pending: { readonly emitted: string; readonly args: readonly Values[] }[] = [{ emitted, args: args.map((a) => [a]) }];
  for (let call = pending.pop(); call !== undefined; call = pending.pop()) {
    const key = `${call.emitted}(${call.args.map((a) => (a === null ? "?" : `{${a.join()}}`)).join()})`;
    if (seen.has(key)) continue;
    seen.add(key);
    const summary = summaries.get(call.emitted);
    if (summary === undefined) throw new Error(`[thpcheck internal] ${call.emitted} was not translated`);
    const given = call.args;
    for (const { field, i, j } of summary.accesses) {
      if (field.bits === 0 && field.lockBase < 0) continue;
      for (const a of indices(field.singleton ? [0] : valuesOf(i, given), field.count)) {
        for (const b of indices(field.length === null ? [0] : valuesOf(j, given), field.length ?? 1)) visit(field, a, b);
      }
    }
    for (const { callee, args: passed } of summary.calls) pending.push({ emitted: callee, args: passed.map((s) => valuesOf(s, given)) });
  }
}

function valuesOf(s: Source, given: readonly Values[]): Values {
  if (s === null) return null;
  switch (s.kind) {
    case "constant": return [s.value];
    case "parameter": return given[s.position] ?? null;
    case "counting": {
      const from = valuesOf(s.from, given);
      const to = valuesOf(s.to, given);
      if (from === null || to === null || from.length === 0 || to.length === 0) return null;
      const first = Math.min(...from);
      const count = Math.max(...to) - first + (s.last ? 1 : 0);
      return count > VALUES_MAX ? null : Array.from({ length: Math.max(0, Math.ceil(count)) }, (_, n) => first + n);
    }
    case "operation": {
      const operands = s.operands.map((o) => valuesOf(o, given));
      const [a, b = [0]] = operands;
      if (a == null || b === null || a.length * b.length > VALUES_MAX) return null;
      const apply = OPERATIONS[s.operator]!;
      return [...new Set(a.flatMap((x) => b.map((y) => apply(x, y))))];
    }
  }
}

/** The source of an expression whose operands are found by `of`. */
export function operationSource(node: t.Expression, of: (operand: t.Node) => Source): Source {
  if (t.isBinaryExpression(node) && node.operator in OPERATIONS) {
    return { kind: "operation", operator: node.operator, operands: [of(node.left), of(node.right)] };
  }
  if (t.isUnaryExpression(node) && (node.operator === "~" || node.operator === "-")) {
    return { kind: "operation", operator: node.operator === "~" ? "~" : "negative", operands: [of(node.argument)] };
  }
  const floors = t.isCallExpression(node) && t.isMemberExpression(node.callee)
    && t.isIdentifier(node.callee.object, { name: "Math" }) && t.isIdentifier(node.callee.property, { name: "floor" });
  return floors ? { kind: "operation", operator: "floor", operands: [of(node.arguments[0]!)] } : null;
}

/** An index outside of its table is a fault of the property, and reads nothing. */
function indices(known: Values, count: number): readonly number[] {
  return known === null ? Array.from({ length: count }, (_, n) => n) : known.filter((n) => n >= 0 && n < count && Number.isInteger(n));
}

/** The bits of the state vector that element (i, j) takes: 32-bit words and masks. */
export function bitsOf(f: FieldPlan, i: number, j: number, maskBytes: number): { readonly word: number; readonly mask: number }[] {
  if (f.lockBase >= 0) {
    const byte = f.offset + i * f.stride;
    const bytes = f.kind === "rwsem" ? 1 + 2 * maskBytes : 1;
    return Array.from({ length: bytes }, (_, b) => ({ word: (byte + b) >> 2, mask: 0xff << (8 * ((byte + b) & 3)) }));
  }
  const bit = bitOf(f, i, j);
  return [{ word: bit >> 5, mask: (f.bits >= 32 ? 0xffff_ffff : 2 ** f.bits - 1) << (bit & 31) }];
}
