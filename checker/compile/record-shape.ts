/**
 * Which functions make records, of which type, and which members of a record a function may write.
 *
 * All of it is found in the source, before anything is translated: `records.ts` takes the records apart with it.
 */
import * as t from "@babel/types";
import type { LayoutPlan } from "../program/layout.ts";
import { staticValue } from "./captured.ts";
import { CompileError } from "./compile-error.ts";
import { INTRINSICS } from "./intrinsics.ts";
import { isLocalName, prepareFunction, type PreparedFunction } from "./locals.ts";
import { originOf, type FunctionNode, type SourceModule, type SourceModules } from "./source-module.ts";
import { withoutTypes } from "./syntax.ts";

/** A record type: an interface or type literal whose members are plain values. */
export interface RecordShape {
  readonly id: number;
  readonly name: string;
  /** Two shapes are of one type when their declarations are one and the same. */
  readonly declaration: t.Node;
  /** The type of each member, and the module in which its names are to be looked up. */
  readonly members: ReadonlyMap<string, { readonly type: t.TSType; readonly module: SourceModule }>;
}

/** A member that a function hands back: of the record that is argument number `position`, or of its result (`RESULT`). */
export interface RecordOut { readonly position: number; readonly member: string }

/** Position of the result. */
export const RESULT = -1;

/** The register of the program through which a function hands back number `n` of its `outs`. */
export function outRegister(n: number): t.Identifier {
  return t.identifier(`$$0_$out${n}`);
}

/** A function of the user's, before it has a role. */
export interface SourceFunction {
  readonly node: FunctionNode;
  readonly module: SourceModule;
  readonly scope: Readonly<Record<string, unknown>>;
}

/** What makes a record: `record({...})`, or a call of a function that returns one. */
export type RecordMaker =
  | { readonly kind: "fresh"; readonly call: t.CallExpression; readonly members: t.Expression }
  | { readonly kind: "call"; readonly call: t.CallExpression; readonly shape: RecordShape };

/** Members that a function may write, and those that it may touch at all: itself or through the functions that it calls. */
export interface RecordUse { readonly writes: ReadonlySet<string>; readonly touches: ReadonlySet<string> }

/** Members as declared, and the module in which the names of their types are to be looked up. */
interface Declared { readonly elements: readonly t.TSTypeElement[]; readonly declaration: t.Node; readonly module: SourceModule }

export class RecordShapes {
  readonly #modules: SourceModules;
  readonly #shapes = new Map<t.Node, RecordShape>();
  readonly #results = new Map<unknown, RecordShape | null>();
  readonly #uses = new Map<unknown, Map<number, RecordUse>>();

  readonly #plan: LayoutPlan;

  constructor(modules: SourceModules, plan: LayoutPlan) {
    this.#modules = modules;
    this.#plan = plan;
  }

  /** The captured value that a call calls; undefined when that is not known when the program is compiled. */
  calledValue(fn: SourceFunction, callee: t.Node): unknown {
    return staticValue(fn.scope, callee, (index) => this.#constant(fn, index))?.value;
  }

  /** The number that an index is for certain: itself, captured, a local that is never assigned, or a bound of the world. */
  #constant(fn: SourceFunction, index: t.Node): number | null {
    const e = t.isExpression(index) ? withoutTypes(index) : index;
    if (t.isNumericLiteral(e)) return e.value;
    if (t.isIdentifier(e) && !isLocalName(e.name)) return typeof fn.scope[e.name] === "number" ? fn.scope[e.name] as number : null;
    const { params, locals } = prepared(fn);
    if (t.isIdentifier(e)) {
      const local = locals.get(e.name);
      return local?.constant === true && local.init !== null ? this.#constant(fn, local.init) : null;
    }
    // k.param.scheme.get(), where the field has one possible value.
    if (!t.isCallExpression(e) || e.arguments.length > 0 || !t.isMemberExpression(e.callee) ||
      !t.isIdentifier(e.callee.property, { name: "get" })) return null;
    const field = e.callee.object;
    if (!t.isMemberExpression(field) || field.computed || !t.isMemberExpression(field.object) || field.object.computed) return null;
    const [world, struct, name] = [field.object.object, field.object.property, field.property];
    if (!t.isIdentifier(world) || !params.includes(world.name) || !t.isIdentifier(struct) || !t.isIdentifier(name)) return null;
    const plan = this.#plan.fields.find((f) => f.struct === struct.name && f.field === name.name);
    return plan !== undefined && plan.bits === 0 && plan.lockBase < 0 ? plan.min : null;
  }

  /** The source of a function object; null when it was not loaded through thpcheck. */
  sourceOf(value: unknown): SourceFunction | null {
    const origin = originOf(value);
    if (origin === null) return null;
    const module = this.#modules.of(origin);
    return { node: module.functionAt(origin.start), module, scope: origin.captured() };
  }

  /** The record type that an annotation names. Throws CompileError when it is no record type. */
  shapeOf(type: t.TSType, module: SourceModule): RecordShape {
    const declared = this.#declared(type, module);
    const name = module.textOf(type);
    if (declared === null) {
      throw new CompileError(module.place(type), `${name} is no record type`, "Declare an interface of members with types of known width");
    }
    const known = this.#shapes.get(declared.declaration);
    if (known !== undefined) return known;
    const members = new Map<string, { type: t.TSType; module: SourceModule }>();
    for (const e of declared.elements) {
      const at = declared.module.place(e);
      if (!t.isTSPropertySignature(e) || e.computed || !t.isIdentifier(e.key) || e.typeAnnotation == null ||
        !t.isTSTypeAnnotation(e.typeAnnotation)) {
        throw new CompileError(at, `record type ${name}: ${declared.module.textOf(e)}`,
          "A record has named members with types of known width, and nothing else");
      }
      if (e.optional === true) {
        throw new CompileError(at, `record type ${name}: member ${e.key.name} is optional`,
          "Give every member a value when the record is made; NONE says that there is nothing");
      }
      const of = e.typeAnnotation.typeAnnotation;
      if (this.#declared(of, declared.module) !== null) {
        throw new CompileError(at, `record type ${name}: member ${e.key.name} is a record itself`,
          "Give this record the members of the inner one");
      }
      members.set(e.key.name, { type: of, module: declared.module });
    }
    if (members.size === 0) {
      throw new CompileError(declared.module.place(declared.declaration), `record type ${name} has no members`, "Pass nothing instead");
    }
    const shape = { id: this.#shapes.size, name, declaration: declared.declaration, members };
    this.#shapes.set(declared.declaration, shape);
    return shape;
  }

  #declared(type: t.TSType, module: SourceModule): Declared | null {
    if (t.isTSParenthesizedType(type)) return this.#declared(type.typeAnnotation, module);
    if (t.isTSTypeLiteral(type)) return { elements: type.members, declaration: type, module };
    if (!t.isTSTypeReference(type) || !t.isIdentifier(type.typeName)) return null;
    const found = module.interfaceNamed(type.typeName.name, this.#modules.load);
    if (found !== null) {
      const { declaration } = found;
      if ((declaration.extends ?? []).length > 0) {
        throw new CompileError(found.module.place(declaration), `record type ${declaration.id.name} extends another`,
          "List all members in one interface");
      }
      return { elements: declaration.body.body, declaration, module: found.module };
    }
    const alias = module.typeAlias(type.typeName.name, this.#modules.load);
    return alias === null ? null : this.#declared(alias.type, alias.module);
  }

  /** What the initialiser makes, when that is a record. */
  maker(fn: SourceFunction, init: t.Expression): RecordMaker | null {
    const e = withoutTypes(init);
    const yielded = t.isYieldExpression(e) && e.delegate;
    const call = yielded ? e.argument : e;
    if (!t.isCallExpression(call)) return null;
    const value = this.calledValue(fn, call.callee);
    if (INTRINSICS.get(value)?.kind === "record") {
      const members = call.arguments[0];
      return { kind: "fresh", call, members: t.isExpression(members) ? members : call };
    }
    const shape = this.resultOf(value);
    return shape === null ? null : { kind: "call", call, shape };
  }

  /** The type of the record that the function returns; null when it returns something else. */
  resultOf(value: unknown): RecordShape | null {
    const known = this.#results.get(value);
    if (known !== undefined) return known;
    // A function that is asked about itself makes its record elsewhere.
    this.#results.set(value, null);
    const fn = INTRINSICS.has(value) ? null : this.sourceOf(value);
    const result = fn === null ? null : this.#result(fn);
    this.#results.set(value, result);
    return result;
  }

  #result(fn: SourceFunction): RecordShape | null {
    const { body, locals } = prepared(fn);
    let found: RecordShape | null = null;
    ownNodes(body, (node) => {
      if (found !== null || !t.isReturnStatement(node) || node.argument == null) return;
      const e = withoutTypes(node.argument);
      if (t.isCallExpression(e) && INTRINSICS.get(this.calledValue(fn, e.callee))?.kind === "record") {
        found = this.freshShape(fn, e, this.#resultType(fn));
      }
      else if (t.isIdentifier(e)) {
        const init = locals.get(e.name)?.init ?? null;
        const maker = init === null ? null : this.maker(fn, init);
        if (maker !== null) found = maker.kind === "call" ? maker.shape : this.freshShape(fn, maker.call, locals.get(e.name)!.annotation);
      }
    });
    return found;
  }

  #resultType(fn: SourceFunction): t.TSType | null {
    const { returnType } = fn.node;
    const type = returnType != null && t.isTSTypeAnnotation(returnType) ? returnType.typeAnnotation : null;
    if (!("generator" in fn.node && fn.node.generator === true)) return type;
    return t.isTSTypeReference(type) ? type.typeArguments?.params[0] ?? null : null;
  }

  /** The type of `record<T>({...})`, or of `record({...})` where a `T` is expected. */
  freshShape(fn: SourceFunction, call: t.CallExpression, expected: t.TSType | null): RecordShape {
    const type = call.typeArguments?.params[0] ?? expected;
    if (t.isTSType(type)) return this.shapeOf(type, fn.module);
    throw new CompileError(fn.module.place(call), "the type of this record is not known",
      "Write const vmf: Fault = record({ ... }), or record<Fault>({ ... })");
  }

  /** What function `value` may do with the record that is its argument number `position`. */
  use(value: unknown, position: number): RecordUse {
    const ofValue = this.#uses.get(value) ?? new Map<number, RecordUse>();
    this.#uses.set(value, ofValue);
    let use = ofValue.get(position);
    if (use === undefined) {
      const writes = new Set<string>();
      const touches = new Set<string>();
      const seen = new Map<unknown, Set<number>>();
      const pending: { value: unknown; position: number }[] = [{ value, position }];
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        const positions = seen.get(next.value) ?? new Set<number>();
        seen.set(next.value, positions);
        if (positions.has(next.position)) continue;
        positions.add(next.position);
        const fn = this.sourceOf(next.value);
        if (fn !== null) this.#ownUse(fn, next.position, writes, touches, pending);
      }
      use = { writes, touches };
      ofValue.set(position, use);
    }
    return use;
  }

  /** Adds what the function itself does with its parameter, and the calls that hand it on. */
  #ownUse(fn: SourceFunction, position: number, writes: Set<string>, touches: Set<string>,
    calls: { value: unknown; position: number }[]): void {
    const { params, body } = prepared(fn);
    const name = params[position];
    if (name === undefined) return;
    t.traverseFast(body, (node) => {
      if (t.isMemberExpression(node) && t.isIdentifier(node.object, { name }) && t.isIdentifier(node.property)) {
        touches.add(node.property.name);
      }
      for (const target of targetsOf(node)) {
        if (t.isMemberExpression(target) && t.isIdentifier(target.object, { name }) && t.isIdentifier(target.property)) {
          writes.add(target.property.name);
        }
      }
      if (!t.isCallExpression(node)) return;
      for (const [i, a] of node.arguments.entries()) {
        if (t.isIdentifier(a, { name })) calls.push({ value: this.calledValue(fn, node.callee), position: i });
      }
    });
  }
}

/** The members and names that a node assigns to; nothing for most. */
export function targetsOf(node: t.Node): readonly t.Node[] {
  if (t.isAssignmentExpression(node) || t.isForOfStatement(node) || t.isForInStatement(node)) return targets(node.left);
  return t.isUpdateExpression(node) ? [node.argument] : [];
}

function targets(pattern: t.Node): readonly t.Node[] {
  if (t.isArrayPattern(pattern)) return pattern.elements.flatMap((e) => (e === null ? [] : targets(e)));
  if (t.isObjectPattern(pattern)) return pattern.properties.flatMap((p) => targets(t.isRestElement(p) ? p.argument : p.value));
  if (t.isAssignmentPattern(pattern)) return targets(pattern.left);
  return t.isRestElement(pattern) ? targets(pattern.argument) : [pattern];
}

/** Visits the nodes of the function itself, and not those of functions inside of it. */
function ownNodes(body: t.Node, visit: (node: t.Node) => void): void {
  t.traverseFast(body, (node) => {
    if (t.isFunction(node)) return t.traverseFast.skip;
    visit(node);
    return undefined;
  });
}

function prepared(fn: SourceFunction): PreparedFunction {
  return prepareFunction(fn.node, (node, problem, instead) => {
    throw new CompileError(fn.module.place(node), problem, instead);
  });
}
