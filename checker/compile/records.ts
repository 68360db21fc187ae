/**
 * Records, taken apart: every member becomes a local of its own, so that later stages never see a record.
 *
 * Natively a record is an object, and a callee that is handed one writes to the caller's object. Here its members are
 * handed over as further arguments, and those that the callee may write are handed back through registers of the
 * program (`$$0_$out0`, ...), which the caller reads before anything else runs. This gives the same because a record has one
 * name in each function, and is handed over only to a function that runs while its caller waits for it: at each moment only
 * the innermost function that knows the record can touch it, and this one has the current members. So everything
 * that would give a record a second way in is refused: another variable, a place in an object, a second argument of the same
 * call, a closure (a guard may read, since it runs while its routine rests). A record that is returned is a fresh one or a
 * local one, whose name ends there; its members are handed back like the others.
 *
 * Which members are handed over: those that are live where the callee begins. Which are handed back by a routine:
 * those that it may write and that are live in the caller behind the call, so a routine is compiled once for each such set. A
 * member is then in the frame of the innermost routine that may still change it, and nowhere when nobody will read it. A plain
 * function has no frame: it hands back all that it may write.
 */
import * as t from "@babel/types";
import { INTRINSICS } from "./intrinsics.ts";
import type { LinkedFunction, Linker, Role } from "./link.ts";
import { liveness, type Locals } from "./liveness.ts";
import type { PreparedFunction } from "./locals.ts";
import type { FunctionNode } from "./source-module.ts";
import { RESULT, outRegister, targetsOf, type RecordMaker, type RecordOut, type RecordShape } from "./record-shape.ts";
import { containsYield, mapChildren, withPlace, withoutTypes } from "./syntax.ts";

/** What the pass needs of a translator. */
export interface RecordHost {
  readonly linker: Linker;
  readonly fn: LinkedFunction;
  readonly prepared: PreparedFunction;
  readonly worlds: ReadonlyMap<string, "" | "P">;
  readonly purpose: Role["purpose"];
  readonly temporaries: string[];
  refuse(node: t.Node, problem: string, instead: string): never;
  worldArguments(call: t.CallExpression): Role["worlds"];
  checkArity(name: string, callee: Pick<FunctionNode, "params">, call: t.CallExpression): void;
  /** A translator of another function. */
  another(fn: LinkedFunction): RecordHost;
}

/** A call with records among its arguments, or with a record as its result. */
export interface RecordCall {
  readonly worlds: Role["worlds"];
  readonly records: NonNullable<Role["records"]>;
  outs: readonly RecordOut[];
  /** What may be handed back, and the caller's variable for it. */
  readonly writes: readonly (RecordOut & { readonly variable: string })[];
  /** The caller's variables that the call reads, when of `writes` only the variables in `wanted` are handed back. */
  readonly reads: (wanted: Locals) => readonly string[];
}

/** What the pass found out about a call; null for a call without records. */
export function recordCallOf(call: t.Node | null | undefined): RecordCall | null {
  return (call?.extra?.["record"] as RecordCall | undefined) ?? null;
}

/** Whether the pass inserted the statement, which therefore is no place in the source. */
export function isInserted(s: t.Statement): boolean {
  return s.extra?.["inserted"] === true;
}

/** The liveness of a function without its records: what `liveness` needs to know of the calls. */
export function recordLiveness(tr: RecordHost): ReturnType<typeof liveness> {
  return liveness(tr.prepared.body, (name) => tr.prepared.locals.has(name) && !tr.worlds.has(name), (y) => recordCallOf(y.argument));
}

/** Fixes what each record call of a routine hands back and over, now that it is known what is live behind it. */
export function settleRecordCalls(after: ReadonlyMap<t.YieldExpression, Locals>): void {
  for (const [y, live] of after) {
    const call = recordCallOf(y.argument);
    if (call === null) continue;
    call.outs = call.writes.filter((w) => live.has(w.variable));
    (y.argument as t.CallExpression).arguments.push(...call.reads(live).map((v) => t.identifier(v)));
  }
}

/** Takes the records of a function apart. Returns the parameters without them: the members follow the plain values. */
export function flattenRecords(tr: RecordHost): readonly string[] {
  return new Flattening(tr).run();
}

/** Per program: which members each function is handed. */
const entries = new WeakMap<Linker, Map<LinkedFunction, readonly RecordOut[]>>();
const flattening = new WeakSet<LinkedFunction>();

function entriesOf(linker: Linker): Map<LinkedFunction, readonly RecordOut[]> {
  const known = entries.get(linker) ?? new Map<LinkedFunction, readonly RecordOut[]>();
  entries.set(linker, known);
  return known;
}

/** The members that `fn` is handed, in the order of its parameters. */
function handedTo(linker: Linker, fn: LinkedFunction, make: (fn: LinkedFunction) => unknown): readonly RecordOut[] {
  if (fn.records.every((r) => r === null)) return [];
  const known = entriesOf(linker);
  if (!known.has(fn)) {
    // A function that calls itself is handed all that it touches.
    if (flattening.has(fn)) {
      const touched = (r: RecordShape, position: number): RecordOut[] =>
        membersOf(r, linker.shapes.use(fn.value, position).touches, position);
      known.set(fn, fn.records.flatMap((r, position) => (r === null ? [] : touched(r, position))));
    }
    else make(fn);
  }
  return known.get(fn) ?? [];
}

const membersOf = (shape: RecordShape, wanted: ReadonlySet<string>, position: number): RecordOut[] =>
  [...shape.members.keys()].filter((m) => wanted.has(m)).map((member) => ({ position, member }));

/** A record among the arguments of a call. */
interface Passed { readonly position: number; readonly record: string }

interface RecordVariable { readonly name: string; readonly shape: RecordShape; readonly parameter: boolean }

/** Where the visitor is. */
interface At {
  readonly parent: t.Node;
  readonly key: string;
  readonly guard: boolean;
  readonly closure: boolean;
  /** The call is what a declaration starts its record with. */
  readonly named: boolean;
}

class Flattening {
  readonly #tr: RecordHost;
  readonly #fn: LinkedFunction;
  readonly #records = new Map<string, RecordVariable>();
  readonly #makers = new Map<t.VariableDeclarator, RecordMaker>();
  readonly #returns: RecordShape | null;
  #hidden = 0;

  constructor(tr: RecordHost) {
    this.#tr = tr;
    this.#fn = tr.fn;
    this.#returns = tr.linker.shapes.resultOf(tr.fn.value);
  }

  run(): readonly string[] {
    const { prepared, worlds } = this.#tr;
    const plain = prepared.params.filter((p, i) => !worlds.has(p) && (this.#fn.records[i] ?? null) === null);
    this.#find();
    if (this.#records.size === 0 && this.#returns === null && !this.#callsForRecords()) return plain;
    flattening.add(this.#fn);
    try {
      this.#declareMembers();
      const at: At = { parent: prepared.body, key: "body", guard: false, closure: false, named: false };
      mapChildren(prepared.body, (child, key) => this.#visit(child, { ...at, key }));
      this.#handBackAtTheEnd();
      return [...plain, ...this.#handed().map((h) => this.#variable(h))];
    } finally {
      flattening.delete(this.#fn);
    }
  }

  #refuse(node: t.Node, problem: string, instead: string): never {
    return this.#tr.refuse(node, problem, instead);
  }

  #variable(out: RecordOut): string {
    return memberVariable(this.#tr.prepared.params[out.position]!, out.member);
  }

  #temporary(): t.Identifier {
    const name = `$$0_$record${this.#hidden++}`;
    this.#tr.temporaries.push(name);
    return t.identifier(name);
  }

  // ------------------------------------------------------------------------------------- finding the records

  #find(): void {
    const { prepared, linker } = this.#tr;
    this.#fn.records.forEach((shape, i) => {
      const name = prepared.params[i];
      if (shape !== null && name !== undefined) this.#records.set(name, { name: prepared.locals.get(name)!.name, shape, parameter: true });
    });
    for (const [name, local] of prepared.locals) {
      const d = local.declaration;
      if (!t.isVariableDeclarator(d) || d.init == null) continue;
      const maker = linker.shapes.maker(this.#fn, d.init);
      if (maker === null) continue;
      const { annotation } = local;
      const shape = maker.kind === "call" ? maker.shape : linker.shapes.freshShape(this.#fn, maker.call, annotation);
      if (maker.kind === "call" && annotation !== null && linker.shapes.shapeOf(annotation, this.#fn.module) !== shape) {
        this.#refuse(d, `${local.name} is declared as another type than the record that it receives (${shape.name})`,
          `Write ${shape.name}`);
      }
      this.#makers.set(d, maker);
      this.#records.set(name, { name: local.name, shape, parameter: false });
    }
  }

  /** Whether a record is made where nobody may keep it: that is refused, so the function must be looked at. */
  #callsForRecords(): boolean {
    let found = false;
    t.traverseFast(this.#tr.prepared.body, (node) => {
      if (found || !t.isCallExpression(node)) return;
      const value = this.#tr.linker.shapes.calledValue(this.#fn, node.callee);
      found = typeof value === "function" && (INTRINSICS.get(value)?.kind === "record" || this.#tr.linker.shapes.resultOf(value) !== null);
    });
    return found;
  }

  #declareMembers(): void {
    const { locals } = this.#tr.prepared;
    for (const [variable, { name, shape }] of this.#records) {
      const { declaration } = locals.get(variable)!;
      locals.delete(variable);
      for (const [member, { type, module }] of shape.members) {
        locals.set(memberVariable(variable, member),
          { name: `${name}.${member}`, annotation: type, module, init: null, constant: false, declaration });
      }
    }
  }

  // ------------------------------------------------------------------------------------- the walk

  #visit(node: t.Node, at: At): t.Node {
    const inside = (child: t.Node, key: string): t.Node => this.#visit(child, { ...at, parent: node, key, named: false });
    if (t.isIdentifier(node)) return this.#records.has(node.name) ? this.#refuseUse(node, at) : node;
    if (t.isMemberExpression(node) && t.isIdentifier(node.object) && this.#records.has(node.object.name)) {
      return this.#member(node, node.object, at);
    }
    if (t.isVariableDeclaration(node)) return this.#declaration(node, at);
    if (t.isReturnStatement(node) && !at.closure && !at.guard) return this.#return(node, at);
    if (t.isYieldExpression(node) && node.delegate && t.isCallExpression(node.argument)) return this.#call(node.argument, at, node);
    if (t.isCallExpression(node)) return this.#call(node, at, null);
    if (t.isUnaryExpression(node) && node.operator === "delete" && this.#isMember(node.argument)) {
      this.#refuse(node, "a member of a record is deleted", "Give it a value that says that there is nothing, such as NONE");
    }
    for (const target of targetsOf(node)) {
      if (at.guard && this.#isMember(target)) this.#refuseInGuard(target);
    }
    if (t.isFunction(node)) {
      const closure = { ...at, parent: node, closure: true, named: false };
      return mapChildren(node, (child, key) => this.#visit(child, { ...closure, key }));
    }
    return mapChildren(node, inside);
  }

  #isMember(node: t.Node): boolean {
    return t.isMemberExpression(node) && t.isIdentifier(node.object) && this.#records.has(node.object.name);
  }

  #member(node: t.MemberExpression, object: t.Identifier, at: At): t.Expression {
    const { name, shape } = this.#records.get(object.name)!;
    if (at.closure) this.#refuseCapture(node, name);
    if (node.computed || !t.isIdentifier(node.property)) this.#refuse(node, `a computed member of record ${name}`, "Name the member");
    const member = node.property.name;
    if (!shape.members.has(member)) {
      this.#refuse(node, `record ${name} has no member ${member}`, `It has ${[...shape.members.keys()].join(", ")}`);
    }
    return withPlace(t.identifier(memberVariable(object.name, member)), node);
  }

  #refuseCapture(node: t.Node, name: string): never {
    this.#refuse(node, `record ${name} is captured by a closure`, "Pass what it needs as an argument, or write a loop");
  }

  #refuseInGuard(node: t.Node): never {
    this.#refuse(node, "a guard changes a record", "A guard that does not hold must leave no trace: change it in the step that follows");
  }

  /** A record by its bare name, other than as an argument: why not, and what to write instead. */
  #refuseUse(node: t.Identifier, { parent, key, closure }: At): never {
    const { name } = this.#records.get(node.name)!;
    const alias = "Two names for one record cannot be told apart from two records: pass it as an argument, or copy the members that are"
      + " needed";
    if (closure) this.#refuseCapture(node, name);
    if (t.isVariableDeclarator(parent)) this.#refuse(node, `record ${name} gets a second name`, alias);
    if (t.isAssignmentExpression(parent)) {
      if (key === "left") this.#refuse(node, `record ${name} is assigned as a whole`, "Assign its members, or declare another record");
      this.#refuse(node, `record ${name} is stored`, alias);
    }
    if (t.isSpreadElement(parent)) this.#refuse(node, `record ${name} is spread`, "Name its members one by one");
    if (t.isBinaryExpression(parent)) this.#refuse(node, `record ${name} is compared`, "Compare its members");
    this.#refuse(node, `record ${name} is used as a value`,
      "Read or write its members, or pass it as an argument to a function of your own modules");
  }

  // ------------------------------------------------------------------------------------- making records

  #declaration(node: t.VariableDeclaration, at: At): t.Node {
    const out: t.VariableDeclarator[] = [];
    for (const d of node.declarations) {
      const maker = this.#makers.get(d);
      const inside = { ...at, parent: d, key: "init" };
      if (maker === undefined) {
        if (d.init != null) d.init = this.#visit(d.init, { ...inside, named: false }) as t.Expression;
        out.push(d);
        continue;
      }
      const variable = (d.id as t.Identifier).name;
      if (at.closure) {
        this.#refuse(d, `record ${this.#records.get(variable)!.name} is made in a closure`, "Move the code into a function of its own");
      }
      out.push(...(maker.kind === "fresh" ? this.#fresh(d, variable, maker, inside) : this.#received(d, variable, maker, inside)));
      node.kind = "let";
    }
    node.declarations = out;
    return node;
  }

  #fresh(d: t.VariableDeclarator, variable: string, maker: RecordMaker & { kind: "fresh" }, at: At): t.VariableDeclarator[] {
    const { shape } = this.#records.get(variable)!;
    return this.#membersOf(maker, shape).map(([member, value]) =>
      withPlace(t.variableDeclarator(t.identifier(memberVariable(variable, member)),
        this.#visit(value, { ...at, named: false }) as t.Expression), d));
  }

  /** The values of `record({...})` in the order in which they are written: one for each member. */
  #membersOf(maker: RecordMaker & { kind: "fresh" }, shape: RecordShape): [member: string, value: t.Expression][] {
    const how = `Write record({ ${[...shape.members.keys()].join(", ")} }) with a value for each`;
    const literal = withoutTypes(maker.members);
    if (!t.isObjectExpression(literal)) return this.#refuse(maker.call, "a record that is not made of an object literal", how);
    const values = new Map<string, t.Expression>();
    for (const p of literal.properties) {
      if (!t.isObjectProperty(p) || p.computed || !t.isIdentifier(p.key) || !t.isExpression(p.value)) {
        return this.#refuse(p, "a record is made of named members only", how);
      }
      if (!shape.members.has(p.key.name)) {
        return this.#refuse(p, `${shape.name} has no member ${p.key.name}`, `It has ${[...shape.members.keys()].join(", ")}`);
      }
      if (values.has(p.key.name)) return this.#refuse(p, `member ${p.key.name} is given twice`, how);
      values.set(p.key.name, p.value);
    }
    const missing = [...shape.members.keys()].filter((m) => !values.has(m));
    if (missing.length > 0) return this.#refuse(literal, `${shape.name} lacks ${missing.join(", ")}`, how);
    return [...values];
  }

  /** `const vmf = make(k)`: the members come out of the registers, the first together with the call. */
  #received(d: t.VariableDeclarator, variable: string, maker: RecordMaker, at: At): t.VariableDeclarator[] {
    const init = withoutTypes(d.init!);
    const members = [...this.#records.get(variable)!.shape.members.keys()];
    const declare = (member: string, value: t.Expression): t.VariableDeclarator =>
      withPlace(t.variableDeclarator(t.identifier(memberVariable(variable, member)), value), d);
    const call = this.#visit(init, { ...at, named: true }) as t.Expression;
    // What a routine is to hand back is known later, so the call itself receives it.
    if (t.isYieldExpression(call) && !this.#fn.straight) return [withPlace(t.variableDeclarator(this.#temporary(), call), d)];
    const { outs } = recordCallOf(maker.call)!;
    const registers = members.map((m) => outRegister(outs.findIndex((o) => o.position === RESULT && o.member === m)));
    const first = copyingOut(t.sequenceExpression([call, registers[0]!]));
    return members.map((m, i) => declare(m, i === 0 ? first : registers[i]!));
  }

  // ------------------------------------------------------------------------------------- calls

  #call(call: t.CallExpression, at: At, yielded: t.YieldExpression | null): t.Expression {
    const whole = yielded ?? call;
    const value = this.#tr.linker.shapes.calledValue(this.#fn, call.callee);
    const kind = INTRINSICS.get(value)?.kind;
    if (kind === "record") return this.#refuse(call, "this record gets no name", "Declare it first: const vmf: Fault = record({ ... })");
    const passed = kind === undefined ? this.#passed(call) : [];
    const result = kind === undefined && typeof value === "function" ? this.#tr.linker.shapes.resultOf(value) : null;
    if (passed.length === 0 && result === null) {
      const guarding = kind === "at";
      const inside = { ...at, parent: call, named: false };
      mapChildren(call, (child, key) => (guarding && t.isFunction(child)
        ? mapChildren(child, (c, k) => this.#visit(c, { ...inside, parent: child, key: k, guard: true }))
        : this.#visit(child, { ...inside, key })));
      return whole;
    }
    if (result !== null && !at.named) {
      return this.#refuse(call, `the record that ${this.#textOf(call.callee)} returns gets no name`,
        "Declare it first: const vmf: Fault = ...");
    }
    return this.#recordCall({ call, value, passed, result, at, yielded });
  }

  #textOf(node: t.Node): string {
    return this.#fn.module.textOf(node);
  }

  /** Which arguments are records. */
  #passed(call: t.CallExpression): Passed[] {
    return call.arguments.flatMap((a, position) => (t.isIdentifier(a) && this.#records.has(a.name) ? [{ position, record: a.name }] : []));
  }

  /** Refuses what would let two names reach one record, or a record escape. */
  #checkPassed(call: t.CallExpression, value: unknown, passed: readonly Passed[], at: At): void {
    for (const [i, p] of passed.entries()) {
      const { name } = this.#records.get(p.record)!;
      if (at.closure) this.#refuseCapture(call.arguments[p.position]!, name);
      if (this.#tr.linker.shapes.sourceOf(value) === null) {
        const to = this.#textOf(call.callee);
        this.#refuse(call, `record ${name} is handed to ${to}, which is no function of a module of your own`, "Pass its members");
      }
      if (passed.findIndex((q) => q.record === p.record) !== i) {
        this.#refuse(call, `record ${name} is passed twice to one call`, "Pass it once: the callee could not tell its two names apart");
      }
    }
  }

  /** Arguments that are left out are written down, since members follow the arguments. */
  #checkArity(call: t.CallExpression, value: unknown): void {
    const { node } = this.#tr.linker.shapes.sourceOf(value)!;
    this.#tr.checkArity(this.#textOf(call.callee), node, call);
    while (call.arguments.length < node.params.length) call.arguments.push(t.identifier("undefined"));
  }

  /** What the call may hand back. */
  #writes(value: unknown, passed: readonly Passed[], result: RecordShape | null, at: At): RecordCall["writes"] {
    const { shapes } = this.#tr.linker;
    const written = passed.flatMap(({ position, record }) => {
      const members = membersOf(this.#records.get(record)!.shape, shapes.use(value, position).writes, position);
      return members.map((o) => ({ ...o, variable: memberVariable(record, o.member) }));
    });
    if (result === null) return written;
    const { name } = (at.parent as t.VariableDeclarator).id as t.Identifier;
    const received = [...result.members.keys()].map((member) => ({ position: RESULT, member, variable: memberVariable(name, member) }));
    return [...written, ...received];
  }

  #recordCall(c: { readonly call: t.CallExpression; readonly value: unknown; readonly passed: readonly Passed[];
    readonly result: RecordShape | null; readonly at: At; readonly yielded: t.YieldExpression | null }): t.Expression {
    const { call, value, passed, at, yielded } = c;
    const { linker } = this.#tr;
    this.#checkPassed(call, value, passed, at);
    this.#checkArity(call, value);
    const worlds = this.#tr.worldArguments(call);
    const recordOf = new Map(passed.map((p) => [p.position, p.record]));
    const records = call.arguments.map((_, i) => this.#records.get(recordOf.get(i) ?? "")?.shape ?? null);
    const writes = this.#writes(value, passed, c.result, at);
    if (at.guard && writes.length > 0) this.#refuseInGuard(call);
    const plain = call.arguments.filter((_, i) => !recordOf.has(i));
    call.arguments = plain.map((a) => this.#visit(a, { ...at, parent: call, key: "arguments", named: false }) as t.Expression);
    const role = { purpose: at.guard ? "guard" as const : this.#tr.purpose, worlds, straight: this.#fn.straight, records };
    const name = this.#textOf(call.callee);
    const info: RecordCall = {
      worlds, records, writes, outs: writes,
      reads: (wanted) => {
        const callee = linker.describe(value, name, { ...role, outs: writes.filter((w) => wanted.has(w.variable)) }, () =>
          this.#refuse(call, `${name} was not loaded through thpcheck`, "Declare it at the top level of a module of your own"));
        return handedTo(linker, callee, (fn) => this.#tr.another(fn)).map((h) => memberVariable(recordOf.get(h.position)!, h.member));
      },
    };
    call.extra = { ...call.extra, record: info };
    if (yielded !== null && !this.#fn.straight) return yielded;
    return this.#handedBack(call, info, yielded);
  }

  /** A call that hands back all that it may write, at once: `(kept = f(...), member = register, ..., kept)`. */
  #handedBack(call: t.CallExpression, info: RecordCall, yielded: t.YieldExpression | null): t.Expression {
    const { writes } = info;
    call.arguments.push(...info.reads(new Set(writes.map((w) => w.variable))).map((v) => t.identifier(v)));
    const assign = (variable: string, n: number): t.Expression => t.assignmentExpression("=", t.identifier(variable), outRegister(n));
    const back = writes.flatMap((w, i) => (w.position === RESULT ? [] : [assign(w.variable, i)]));
    if (back.length === 0) return yielded ?? call;
    const kept = this.#temporary();
    const keep = t.assignmentExpression("=", kept, yielded ?? call);
    return copyingOut(withPlace(t.sequenceExpression([keep, ...back, t.cloneNode(kept)]), call));
  }

  // ------------------------------------------------------------------------------------- being called

  #handed(): readonly RecordOut[] {
    const known = entriesOf(this.#tr.linker);
    if (!known.has(this.#fn)) {
      const { entry } = recordLiveness(this.#tr);
      known.set(this.#fn, this.#fn.records.flatMap((shape, position) => (shape === null || position >= this.#tr.prepared.params.length ? []
        : [...shape.members.keys()].map((member) => ({ position, member })).filter((h) => entry.has(this.#variable(h))))));
    }
    const handed = known.get(this.#fn)!;
    // A plain function declares by itself what it is not handed.
    if (!this.#fn.routine || this.#fn.straight) {
      const names = new Set(handed.map((h) => this.#variable(h)));
      this.#fn.records.forEach((shape, position) => {
        for (const member of shape?.members.keys() ?? []) {
          const variable = position < this.#tr.prepared.params.length ? this.#variable({ position, member }) : null;
          if (variable !== null && !names.has(variable)) this.#tr.temporaries.push(variable);
        }
      });
    }
    return handed;
  }

  #return(s: t.ReturnStatement, at: At): t.Statement {
    const inside = { ...at, parent: s, key: "argument", named: false };
    const e = s.argument == null ? null : withoutTypes(s.argument);
    const before: t.Expression[] = [];
    const result = this.#returned(s, e, before, inside);
    if (result === null && this.#fn.outs.length === 0) {
      if (e !== null) s.argument = this.#visit(s.argument!, inside) as t.Expression;
      return s;
    }
    const sets = this.#handBack(result, s);
    if (result !== null) {
      s.argument = sequence([...before, ...sets, t.identifier("undefined")]);
      return s;
    }
    const value = e === null ? t.identifier("undefined") : this.#visit(s.argument!, inside) as t.Expression;
    const kept = this.#temporary();
    const keep = t.assignmentExpression("=", kept, value);
    const leave = sequence([...sets, t.cloneNode(kept)]);
    if (!containsYield(value) || this.#fn.straight) {
      s.argument = sequence([keep, leave]);
      return s;
    }
    return withPlace(t.blockStatement([withPlace(t.expressionStatement(keep), s), withPlace(t.returnStatement(leave), s)]), s);
  }

  /** The record that a return gives, by its members; null when it gives something else. Evaluates a fresh one into `before`. */
  #returned(s: t.ReturnStatement, e: t.Expression | null, before: t.Expression[], at: At): ReadonlyMap<string, t.Expression> | null {
    const { shapes } = this.#tr.linker;
    const mixed = (): never => this.#refuse(s, "this function returns now a record, now something else, or records of two types",
      "Let every return give a record of one type");
    const local = t.isIdentifier(e) ? this.#records.get(e.name) : undefined;
    if (local !== undefined && t.isIdentifier(e)) {
      if (local.parameter) {
        this.#refuse(s, `record ${local.name} is returned, and its caller has it already`,
          "Return nothing: the caller sees what was written to it");
      }
      if (local.shape !== this.#returns) return mixed();
      return new Map([...local.shape.members.keys()].map((m) => [m, t.identifier(memberVariable(e.name, m))]));
    }
    const maker = e === null ? null : shapes.maker(this.#fn, e);
    if (maker?.kind === "call") {
      this.#refuse(s, "a record is returned that came from another function", "Declare it first, and return its name");
    }
    if (maker === null) return this.#returns === null ? null : mixed();
    const members = this.#membersOf(maker, this.#returns!);
    return new Map(members.map(([member, value]) => {
      const kept = this.#temporary();
      before.push(t.assignmentExpression("=", kept, this.#visit(value, at) as t.Expression));
      return [member, t.cloneNode(kept)];
    }));
  }

  /** The assignments to the registers. */
  #handBack(result: ReadonlyMap<string, t.Expression> | null, from: t.Node): t.Expression[] {
    this.#tr.linker.noteRegisters(this.#fn.outs.length);
    return this.#fn.outs.map((out, i) => {
      const value = out.position === RESULT ? result!.get(out.member)! : t.identifier(this.#variable(out));
      return withPlace(t.assignmentExpression("=", outRegister(i), value), from);
    });
  }

  #handBackAtTheEnd(): void {
    const { body } = this.#tr.prepared;
    if (this.#fn.outs.length === 0 || this.#returns !== null || t.isReturnStatement(body.body.at(-1))) return;
    const leave = t.expressionStatement(sequence(this.#handBack(null, body)));
    leave.extra = { inserted: true };
    body.body.push(leave);
  }
}

/** The local that stands for a member. Unique names hold a number, so no other local is named alike. */
function memberVariable(record: string, member: string): string {
  return `${record}$${member}`;
}

/** Marks a sequence whose assignments replace members for certain: `liveness` relies on it. */
function copyingOut(e: t.Expression): t.Expression {
  e.extra = { ...e.extra, copiesOut: true };
  return e;
}

const sequence = (list: t.Expression[]): t.Expression => (list.length === 1 ? list[0]! : t.sequenceExpression(list));
