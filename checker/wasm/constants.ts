/**
 * What an emitted program has written down once: captured values (`compile/captured.ts`) and tables of its own. Lowered, members
 * that are named are literals, tables of whole numbers are arrays of memory 0, and words are for messages.
 */
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";

type Data = number | string | boolean | null | readonly Data[] | { readonly [name: string]: Data };

export class Constants {
  /** Tables of whole numbers, by name. */
  readonly tables: Readonly<Record<string, Int32Array>>;
  readonly #values = new Map<string, Data>();

  constructor(program: readonly t.Statement[]) {
    for (const { id, init } of program.flatMap((s) => (t.isVariableDeclaration(s, { kind: "const" }) ? s.declarations : []))) {
      const value = init == null ? undefined : this.#data(init);
      if (t.isIdentifier(id) && value !== undefined) this.#values.set(id.name, value);
    }
    const tables = [...this.#values].flatMap(([name, value]) => (isTable(value) ? [[name, Int32Array.from(value)] as const] : []));
    this.tables = Object.fromEntries(tables);
  }

  /** Within a function: members with a name become literals, and a choice what it offers. */
  fold(fn: t.FunctionDeclaration): void {
    t.traverseFast(fn.body, (n) => {
      if (t.isCallExpression(n) && t.isIdentifier(n.callee, { name: "$chooseOf" }) && t.isIdentifier(n.arguments[0])) {
        const options = t.memberExpression(n.arguments[0], t.identifier("options"));
        const offered = this.#member(t.memberExpression(options, t.identifier("length")));
        if (typeof offered !== "number") return;
        n.callee = t.identifier("$choose");
        n.arguments = [t.stringLiteral(""), t.numericLiteral(offered), ...n.arguments.slice(1)];
      }
      const value = t.isMemberExpression(n) ? this.#member(n) : undefined;
      if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "string") return;
      become(n, t.valueToNode(value));
    });
    this.#choose(fn.body);
  }

  /** Within `n`: what is compared with `null` is a constant or is not, and a choice that then is made is what was chosen. */
  #choose(n: t.Node): void {
    for (const child of childrenOf(n)) this.#choose(child);
    if (t.isBinaryExpression(n) && (n.operator === "===" || n.operator === "!==") && t.isNullLiteral(n.right)) {
      const value = this.#member(n.left);
      if (value !== undefined) become(n, t.booleanLiteral((value === null) === (n.operator === "===")));
    } else if (t.isConditionalExpression(n) && t.isBooleanLiteral(n.test)) become(n, n.test.value ? n.consequent : n.alternate);
  }

  /** What a constant is, if it is data: also frozen, or as an array of words. */
  #data(n: t.Node): Data | undefined {
    if (t.isNumericLiteral(n) || t.isStringLiteral(n) || t.isBooleanLiteral(n)) return n.value;
    if (t.isNullLiteral(n)) return null;
    if (t.isIdentifier(n)) return this.#values.get(n.name);
    if (t.isUnaryExpression(n, { operator: "-" }) && t.isNumericLiteral(n.argument)) return -n.argument.value;
    if (t.isArrayExpression(n)) return all(n.elements.map((e) => (e === null ? undefined : this.#data(e))));
    if (t.isObjectExpression(n)) return this.#object(n);
    if (t.isNewExpression(n) && t.isIdentifier(n.callee, { name: "Int32Array" }) && t.isArrayExpression(n.arguments[0])) {
      return this.#data(n.arguments[0]);
    }
    const isFrozen = t.isCallExpression(n) && t.isMemberExpression(n.callee)
      && t.isIdentifier(n.callee.object, { name: "Object" }) && t.isIdentifier(n.callee.property, { name: "freeze" });
    return isFrozen ? this.#data(n.arguments[0]!) : undefined;
  }

  #object(n: t.ObjectExpression): Data | undefined {
    const members = all(n.properties.map((p) => {
      if (!t.isObjectProperty(p) || p.computed) return undefined;
      const value = this.#data(p.value);
      const name = t.isIdentifier(p.key) ? p.key.name : t.isStringLiteral(p.key) ? p.key.value : undefined;
      return value === undefined || name === undefined ? undefined : [name, value] as const;
    }));
    return members === undefined ? undefined : Object.fromEntries(members) as Data;
  }

  /** The value of a member with a name, or of a member of one. */
  #member(n: t.Node): Data | undefined {
    if (t.isNullLiteral(n)) return null;
    if (t.isIdentifier(n)) return this.#values.get(n.name);
    if (!t.isMemberExpression(n)) return undefined;
    const object = this.#member(n.object);
    if (object === undefined || object === null || typeof object !== "object") return undefined;
    if (Array.isArray(object)) return elementOf(object as readonly Data[], n);
    const name = t.isStringLiteral(n.property) ? n.property.value : !n.computed && t.isIdentifier(n.property) ? n.property.name : null;
    return name !== null && Object.hasOwn(object, name) ? (object as Readonly<Record<string, Data>>)[name] : undefined;
  }
}

function elementOf(array: readonly Data[], { property, computed }: t.MemberExpression): Data | undefined {
  if (computed) return t.isNumericLiteral(property) ? array[property.value] : undefined;
  return t.isIdentifier(property, { name: "length" }) ? array.length : undefined;
}

function all<T>(values: readonly (T | undefined)[]): readonly T[] | undefined {
  return values.includes(undefined) ? undefined : values as readonly T[];
}

const isTable = (value: Data): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "number" && (v | 0) === v);

/** Puts a node in the place of another. */
function become(n: t.Node, other: t.Node): void {
  const record = n as unknown as Record<string, unknown>;
  for (const key of t.VISITOR_KEYS[n.type] ?? []) Reflect.deleteProperty(record, key);
  Object.assign(n, other);
}
