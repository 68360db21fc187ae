/**
 * Accesses to what is made of fields (`program/composite.ts`), as expressions over accesses to its parts: large sets, and queues.
 * The same order of reads, stores and faults as natively (`program/world.ts`).
 */
import * as t from "@babel/types";
import type { FieldPlan } from "../program/layout.ts";
import { OPERATIONS, indexCount, type Operation, type OperationName } from "../program/operations.ts";
import { lastLength } from "../program/world.ts";
import { accessExpression, type AccessContext } from "./access.ts";
import { quasi } from "./quasi.ts";

/** An operation on a part: the field, its name, and the arguments. */
type PartAccess = (f: FieldPlan, name: OperationName, ...args: t.Expression[]) => t.Expression;

export interface CompositeOperation {
  /** Arguments behind the indices. */
  readonly takes: number;
  /** What it does to the fields: for what code of a purpose may do. */
  readonly like: Operation;
  readonly expression: (args: readonly t.Expression[], c: AccessContext, site: number) => t.Expression;
}

/** What a set of more than 31 members has. */
export const SET_OPERATIONS = ["has", "insert", "remove", "size"] as const;
export const QUEUE_OPERATIONS = ["push", "shift", "get", "size"] as const;

/** The part for which a name stands: a large set, or what waits in a queue. Its indices are those of the whole. */
export const wholeIndexCount = (part: FieldPlan): number => indexCount(part) - 1;

export function setOperation(set: FieldPlan, name: string): CompositeOperation | null {
  const of = (operation: OperationName, ...value: t.Expression[]) => (args: readonly t.Expression[], c: AccessContext): t.Expression =>
    accessExpression(set, operation, [...args, ...value.map((v) => t.cloneNode(v))], c);
  switch (name as (typeof SET_OPERATIONS)[number]) {
    case "has": return { takes: 1, like: OPERATIONS.has, expression: of("get") };
    case "insert": return { takes: 1, like: OPERATIONS.insert, expression: of("set", t.booleanLiteral(true)) };
    case "remove": return { takes: 1, like: OPERATIONS.remove, expression: of("set", t.booleanLiteral(false)) };
    case "size": return { takes: 0, like: OPERATIONS.size, expression: (args, c) => sizeOf(set, args, c) };
    default: return null;
  }
}

/** Bit by bit: the bits may lie beside other fields. */
function sizeOf(set: FieldPlan, args: readonly t.Expression[], c: AccessContext): t.Expression {
  const { before, indices } = evaluated(args, c);
  const bits = Array.from({ length: lastLength(set) }, (_, m) =>
    quasi("($b ? 1 : 0)", { $b: accessExpression(set, "get", [...indices(), t.numericLiteral(m)], c) }));
  const sum = bits.reduce((a, b) => t.binaryExpression("+", a, b));
  return t.sequenceExpression([...before, sum]);
}

export function queueOperation(items: FieldPlan, used: FieldPlan, name: string): CompositeOperation | null {
  const withParts = (build: (part: PartAccess, args: Evaluated, c: AccessContext, site: number) => t.Expression[]) =>
    (args: readonly t.Expression[], c: AccessContext, site: number): t.Expression => {
      const evaluatedArgs = evaluated(args, c);
      const part: PartAccess = (f, operation, ...rest) => accessExpression(f, operation, rest, c);
      return t.sequenceExpression([...evaluatedArgs.before, ...build(part, evaluatedArgs, c, site)]);
    };
  const n = wholeIndexCount(items);
  switch (name as (typeof QUEUE_OPERATIONS)[number]) {
    case "size": return {
      takes: 0, like: OPERATIONS.size, expression: withParts((part, { indices }) => [part(used, "get", ...indices())]),
    };
    case "get": return {
      takes: 1, like: OPERATIONS.get, expression: withParts((part, { indices }, c, site) => {
        const [queue, at] = [(): t.Expression[] => indices().slice(0, n), (): t.Expression => indices()[n]!];
        const size = c.temporary();
        const test = `($n >>> 0 < $s && ($n | 0) === $n || $oob($n, $s, ${items.id}, ${site}, true))`;
        const checked = quasi(test, { $n: at(), $s: t.cloneNode(size) });
        return [t.assignmentExpression("=", size, part(used, "get", ...queue())), checked, part(items, "get", ...queue(), at())];
      }),
    };
    case "push": return {
      takes: 1, like: OPERATIONS.insert, expression: withParts((part, { indices }, c, site) => {
        const [queue, value] = [(): t.Expression[] => indices().slice(0, n), (): t.Expression => indices()[n]!];
        const size = c.temporary();
        const now = (): t.Expression => t.cloneNode(size);
        return [
          t.assignmentExpression("=", size, part(used, "get", ...queue())),
          quasi(`($s < ${lastLength(items)} || $queueFault($s, ${items.id}, ${site}))`, { $s: now() }),
          part(items, "set", ...queue(), now(), value()),
          part(used, "set", ...queue(), t.binaryExpression("+", now(), t.numericLiteral(1))),
        ];
      }),
    };
    case "shift": return {
      takes: 0, like: { ...OPERATIONS.xchg, marked: false, indivisible: false }, expression: withParts((part, { indices }, c, site) => {
        const [size, first] = [c.temporary(), c.temporary()];
        const last = lastLength(items) - 1;
        const moved = Array.from({ length: last }, (_, m) =>
          part(items, "set", ...indices(), t.numericLiteral(m), part(items, "get", ...indices(), t.numericLiteral(m + 1))));
        return [
          t.assignmentExpression("=", size, part(used, "get", ...indices())),
          quasi(`($s > 0 || $queueFault($s, ${items.id}, ${site}))`, { $s: t.cloneNode(size) }),
          t.assignmentExpression("=", first, part(items, "get", ...indices(), t.numericLiteral(0))),
          ...moved,
          part(items, "set", ...indices(), t.numericLiteral(last), smallest(items)),
          part(used, "set", ...indices(), t.binaryExpression("-", t.cloneNode(size), t.numericLiteral(1))),
          t.cloneNode(first),
        ];
      }),
    };
    default: return null;
  }
}

function smallest({ kind, min }: FieldPlan): t.Expression {
  if (kind === "bool") return t.booleanLiteral(false);
  return min < 0 ? t.unaryExpression("-", t.numericLiteral(-min)) : t.numericLiteral(min);
}

interface Evaluated {
  readonly before: readonly t.Expression[];
  /** New nodes for the values of the arguments. */
  readonly indices: () => t.Expression[];
}

/** Arguments are used several times: each is evaluated once, in order. */
function evaluated(args: readonly t.Expression[], c: AccessContext): Evaluated {
  const kept = args.map((a) => (t.isNumericLiteral(a) || t.isBooleanLiteral(a) ? { value: a, before: [] }
    : ((v) => ({ value: v, before: [t.assignmentExpression("=", v, a)] }))(c.temporary())));
  return { before: kept.flatMap((k) => k.before), indices: () => kept.map((k) => t.cloneNode(k.value)) };
}

/** What a name stands for that is no plain field. */
export interface Composite {
  readonly path: string;
  readonly what: string;
  /** How many indices say which one. */
  readonly indices: number;
  readonly parts: readonly FieldPlan[];
  readonly operations: readonly string[];
  readonly operation: (name: string) => CompositeOperation | null;
}

/** The large set, or the queue, of that name; null: it is none. */
export function compositeOf(
  fields: { field(struct: string, field: string): FieldPlan | null }, struct: string, name: string,
): Composite | null {
  const path = `${struct}.${name}`;
  const set = fields.field(struct, name);
  if (set?.part === "set") {
    return {
      path, what: "a set", indices: wholeIndexCount(set), parts: [set], operations: SET_OPERATIONS,
      operation: (operation) => setOperation(set, operation),
    };
  }
  const [items, used] = [fields.field(struct, `${name}.items`), fields.field(struct, `${name}.used`)];
  if (items?.part !== "items" || used === null) return null;
  return {
    path, what: "a queue", indices: wholeIndexCount(items), parts: [items, used], operations: QUEUE_OPERATIONS,
    operation: (operation) => queueOperation(items, used, operation),
  };
}
