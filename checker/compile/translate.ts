/**
 * Expressions and yield-free statements of the subset, rewritten for the emitted program: types stripped, accessors
 * inlined, captured values and helpers linked, the world parameter gone. `lower.ts` handles what contains yields.
 */
import * as t from "@babel/types";
import { inWords } from "../value-in-words.ts";
import type { FieldPlan } from "../program/layout.ts";
import { lastLength } from "../program/world.ts";
import { compositeOf, type Composite } from "./composite-access.ts";
import {
  indexCount, leavesGhostsUnread, operandKind, operationOf, operationsOf, type Operation, type OperationName,
} from "../program/operations.ts";
import { accessExpression, type AccessContext } from "./access.ts";
import { checkArity, wantedBy } from "./arity.ts";
import { staticValue, whyNotPlain } from "./captured.ts";
import { CompileError } from "./compile-error.ts";
import { checkIntrinsicCall, intrinsicCall } from "./intrinsic-calls.ts";
import { INTRINSICS } from "./intrinsics.ts";
import type { LinkedFunction, Linker, Purpose } from "./link.ts";
import { isLocalName, prepareFunction, type PreparedFunction } from "./locals.ts";
import { quasi } from "./quasi.ts";
import { flattenRecords, recordCallOf } from "./records.ts";
import { assignmentsIn, countingLoop, operationSource, type Reads, type Source } from "./reads.ts";
import type { FunctionNode, Place } from "./source-module.ts";
import { dropTypes, mapChildren } from "./syntax.ts";

const GLOBALS: ReadonlySet<string> = new Set([
  "undefined", "NaN", "Infinity", "Math", "Number", "Boolean", "String", "Object", "Array", "Error", "RangeError", "TypeError",
]);
/** Everything of Math but `random`. */
const MATH: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Math).filter((name) => name !== "random"));

export class Translator {
  readonly linker: Linker;
  readonly fn: LinkedFunction;
  readonly prepared: PreparedFunction;
  /** Parameters that are worlds: unique name -> buffer. */
  readonly worlds: ReadonlyMap<string, "" | "P">;
  /** The remaining parameters, in order; then the members of records that are handed over. */
  readonly params: readonly string[];
  /** Temporaries of the emitted function; while a closure inside a helper is translated, those of that closure. */
  temporaries: string[] = [];
  instrumented: boolean;
  /** Values of the variables of counting loops, in properties. */
  readonly loops: ReadonlyMap<string, Source> = new Map();
  /** Every access and call translated so far. */
  readonly reads: Reads = { accesses: [], calls: [], threads: new Set() };
  /** "guard" while the guard of a yield is translated; else what the function is for. */
  purpose: Purpose;

  constructor(linker: Linker, fn: LinkedFunction) {
    this.linker = linker;
    this.fn = fn;
    this.instrumented = linker.options.instrumented && (fn.purpose === "program" || fn.purpose === "guard");
    this.purpose = fn.purpose;
    this.prepared = prepareFunction(fn.node, (node, problem, instead) => this.refuse(node, problem, instead));
    this.worlds = new Map(this.prepared.params.flatMap((p, i) => {
      const world = fn.worlds[i] ?? null;
      return world === null ? [] : [[p, world] as const];
    }));
    this.params = flattenRecords(this);
    this.loops = fn.purpose === "always" ? this.countingLoops() : new Map();
  }

  another(fn: LinkedFunction): Translator {
    return new Translator(this.linker, fn);
  }

  /** The function `value` in the role that the call gives it. */
  callee(value: unknown, call: t.CallExpression, name: string): LinkedFunction {
    const handed = recordCallOf(call);
    const { worlds, records, outs } = handed ?? { worlds: this.worldArguments(call), records: [], outs: [] };
    const fn = this.linker.link(value, name, { purpose: this.purpose, straight: this.fn.straight, worlds, records, outs }, () =>
      this.refuse(call, whyNotPlain(value, name)!, "Declare it as a plain function at the top level of a module of your own"));
    // What hands records over was looked at before they were taken apart.
    if (handed === null) this.checkArity(name, fn.node, call);
    return fn;
  }

  /** Refuses a call that gives too few or too many arguments. */
  checkArity(name: string, callee: Pick<FunctionNode, "params">, call: t.CallExpression): void {
    checkArity(name, wantedBy(callee), call, (node, problem, instead) => this.refuse(node, problem, instead));
  }

  place(node: t.Node): Place {
    const at = node.loc == null ? this.fn.node : node;
    return this.fn.module.place(at);
  }

  refuse(node: t.Node, problem: string, instead: string): never {
    throw new CompileError(this.place(node), `in ${this.fn.label}: ${problem}`, instead);
  }

  site(node: t.Node): number {
    return this.linker.site({ ...this.place(node), routine: this.fn.label });
  }

  readonly temporary = (): t.Identifier => {
    const name = `$t${this.temporaries.length}`;
    this.temporaries.push(name);
    return t.identifier(name);
  };

  // ----------------------------------------------------------------------------------------- expressions

  expression(node: t.Expression): t.Expression {
    switch (node.type) {
      case "TSAsExpression": case "TSSatisfiesExpression": case "TSNonNullExpression": case "TSTypeAssertion":
      case "TSInstantiationExpression": case "ParenthesizedExpression":
        return this.expression(node.expression);
      case "Identifier": return this.identifier(node);
      case "CallExpression": return this.call(node);
      case "MemberExpression": return this.member(node);
      case "YieldExpression":
        if (this.fn.straight) return this.straightYield(node);
        return this.refuse(node, "a yield inside a larger expression", "Give it a statement of its own: `const x: T = yield* f(k);`");
      case "AwaitExpression": return this.refuse(node, "await", "Routines wait with `yield at(label, () => condition)`");
      case "ThisExpression": return this.refuse(node, "this/super", "Pass what is needed as a parameter; state lives in the structs");
      case "ClassExpression": case "TaggedTemplateExpression": case "ImportExpression": case "OptionalCallExpression":
        return this.refuse(node, `${node.type} is not in the subset`, "Use plain functions, numbers and accessors");
      case "NewExpression":
        if (t.isIdentifier(node.callee) && (node.callee.name === "Error" || node.callee.name === "RangeError")) break;
        return this.refuse(node, "an object is created", "State lives in the structs; a helper may use plain array or object literals");
      case "AssignmentExpression": this.refuseCaptured(node.left); break;
      case "UpdateExpression": this.refuseCaptured(node.argument); break;
      case "ArrowFunctionExpression": case "FunctionExpression":
        if (this.fn.routine) {
          return this.refuse(node, "a closure in a routine",
            "Only the guard of at() may be a function; move the code into a helper function");
        }
        return this.closure(node);
      case "ObjectExpression": case "ArrayExpression":
        break;
      default: break;
    }
    return this.children(node);
  }

  /**
   * A closure inside a helper has temporaries of its own: it may run while, or again before, its surroundings have finished
   * with theirs.
   */
  closure(node: t.ArrowFunctionExpression | t.FunctionExpression): t.Expression {
    const outer = this.temporaries;
    this.temporaries = [];
    this.children(node);
    const own = this.temporaries;
    this.temporaries = outer;
    if (own.length > 0) {
      if (t.isExpression(node.body)) node.body = t.blockStatement([t.returnStatement(node.body)]);
      node.body.body.unshift(t.variableDeclaration("let", own.map((x) => t.variableDeclarator(t.identifier(x)))));
      if (t.isArrowFunctionExpression(node)) node.expression = false;
    }
    return node;
  }

  /** What is captured is constant: a program that changed it would have state outside of the state vector. */
  refuseCaptured(target: t.Node): void {
    let root = target;
    while (t.isMemberExpression(root) || t.isTSNonNullExpression(root) || t.isTSAsExpression(root)) {
      root = t.isMemberExpression(root) ? root.object : root.expression;
    }
    if (t.isIdentifier(root) && !isLocalName(root.name)) {
      this.refuse(target, `${this.fn.module.textOf(target)} is assigned, and lives outside of the state`,
        "What changes is a field of a struct, or a local");
    }
  }

  /** Rewrites all children generically, dropping types. */
  children<N extends t.Node>(node: N): N {
    dropTypes(node);
    mapChildren(node, (child, key) => {
      if (key !== "id" || !t.isVariableDeclarator(node)) return this.node(child);
      this.pattern(node.id as t.LVal);
      return child;
    });
    if (t.isObjectProperty(node)) node.shorthand = false;
    return node;
  }

  node(node: t.Node): t.Node {
    if (t.isExpression(node)) return this.expression(node);
    if (t.isStatement(node)) return this.statement(node);
    return this.children(node);
  }

  pattern(node: t.LVal): void {
    if (t.isIdentifier(node)) node.typeAnnotation = null;
    else this.children(node);
  }

  identifier(node: t.Identifier): t.Expression {
    node.typeAnnotation = null;
    node.optional = null;
    if (isLocalName(node.name)) {
      if (this.worlds.has(node.name)) {
        return this.refuse(node, "the world `k` is used as a value",
          "It is a parameter, never stored: write k.struct.field.get(...) or pass it as an argument");
      }
      return node;
    }
    const value = this.fn.captured(node.name);
    if (value === undefined && !(node.name in this.fn.scope)) {
      if (GLOBALS.has(node.name)) return node;
      return this.refuse(node, `${node.name} is neither a local, nor captured from this module`,
        "Import it, declare it, or pass it as a parameter");
    }
    return this.linker.constant(value, node.name, (why) =>
      this.refuse(node, why, "Only plain data, helper functions and routines of your own modules can be captured"));
  }

  member(node: t.MemberExpression): t.Expression {
    const chain = this.chain(node);
    if (chain !== null) {
      if (chain.path.length === 2 && chain.path[1] === "count") {
        const s = this.linker.plan.structs[chain.path[0]!];
        if (s !== undefined) return t.numericLiteral(s.count);
      }
      const [struct, field, last] = [chain.path[0]!, chain.path.slice(1, -1).join("."), chain.path.at(-1)!];
      const queue = last === "capacity" ? this.linker.field(struct, `${field}.items`) : null;
      if (queue?.part === "items") return t.numericLiteral(lastLength(queue));
      if (field !== "" && last === "length") {
        const f = this.field(node, struct, field);
        return t.numericLiteral(f.dims?.[0] ?? f.length ?? 1);
      }
      const lock = chain.path.length === 2 && (this.linker.field(chain.path[0]!, chain.path[1]!)?.lockBase ?? -1) >= 0;
      return this.refuse(node, `${this.fn.module.textOf(node)} is used as a value`,
        lock ? "A lock is named by .at(index)" : "Call an operation on it: .get(index...), .set(index..., value)");
    }
    const known = this.staticValue(node);
    if (known !== null) {
      return this.linker.constant(known.value, this.fn.module.textOf(node), (why) =>
        this.refuse(node, why, "Only plain data can be captured"));
    }
    if (t.isIdentifier(node.object) && GLOBALS.has(node.object.name) && !(node.object.name in this.fn.scope)) {
      const { name } = node.object;
      const property = !node.computed && t.isIdentifier(node.property) ? node.property.name : null;
      if (property === null || (name === "Math" && !MATH.has(property))) {
        return this.refuse(node, this.fn.module.textOf(node), 'Nondeterminism is explicit: choose(k, "name", n)');
      }
    }
    return this.children(node);
  }

  /** The value of `config.faults`, of `SCHEMES[k.param.scheme.get()]` and the like: constant members of captured plain objects. */
  staticValue(node: t.Node): { value: unknown } | null {
    return staticValue(this.fn.scope, node, (index) => {
      const source = this.source(index);
      return source?.kind === "constant" ? source.value : null;
    });
  }

  /** The function that a call is of, by its name or as a member of a captured object; null where only a run would tell. */
  called(callee: t.Node): { readonly value: unknown; readonly name: string } | null {
    if (t.isIdentifier(callee)) return { value: this.fn.captured(callee.name), name: callee.name };
    const value = t.isMemberExpression(callee) ? this.staticValue(callee)?.value : undefined;
    return typeof value === "function" && !INTRINSICS.has(value) ? { value, name: this.fn.module.textOf(callee) } : null;
  }

  /** `k.a.b.c` as its names and buffer; null when the root is not a world. */
  chain(node: t.Expression): { path: string[]; buffer: "" | "P" } | null {
    const path: string[] = [];
    let e: t.Node = node;
    while (t.isMemberExpression(e)) {
      if (e.computed || !t.isIdentifier(e.property)) {
        let root: t.Node = e;
        while (t.isMemberExpression(root)) root = root.object;
        if (t.isIdentifier(root) && this.worlds.has(root.name)) {
          this.refuse(node, "a computed struct or field name",
            "Structs and fields are named in the source; an index goes into the operation: k.page.refcount.get(pfn)");
        }
        return null;
      }
      path.unshift(e.property.name);
      e = e.object;
    }
    if (!t.isIdentifier(e)) return null;
    const buffer = this.worlds.get(e.name);
    return buffer === undefined || path.length === 0 ? null : { path, buffer };
  }

  field(node: t.Node, struct: string, field: string): FieldPlan {
    const f = this.linker.field(struct, field);
    if (f !== null) return f;
    const s = this.linker.plan.structs[struct];
    return s === undefined
      ? this.refuse(node, `there is no struct ${struct}`, `Declared are ${Object.keys(this.linker.plan.structs).join(", ")}`)
      : this.refuse(node, `struct ${struct} has no field ${field}`, `It has ${Object.keys(s.fields).join(", ")}`);
  }

  call(node: t.CallExpression): t.Expression {
    if (t.isMemberExpression(node.callee)) {
      const chain = this.chain(node.callee);
      if (chain !== null) return this.access(node, chain);
      // `invariant.holds(k)`: a function that is a member of a captured object.
      const member = this.called(node.callee);
      return member === null ? this.children(node) : this.helperCall(node, member.value, member.name);
    }
    if (!t.isIdentifier(node.callee)) {
      if (t.isCallExpression(node.callee) && node.arguments.some((a) => t.isIdentifier(a) && this.worlds.has(a.name))) {
        return this.refuse(node, `what ${this.fn.module.textOf(node.callee)} gives is called in place`,
          "A function has a name where it is called: outside, write const f = ..., and here f(k)");
      }
      return this.children(node);
    }
    const name = node.callee.name;
    // The two operations that `lower.ts` inserts for a queued semaphore.
    if (name === "$arrive") {
      return quasi(`$lk.arrive($l, $me, ${this.site(node)})`, { $l: this.expression(node.arguments[0] as t.Expression) });
    }
    if (name === "$isQueued") return quasi("$lk.isQueued($l)", { $l: this.expression(node.arguments[0] as t.Expression) });
    if (name === "$cover") return quasi(`$cov[${(node.arguments[0] as t.NumericLiteral).value}]++`);
    if (name === "$took") {
      const [then, otherwise, condition] = node.arguments as [t.NumericLiteral, t.NumericLiteral, t.Expression];
      return quasi(`($c ? ($cov[${then.value}]++, true) : ($cov[${otherwise.value}]++, false))`, { $c: this.expression(condition) });
    }
    if (isLocalName(name)) {
      if (this.fn.routine) {
        return this.refuse(node, `${this.prepared.locals.get(name)?.name ?? name} is called, but is a local value`,
          "Call a named helper function or routine");
      }
      this.checkLocalCall(node, name);
      return this.children(node);
    }
    const value = this.fn.captured(name);
    if (typeof value !== "function") {
      if (GLOBALS.has(name)) return this.children(node);
      return this.refuse(node, `${name} is ${inWords(value)}, not a function`, "Call a helper function or routine of your own modules");
    }
    const intrinsic = INTRINSICS.get(value);
    if (intrinsic !== undefined) return intrinsicCall(this, node, name, intrinsic);
    return this.helperCall(node, value, name);
  }

  /** A call of a function that the helper declares inside of itself. */
  checkLocalCall(node: t.CallExpression, variable: string): void {
    const local = this.prepared.locals.get(variable);
    const f = local?.constant !== true ? null : t.isFunctionDeclaration(local.declaration) ? local.declaration : local.init;
    if (!t.isFunctionDeclaration(f) && !t.isArrowFunctionExpression(f) && !t.isFunctionExpression(f)) return;
    const wanted = wantedBy(f);
    const names = wanted.names.map((name) => name.replace(/\$\$\d+_/g, ""));
    checkArity(local!.name, { ...wanted, names }, node, (at, problem, instead) => this.refuse(at, problem, instead));
  }

  helperCall(node: t.CallExpression, value: unknown, name: string): t.Expression {
    const callee = this.callee(value, node, name);
    if (callee.routine) return this.refuse(node, `routine ${name} is called without yield*`, `Write yield* ${name}(...)`);
    this.noteCall(callee, node);
    return this.withPlace(t.callExpression(t.identifier(callee.emitted), this.argumentsWithoutWorlds(node)), node);
  }

  /** A yield of the straight-line lowering: what would have to wait is an error, everything else goes on. */
  straightYield(node: t.YieldExpression): t.Expression {
    const call = node.argument;
    const called = t.isCallExpression(call) ? this.called(call.callee) : null;
    if (!t.isCallExpression(call) || called === null) {
      return this.refuse(node, "this yield is neither at(...) nor a call of a routine",
        'Write yield at("label", () => guard) or yield* routine(k, ...)');
    }
    const site = this.site(node);
    const { value, name } = called;
    const intrinsic = INTRINSICS.get(value);
    if (intrinsic !== undefined) checkIntrinsicCall(this, call, name, intrinsic);
    if (intrinsic?.kind === "at") {
      const [label, guard] = call.arguments;
      if (!t.isArrowFunctionExpression(guard) || !t.isExpression(guard.body)) {
        if (guard === undefined || t.isNullLiteral(guard)) return t.identifier("undefined");
        return this.refuse(guard, "a guard that is not written in place as () => condition", "Write () => condition");
      }
      return quasi(`($g || $stuck($l, ${site}))`, { $g: this.expression(guard.body), $l: this.expression(label as t.Expression) });
    }
    if (intrinsic?.kind === "lock") {
      const lock = this.temporary();
      const id = this.argumentsWithoutWorlds(call)[0]!;
      const { mode, label, lockKind } = intrinsic;
      const wait = `$lk.canTake($t, "${mode}") || $stuck("${label}", ${site})`;
      return quasi(`($t = $id, ${wait}, $lk.take($t, "${mode}", "${lockKind}", "${label}", $me, ${site}))`, { $t: lock, $id: id });
    }
    if (!node.delegate || typeof value !== "function") {
      return this.refuse(node, `yield* ${name}: that is not a routine`, "yield* takes a routine: function* name(k, ...): Routine");
    }
    const callee = this.callee(value, call, name);
    return this.withPlace(t.callExpression(t.identifier(callee.emitted), this.argumentsWithoutWorlds(call)), node);
  }

  argumentsWithoutWorlds(node: t.CallExpression): t.Expression[] {
    const out: t.Expression[] = [];
    for (const a of node.arguments) {
      if (!t.isExpression(a)) return this.refuse(a, "a spread argument", "Pass each argument by itself");
      if (t.isIdentifier(a) && this.worlds.has(a.name)) continue;
      out.push(this.expression(a));
    }
    return out;
  }

  noteCall(callee: LinkedFunction, node: t.CallExpression): void {
    const args = node.arguments.filter((a) => !(t.isIdentifier(a) && this.worlds.has(a.name)));
    this.reads.calls.push({ callee: callee.emitted, args: args.map((a) => this.source(a)) });
  }

  /** Where the value of an index or argument comes from. Locals and parameters count as themselves only where nothing assigns to them. */
  source(node: t.Node | null | undefined): Source {
    if (t.isNumericLiteral(node)) return { kind: "constant", value: node.value };
    if (t.isTSAsExpression(node) || t.isTSNonNullExpression(node) || t.isParenthesizedExpression(node)) return this.source(node.expression);
    if (t.isIdentifier(node)) {
      if (!isLocalName(node.name)) {
        const value = this.fn.captured(node.name);
        return typeof value === "number" ? { kind: "constant", value } : null;
      }
      const local = this.prepared.locals.get(node.name);
      const position = this.params.indexOf(node.name);
      if (local?.constant === true) return position >= 0 ? { kind: "parameter", position } : this.source(local.init);
      return this.loops.get(node.name) ?? null;
    }
    if (t.isMemberExpression(node)) {
      const path = this.chain(node)?.path;
      const count = path?.length === 2 && path[1] === "count" ? this.linker.plan.structs[path[0]!]?.count : undefined;
      return count === undefined ? null : { kind: "constant", value: count };
    }
    if (t.isCallExpression(node) && t.isMemberExpression(node.callee)) {
      // A bound: a field with one possible value.
      const path = this.chain(node.callee)?.path;
      const field = path?.length === 3 && path[2] === "get" ? this.linker.field(path[0]!, path[1]!) : null;
      if (field !== null && field.bits === 0 && field.lockBase < 0) return { kind: "constant", value: field.min };
    }
    return t.isExpression(node) ? operationSource(node, (operand) => this.source(operand)) : null;
  }

  /** The variables of counting loops. Found before anything is translated, since translation rewrites the tree in place. */
  countingLoops(): ReadonlyMap<string, Source> {
    const found = new Map<string, Source>();
    const assignments = assignmentsIn(this.prepared.body);
    t.traverseFast(this.prepared.body, (node) => {
      const loop = t.isForStatement(node) ? countingLoop(node, assignments) : null;
      if (loop !== null) {
        found.set(loop.name, { kind: "counting", from: this.source(loop.from), to: this.source(loop.to), last: loop.last });
      }
    });
    return found;
  }

  /** Which arguments of a call are worlds, and which. */
  worldArguments(node: t.CallExpression): ("" | "P" | null)[] {
    return node.arguments.map((a) => (t.isIdentifier(a) ? this.worlds.get(a.name) ?? null : null));
  }

  access(node: t.CallExpression, chain: { path: string[]; buffer: "" | "P" }): t.Expression {
    const [struct, fieldName, name] = [chain.path[0]!, chain.path.slice(1, -1).join("."), chain.path.at(-1)!];
    if (fieldName === "") {
      return this.refuse(node, `${this.fn.module.textOf(node.callee)} is no operation of a field`, "Write k.struct.field.operation(...)");
    }
    const whole = compositeOf(this.linker, struct, fieldName);
    if (whole !== null) return this.compositeAccess(node, whole, name, chain.buffer);
    const f = this.field(node, struct, fieldName);
    const queue = compositeOf(this.linker, struct, fieldName.replace(/\.\w+$/, ""));
    if (queue?.parts.includes(f) === true) {
      return this.refuse(node, `${f.path} is part of a queue`, `It has ${queue.operations.join(", ")}`);
    }
    const operation = operationOf(f, name);
    if (operation === null) {
      return this.refuse(node, `${f.path} (${f.kind}) has no operation ${name}`, `It has ${operationsOf(operandKind(f)).join(", ")}`);
    }
    this.refuseAccess(node, f, name, operation, chain.buffer);
    if (!node.arguments.every((a): a is t.Expression => t.isExpression(a))) {
      return this.refuse(node, "a spread argument", "Pass each index by itself");
    }
    const expected = indexCount(f) + operation.takes.length;
    if (node.arguments.length !== expected) {
      const problem = `${f.path}.${name} takes ${expected} argument${expected === 1 ? "" : "s"}, not ${node.arguments.length}`;
      this.refuse(node, problem, "The indices come first, then the value");
    }
    const i = f.singleton ? null : this.source(node.arguments[0]);
    // Of an array of arrays, all elements.
    const j = f.length === null || f.dims !== null ? null : this.source(node.arguments[f.singleton ? 0 : 1]);
    this.reads.accesses.push({ field: f, i, j, changes: operation.writes || operation.gives === "lock" });
    const args = node.arguments.map((a) => this.expression(a));
    const c: AccessContext = { buffer: chain.buffer, instrumented: this.instrumented, site: this.site(node), temporary: this.temporary };
    return this.withPlace(accessExpression(f, name as OperationName, args, c), node);
  }

  /** An operation of a large set or of a queue. */
  compositeAccess(node: t.CallExpression, whole: Composite, name: string, buffer: "" | "P"): t.Expression {
    const operation = whole.operation(name);
    if (operation === null) {
      return this.refuse(node, `${whole.path} (${whole.what}) has no operation ${name}`, `It has ${whole.operations.join(", ")}`);
    }
    for (const part of whole.parts) this.refuseAccess(node, part, name, operation.like, buffer);
    const args = node.arguments.filter((a) => t.isExpression(a));
    const expected = whole.indices + operation.takes;
    if (args.length !== expected || node.arguments.length !== expected) {
      const problem = `${whole.path}.${name} takes ${expected} argument${expected === 1 ? "" : "s"}, not ${node.arguments.length}`;
      return this.refuse(node, problem, "The indices come first, then the value; each by itself");
    }
    for (const field of whole.parts) {
      this.reads.accesses.push({ field, i: field.singleton ? null : this.source(args[0]), j: null, changes: operation.like.writes });
    }
    const translated = args.map((a) => this.expression(a));
    const site = this.site(node);
    const c: AccessContext = { buffer, instrumented: this.instrumented, site, temporary: this.temporary };
    return this.withPlace(operation.expression(translated, c, site), node);
  }

  /** Refuses what code of this purpose may not do with the field. */
  refuseAccess(node: t.CallExpression, f: FieldPlan, name: string, operation: Operation, buffer: "" | "P"): void {
    const { writes } = operation;
    const isRoutine = this.purpose === "program" || this.purpose === "guard";
    if (this.purpose === "guard" && writes) {
      this.refuse(node, `a guard changes ${f.path}`,
        "A guard that does not hold must leave no trace: change the state in the step that follows");
    }
    if (this.purpose !== "program" && this.purpose !== "init" && writes) {
      this.refuse(node, `a property changes ${f.path}`, "Properties only read");
    }
    if (buffer === "P" && writes) this.refuse(node, "the state before the step is changed", "It is read-only");
    if (isRoutine && f.role === "ghost" && !leavesGhostsUnread(operation)) {
      this.refuse(node, `routine code reads ghost ${f.path}`, "Ghosts are for the specification: routines only write them");
    }
    if (isRoutine && f.guard === "model" && operation.marked) {
      const instead = 'A marked access is for memory that threads race for: declare the guard "atomic", or write get and set';
      this.refuse(node, `${name} on ${f.path}, which is guarded "model"`, instead);
    }
    if (f.role !== "statistic") return;
    if (isRoutine && !operation.onStatistics) {
      const instead = "Statistics are outside the state: only .add them; what decides the future is a field of role state";
      this.refuse(node, `routine code uses statistic ${f.path}`, instead);
    }
    if (this.purpose === "always" || this.purpose === "sometimes" || this.purpose === "finally") {
      this.refuse(node, `a state property reads statistic ${f.path}`,
        "Statistics are not part of a state; step properties see the delta of each step");
    }
  }

  /** A string that is known when the program is compiled: written, captured, or a template over such; null for any other. */
  constantString(e: t.Node | null | undefined): string | null {
    if (t.isStringLiteral(e)) return e.value;
    if (t.isTemplateLiteral(e)) {
      let out = e.quasis[0]!.value.cooked ?? "";
      for (let i = 0; i < e.expressions.length; i++) {
        const x = e.expressions[i]!;
        const captured = t.isIdentifier(x) && !isLocalName(x.name) ? this.fn.captured(x.name) : undefined;
        const v: unknown = t.isNumericLiteral(x) ? x.value : captured;
        if (typeof v !== "string" && typeof v !== "number") return null;
        out += String(v) + (e.quasis[i + 1]!.value.cooked ?? "");
      }
      return out;
    }
    if (t.isIdentifier(e) && !isLocalName(e.name)) {
      const v = this.fn.captured(e.name);
      return typeof v === "string" ? v : null;
    }
    return null;
  }

  withPlace<E extends t.Node>(made: E, from: t.Node): E {
    made.loc = from.loc ?? null;
    return made;
  }

  // ----------------------------------------------------------------------------------------- statements

  statement(s: t.Statement): t.Statement {
    switch (s.type) {
      case "TryStatement": return this.refuse(s, "try", "A fault ends the check; an error path of the kernel is an ordinary branch");
      case "WithStatement": case "DebuggerStatement": case "ClassDeclaration": case "TSEnumDeclaration": case "TSModuleDeclaration":
        return this.refuse(s, `${s.type} is not in the subset`, "Use plain functions, numbers and accessors");
      case "FunctionDeclaration":
        if (this.fn.routine) return this.refuse(s, "a function declared inside a routine", "Move it to the top level of the module");
        return this.children(s);
      case "TSTypeAliasDeclaration": case "TSInterfaceDeclaration": return t.emptyStatement();
      case "WhileStatement": case "DoWhileStatement": case "ForStatement": {
        const site = this.site(s);
        const loop = this.children(s);
        // A helper's loop that never ends would hang the search: each round counts against the limit of a step.
        loop.body = t.blockStatement([t.expressionStatement(quasi(`(--$fuel < 0 && $endless(${site}))`)), loop.body]);
        return loop;
      }
      case "ForOfStatement": case "ForInStatement":
        if (t.isForOfStatement(s) && s.await === true) return this.refuse(s, "for await", "Use an index loop");
        return this.children(s);
      default: return this.children(s);
    }
  }
}
