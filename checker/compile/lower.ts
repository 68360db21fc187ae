/**
 * A routine as a step function over its frame.
 *
 * The emitted function `r(b, start, args...)` runs from the saved program counter of the frame at byte `b` (or from
 * the beginning) to the next yield and returns 0 (the guard is false: nothing was changed), 1 (it yielded) or 2 (it
 * ended; its frame is zeroed and `$R` holds its value). Statements without yields stay as they are; those with yields
 * become cases of one switch, as a person would write a state machine:
 *
 *     while (more) { yield at("x"); f(); }   =>   case 1: if (!more) { $L = 3; continue $; }
 *                                                         <save frame, pc = 2>; return 1;
 *                                                 case 2: <load live locals>; f(); $L = 1; continue $;
 *                                                 case 3: ...
 *
 * A program counter value is the case label of its resume point. When a callee waits, the caller's frame says at
 * which call; resuming goes down the frames to the innermost one. The way down changes nothing, so a guard found false
 * leaves the state untouched.
 */
import * as t from "@babel/types";
import { insertBlockCounters } from "./coverage.ts";
import { checkIntrinsicCall } from "./intrinsic-calls.ts";
import { INTRINSICS } from "./intrinsics.ts";
import { clearFrame, planFrame, readPc, readSlot, writeFrame } from "./frame.ts";
import type { FrameLayout, FrameLocal, FramePlan, Point, SlotType } from "../image/image.ts";
import type { LinkedFunction, Linker } from "./link.ts";
import { isLocalName, type Local } from "./locals.ts";
import { expandLockWaits, type LockWait } from "./lock-waits.ts";
import type { Locals } from "./liveness.ts";
import { pruneBranches } from "./prune.ts";
import { copyTree, quasi, verbatim } from "./quasi.ts";
import { recordCallOf, recordLiveness, settleRecordCalls } from "./records.ts";
import { outRegister } from "./record-shape.ts";
import type { Inside, Target } from "./jumps.ts";
import { boolSlot, rangeSlot, slotOf } from "./slot-type.ts";
import { childrenOf, containsYield, withPlace } from "./syntax.ts";
import { Translator } from "./translate.ts";
import { waitOf, type Wait } from "./wait-form.ts";

export interface LoweredRoutine {
  readonly emitted: string;
  readonly name: string;
  readonly frame: FramePlan;
  /** Index 0 is unused: program counter 0 is "not started". */
  readonly points: readonly (Point | null)[];
  readonly callees: readonly string[];
  readonly code: t.FunctionDeclaration;
}

/** `yield* routine(...)`. */
interface RoutineCall { readonly kind: "call"; readonly callee: LinkedFunction; readonly call: t.CallExpression }
type YieldForm = LockWait | Wait | RoutineCall;

export function lowerRoutine(linker: Linker, fn: LinkedFunction): LoweredRoutine {
  return new RoutineLowering(linker, fn).run();
}

class RoutineLowering {
  readonly #tr: Translator;
  readonly #linker: Linker;
  readonly #fn: LinkedFunction;
  readonly #clears: boolean;
  readonly #forms = new Map<t.YieldExpression, YieldForm>();
  readonly #pcOf = new Map<t.YieldExpression, number>();
  readonly #points: (Point | null)[] = [null];
  readonly #callees: string[] = [];
  #live = new Map<t.YieldExpression, Locals>();
  #frame: FramePlan = planFrame([]);
  readonly #blocks: { label: number; body: t.Statement[] }[] = [{ label: 0, body: [] }];
  readonly #targets: Target[] = [];
  #nextLabel = 0;

  constructor(linker: Linker, fn: LinkedFunction) {
    this.#linker = linker;
    this.#fn = fn;
    this.#clears = linker.options.clearDeadLocals && !(linker.options.keepsDeadLocals as ReadonlySet<unknown>).has(fn.value);
    this.#tr = new Translator(linker, fn);
  }

  run(): LoweredRoutine {
    const body = this.#tr.prepared.body;
    if (this.#linker.options.countsIn(this.#fn.module.file)) insertBlockCounters(this.#tr);
    pruneBranches(this.#tr);
    expandLockWaits(this.#tr, body, (y, form) => this.#forms.set(y, form));
    const { atYields, afterCalls } = recordLiveness(this.#tr);
    this.#live = atYields;
    settleRecordCalls(afterCalls);
    this.#findYields(body);
    for (const [y, pc] of this.#pcOf) this.#points[pc] = { ...this.#points[pc]!, live: [...(this.#live.get(y) ?? [])] };
    this.#planFrame();
    this.#nextLabel = this.#points.length;
    this.#block(body.body);
    this.#push(this.#returnStatements(null));
    this.#linker.noteRoutine(this.#fn, this.#tr.reads, this.#callees);
    return {
      emitted: this.#fn.emitted, name: this.#fn.label, frame: this.#frame, points: this.#points, callees: this.#callees,
      code: this.#assemble(),
    };
  }

  // ------------------------------------------------------------------------------------- finding the yields

  #findYields(body: t.BlockStatement): void {
    const visit = (node: t.Node): void => {
      if (t.isFunction(node)) return;
      if (t.isYieldExpression(node)) { this.#addPoint(node); return; }
      if ((t.isForOfStatement(node) || t.isForInStatement(node)) && containsYield(node.body)) {
        this.#tr.refuse(node, `a yield inside ${t.isForOfStatement(node) ? "for...of" : "for...in"}`,
          "The iterator is hidden state: use an index loop `for (let i: Int<0, 3> = 0; i < 3; i++)`");
      }
      if (t.isTryStatement(node) && containsYield(node)) {
        this.#tr.refuse(node, "a yield inside try", "Unwind by ordinary branches, as the kernel does");
      }
      childrenOf(node).forEach(visit);
    };
    visit(body);
  }

  #addPoint(y: t.YieldExpression): void {
    const form = this.#forms.get(y) ?? this.#yieldForm(y);
    this.#forms.set(y, form);
    this.#pcOf.set(y, this.#points.length);
    const site = this.#tr.site(y);
    const point = { site, idle: false, callee: null, lockVariable: null, live: [] };
    if (form.kind === "at") this.#points.push({ ...point, kind: "yield", label: form.label, idle: form.idle });
    else if (form.kind === "lock") {
      const arriving = form.arriveOnly ? ": arrive" : "";
      const label = `${form.label}${form.lockClass === null ? "%" : `(${form.lockClass})`}${arriving}`;
      this.#points.push({ ...point, kind: "lock", label, lockVariable: t.isIdentifier(form.lock) ? form.lock.name : null });
    } else {
      this.#callees.push(form.callee.emitted);
      this.#points.push({ ...point, kind: "call", label: form.callee.label, callee: form.callee.emitted });
    }
  }

  #yieldForm(y: t.YieldExpression): YieldForm {
    const call = y.argument;
    const called = t.isCallExpression(call) ? this.#tr.called(call.callee) : null;
    if (!t.isCallExpression(call) || called === null) {
      return this.#tr.refuse(y, "this yield is neither at(...) nor a call of a routine",
        'Write yield at("label", () => guard) or yield* routine(k, ...)');
    }
    const { value, name } = called;
    const intrinsic = INTRINSICS.get(value);
    if (y.delegate) {
      if (intrinsic?.kind === "lock") return this.#tr.refuse(y, `${name} inside a larger expression`, "Give it a statement of its own");
      if (typeof value !== "function" || intrinsic !== undefined) {
        return this.#tr.refuse(y, `yield* ${name}: that is not a routine`, "yield* takes a routine: function* name(k, ...): Routine");
      }
      const callee = this.#tr.callee(value, call, name);
      if (!callee.routine) return this.#tr.refuse(y, `yield* ${name}: that is not a generator function`, "Call it without yield*");
      return { kind: "call", callee, call };
    }
    if (intrinsic?.kind !== "at") return this.#tr.refuse(y, "this yield is not at(...)", 'Write yield at("label", () => guard)');
    checkIntrinsicCall(this.#tr, call, name, intrinsic);
    return waitOf(this.#tr, y, call);
  }

  // ------------------------------------------------------------------------------------- the frame

  #planFrame(): void {
    const everLive = new Set<string>();
    for (const l of this.#live.values()) for (const x of l) everLive.add(x);
    const locals: readonly FrameLocal[] = [...this.#tr.prepared.locals].filter(([variable]) => everLive.has(variable))
      .map(([variable, local]) => ({ variable, name: local.name, type: this.#slotType(variable, local) }));
    const keptAt = (y: t.YieldExpression): readonly FrameLocal[] =>
      (this.#clears ? locals.filter((l) => this.#live.get(y)?.has(l.variable) === true) : locals);
    this.#frame = planFrame([...this.#pcOf.keys()].map(keptAt));
  }

  #layoutAt(y: t.YieldExpression): FrameLayout {
    return this.#frame.layouts[this.#pcOf.get(y)!]!;
  }

  #slotType(variable: string, local: Local): SlotType {
    const at = local.declaration.loc == null ? this.#fn.node : local.declaration;
    const firstYield = [...this.#live].find(([, l]) => l.has(variable))?.[0];
    const across = firstYield === undefined ? "" : ` (at line ${this.#tr.place(firstYield).line})`;
    if (local.annotation !== null) {
      const slot = slotOf(local.annotation, local.module ?? this.#fn.module, this.#linker.types,
        `local ${local.name} lives across a yield${across}`);
      if (slot !== null) return slot;
    } else if (local.init !== null) {
      const inferred = this.#inferredType(local.init, local.constant);
      if (inferred !== null) return inferred;
    }
    return this.#tr.refuse(at, `local ${local.name} lives across a yield${across} and its width is not known`,
      `Give it a branded type: const ${local.name}: Ref<"table"> (or Int<lo, hi>, U8, boolean, ...)`);
  }

  #inferredType(init: t.Expression, constant: boolean): SlotType | null {
    if (t.isBooleanLiteral(init) || (t.isUnaryExpression(init) && init.operator === "!") ||
      (t.isBinaryExpression(init) && /^([!=]==?|[<>]=?)$/.test(init.operator))) return boolSlot;
    if (!constant) return null;
    if (t.isNumericLiteral(init)) return rangeSlot(init.value, init.value);
    if (t.isYieldExpression(init)) {
      const form = this.#forms.get(init);
      return form?.kind === "call" ? this.#linker.resultSlot(form.callee) : null;
    }
    if (!t.isCallExpression(init)) return null;
    if (t.isMemberExpression(init.callee)) {
      const chain = this.#tr.chain(init.callee);
      if (chain === null || chain.path.length !== 3 || (chain.path[2] !== "get" && chain.path[2] !== "once")) return null;
      const f = this.#tr.field(init, chain.path[0]!, chain.path[1]!);
      return f.kind === "bool" ? boolSlot : f.lockBase >= 0 ? null : rangeSlot(f.min, f.max, f.refersTo);
    }
    if (!t.isIdentifier(init.callee) || isLocalName(init.callee.name)) return null;
    const value = this.#fn.captured(init.callee.name);
    if (typeof value !== "function" || INTRINSICS.has(value)) return null;
    return this.#linker.resultSlot(this.#tr.callee(value, init, init.callee.name));
  }

  #statements(text: string): t.Statement[] {
    return text === "" ? [] : [verbatim(text)];
  }

  #saveFrame(y: t.YieldExpression): t.Statement[] {
    const live = this.#live.get(y) ?? new Set<string>();
    const saved = this.#layoutAt(y).slots.map((slot) => ({ slot, checked: live.has(slot.variable) }));
    return this.#statements(writeFrame(this.#frame, "$b", this.#pcOf.get(y)!, saved, this.#tr.site(y)));
  }

  #loadLocals(y: t.YieldExpression): t.Statement[] {
    return this.#statements(this.#layoutAt(y).slots.map((s) => `${s.variable} = ${readSlot(s, "$b")};`).join(" "));
  }

  // ------------------------------------------------------------------------------------- emitting cases

  #push(statements: readonly t.Statement[]): void {
    this.#blocks.at(-1)!.body.push(...statements);
  }
  #newLabel(): number {
    return this.#nextLabel++;
  }
  #mark(label: number): void {
    this.#blocks.push({ label, body: [] });
  }
  #jump(label: number): t.Statement[] {
    return this.#statements(`$L = ${label};`).concat(t.continueStatement(t.identifier("$")));
  }
  #jumpIf(condition: t.Expression, label: number): t.Statement {
    return t.ifStatement(condition, t.blockStatement(this.#jump(label)));
  }
  #not(e: t.Expression): t.Expression {
    return t.unaryExpression("!", e);
  }

  #returnStatements(value: t.Expression | null): t.Statement[] {
    const set = value === null ? this.#statements("$R = undefined;")
      : [t.expressionStatement(t.assignmentExpression("=", t.identifier("$R"), value))];
    return [...set, ...this.#statements(clearFrame(this.#frame, "$b")), t.returnStatement(t.numericLiteral(2))];
  }

  #block(statements: readonly t.Statement[]): void {
    for (const s of statements) this.#statement(s, []);
  }

  #statement(s: t.Statement, labels: readonly string[]): void {
    if (!containsYield(s)) {
      this.#push(this.#leaf(s, labels));
      return;
    }
    switch (s.type) {
      case "BlockStatement": return this.#yieldingBlock(s, labels);
      case "LabeledStatement": return this.#statement(s.body, [...labels, s.label.name]);
      case "ExpressionStatement": return this.#yieldingExpression(s.expression, null);
      case "VariableDeclaration": return this.#yieldingDeclaration(s);
      case "ReturnStatement":
        this.#yieldingExpression(s.argument!, null);
        return this.#push([...this.#statements(clearFrame(this.#frame, "$b")), t.returnStatement(t.numericLiteral(2))]);
      case "IfStatement": return this.#yieldingIf(s, labels);
      case "WhileStatement": return this.#yieldingWhile(s, labels);
      case "DoWhileStatement": return this.#yieldingDoWhile(s, labels);
      case "ForStatement": return this.#yieldingFor(s, labels);
      case "SwitchStatement": return this.#yieldingSwitch(s, labels);
      default:
        this.#tr.refuse(s, `a yield inside ${s.type}`, "Use if, while, do, for, switch, labels, break, continue and return");
    }
  }

  #yieldingBlock(s: t.BlockStatement, labels: readonly string[]): void {
    if (labels.length === 0) return this.#block(s.body);
    const end = this.#newLabel();
    this.#within({ labels, breakTo: end, continueTo: null, plain: false }, () => this.#block(s.body));
    this.#mark(end);
  }

  #yieldingDeclaration(s: t.VariableDeclaration): void {
    for (const d of s.declarations) {
      if (d.init != null && containsYield(d.init)) this.#yieldingExpression(d.init, t.identifier((d.id as t.Identifier).name));
      else this.#push(this.#leaf(t.variableDeclaration("let", [d]), []));
    }
  }

  #yieldingIf(s: t.IfStatement, labels: readonly string[]): void {
    const end = this.#newLabel();
    const otherwise = s.alternate == null ? end : this.#newLabel();
    const branches = (): void => {
      this.#push([this.#jumpIf(this.#not(this.#condition(s.test)), otherwise)]);
      this.#statement(s.consequent, []);
      if (s.alternate == null) return;
      this.#push(this.#jump(end));
      this.#mark(otherwise);
      this.#statement(s.alternate, []);
    };
    if (labels.length > 0) this.#within({ labels, breakTo: end, continueTo: null, plain: false }, branches);
    else branches();
    this.#mark(end);
  }

  #yieldingWhile(s: t.WhileStatement, labels: readonly string[]): void {
    const [head, end] = [this.#newLabel(), this.#newLabel()];
    this.#mark(head);
    this.#push([this.#jumpIf(this.#not(this.#condition(s.test)), end)]);
    this.#loopBody(s.body, labels, end, head);
    this.#push([...this.#fuel(s), ...this.#jump(head)]);
    this.#mark(end);
  }

  #yieldingDoWhile(s: t.DoWhileStatement, labels: readonly string[]): void {
    const [head, test, end] = [this.#newLabel(), this.#newLabel(), this.#newLabel()];
    this.#mark(head);
    this.#loopBody(s.body, labels, end, test);
    this.#mark(test);
    this.#push([...this.#fuel(s), this.#jumpIf(this.#condition(s.test), head)]);
    this.#mark(end);
  }

  #yieldingFor(s: t.ForStatement, labels: readonly string[]): void {
    const [head, update, end] = [this.#newLabel(), this.#newLabel(), this.#newLabel()];
    if (s.init != null) this.#statement(t.isVariableDeclaration(s.init) ? s.init : withPlace(t.expressionStatement(s.init), s.init), []);
    this.#mark(head);
    if (s.test != null) this.#push([this.#jumpIf(this.#not(this.#condition(s.test)), end)]);
    this.#loopBody(s.body, labels, end, update);
    this.#mark(update);
    if (s.update != null) this.#push(this.#leaf(withPlace(t.expressionStatement(s.update), s.update), []));
    this.#push([...this.#fuel(s), ...this.#jump(head)]);
    this.#mark(end);
  }

  #yieldingSwitch(s: t.SwitchStatement, labels: readonly string[]): void {
    const end = this.#newLabel();
    const caseLabels = s.cases.map(() => this.#newLabel());
    const value = this.#tr.temporary();
    this.#push([t.expressionStatement(t.assignmentExpression("=", value, this.#condition(s.discriminant)))]);
    let fallback = end;
    s.cases.forEach((k, i) => {
      if (k.test == null) fallback = caseLabels[i]!;
      else this.#push([this.#jumpIf(t.binaryExpression("===", t.cloneNode(value), this.#condition(k.test)), caseLabels[i]!)]);
    });
    this.#push(this.#jump(fallback));
    this.#within({ labels, breakTo: end, continueTo: null, plain: true }, () => s.cases.forEach((k, i) => {
      this.#mark(caseLabels[i]!);
      this.#block(k.consequent);
    }));
    this.#mark(end);
  }

  /** Counts a round of a loop against the limit of a step. */
  #fuel(loop: t.Statement): t.Statement[] {
    return this.#statements(`if (--$fuel < 0) $endless(${this.#tr.site(loop)});`);
  }

  #loopBody(body: t.Statement, labels: readonly string[], breakTo: number, continueTo: number): void {
    this.#within({ labels, breakTo, continueTo, plain: true }, () => this.#statement(body, []));
  }

  #within(target: Target, body: () => void): void {
    this.#targets.push(target);
    body();
    this.#targets.pop();
  }

  #condition(e: t.Expression): t.Expression {
    if (containsYield(e)) {
      this.#tr.refuse(e, "a yield inside a condition", "Give it a statement of its own: `const ok: boolean = yield* f(k);`");
    }
    return this.#tr.expression(e);
  }

  #fueled(loop: t.Statement, body: t.Statement): t.Statement {
    return t.blockStatement([...this.#fuel(loop), body]);
  }

  /** A statement without yields; jumps out of it become jumps of the switch. */
  #leaf(s: t.Statement, labels: readonly string[]): t.Statement[] {
    if (t.isVariableDeclaration(s)) {
      const out: t.Statement[] = [];
      for (const d of s.declarations) {
        if (!t.isIdentifier(d.id)) this.#tr.refuse(d, "destructuring is not in the subset", "Declare one name at a time");
        const value = d.init == null ? t.identifier("undefined") : this.#tr.expression(d.init);
        out.push(withPlace(t.expressionStatement(t.assignmentExpression("=", t.identifier((d.id).name), value)), d));
      }
      return out;
    }
    const labelled = labels.reduceRight<t.Statement>((inner, l) => t.labeledStatement(t.identifier(l), inner), s);
    return [this.#rewriteJumps(labelled, { labels: [], plainBreak: false, plainContinue: false })];
  }

  /** A statement without yields, inside of `inside`: jumps out of that become jumps of the switch. */
  #rewriteJumps(s: t.Statement, inside: Inside): t.Statement {
    switch (s.type) {
      case "BlockStatement": return withPlace(t.blockStatement(this.#rewriteList(s.body, inside)), s);
      case "VariableDeclaration": return t.blockStatement(this.#leaf(s, []));
      case "IfStatement": {
        const test = this.#tr.expression(s.test);
        const consequent = this.#rewriteJumps(s.consequent, inside);
        return withPlace(t.ifStatement(test, consequent, s.alternate == null ? null : this.#rewriteJumps(s.alternate, inside)), s);
      }
      case "WhileStatement": return withPlace(t.whileStatement(this.#tr.expression(s.test), this.#countedBody(s, inside)), s);
      case "DoWhileStatement": return withPlace(t.doWhileStatement(this.#tr.expression(s.test), this.#countedBody(s, inside)), s);
      case "ForStatement": return withPlace(this.#rewriteFor(s, inside), s);
      case "ForOfStatement": case "ForInStatement": {
        const left = t.isVariableDeclaration(s.left) ? t.identifier((s.left.declarations[0]!.id as t.Identifier).name) : s.left;
        const body = this.#rewriteJumps(s.body, { ...inside, plainBreak: true, plainContinue: true });
        const right = this.#tr.expression(s.right);
        return withPlace(t.isForOfStatement(s) ? t.forOfStatement(left, right, body) : t.forInStatement(left, right, body), s);
      }
      case "SwitchStatement": {
        const on = this.#tr.expression(s.discriminant);
        const cases = s.cases.map((k) => {
          const test = k.test == null ? null : this.#tr.expression(k.test);
          return t.switchCase(test, this.#rewriteList(k.consequent, { ...inside, plainBreak: true }));
        });
        return withPlace(t.switchStatement(on, cases), s);
      }
      case "LabeledStatement": {
        const body = this.#rewriteJumps(s.body, { ...inside, labels: [...inside.labels, s.label.name] });
        return withPlace(t.labeledStatement(s.label, body), s);
      }
      case "BreakStatement": case "ContinueStatement": return this.#rewriteJump(s, inside);
      case "ReturnStatement":
        return t.blockStatement(this.#returnStatements(s.argument == null ? null : this.#tr.expression(s.argument)));
      default: return this.#tr.statement(s);
    }
  }

  #rewriteList(list: readonly t.Statement[], inside: Inside): t.Statement[] {
    return list.flatMap((x) => (t.isVariableDeclaration(x) ? this.#leaf(x, []) : [this.#rewriteJumps(x, inside)]));
  }

  /** The body of a loop whose rounds are counted. */
  #countedBody(loop: t.WhileStatement | t.DoWhileStatement | t.ForStatement, inside: Inside): t.Statement {
    return this.#fueled(loop, this.#rewriteJumps(loop.body, { ...inside, plainBreak: true, plainContinue: true }));
  }

  /** Locals are declared once for the whole function, so an initialiser becomes assignments. */
  #rewriteFor(s: t.ForStatement, inside: Inside): t.ForStatement {
    const expression = (e: t.Expression): t.Statement[] => [t.expressionStatement(this.#tr.expression(e))];
    const init = s.init == null ? [] : t.isVariableDeclaration(s.init) ? this.#leaf(s.init, []) : expression(s.init);
    const [test, update] = [s.test, s.update].map((e) => (e == null ? null : this.#tr.expression(e)));
    const loop = t.forStatement(null, test, update, this.#countedBody(s, inside));
    loop.init = init.length === 0 ? null : t.sequenceExpression(init.map((x) => (x as t.ExpressionStatement).expression));
    return loop;
  }

  #rewriteJump(s: t.BreakStatement | t.ContinueStatement, inside: Inside): t.Statement {
    const label = s.label?.name ?? null;
    const isBreak = s.type === "BreakStatement";
    if (label === null ? (isBreak ? inside.plainBreak : inside.plainContinue) : inside.labels.includes(label)) return s;
    const goesTo = (x: Target): boolean => (label !== null ? x.labels.includes(label) : isBreak ? x.plain : x.continueTo !== null);
    const target = this.#targets.findLast(goesTo);
    if (target === undefined) return this.#tr.refuse(s, `${s.type} has no target`, "Check the label");
    return t.blockStatement(this.#jump(isBreak ? target.breakTo : target.continueTo!));
  }

  /** `yield ...`, `x = yield* ...`: to `into` when given. */
  #yieldingExpression(e: t.Expression, into: t.Identifier | null): void {
    if (t.isAssignmentExpression(e) && e.operator === "=" && t.isYieldExpression(e.right) && t.isIdentifier(e.left) &&
      isLocalName(e.left.name)) {
      this.#yieldingExpression(e.right, e.left);
      return;
    }
    if (!t.isYieldExpression(e)) {
      this.#tr.refuse(e, "a yield inside a larger expression", "Give it a statement of its own: `const x: T = yield* f(k);`");
    }
    const form = this.#forms.get(e)!;
    const pc = this.#pcOf.get(e)!;
    if (form.kind === "call") return this.#callPoint(e, form, pc, into);
    this.#push([...this.#saveFrame(e), t.returnStatement(t.numericLiteral(1))]);
    this.#mark(pc);
    this.#push(this.#loadLocals(e));
    const point = this.#linker.pointIndex(this.#fn, pc);
    if (form.kind === "at") this.#guard(form, point);
    else this.#takeLock(form, point, this.#tr.site(e));
  }

  /** What a step does first: it does nothing when the guard of its yield is false. */
  #guard(form: Wait, point: number): void {
    if (this.#tr.instrumented) {
      this.#push(this.#statements(`$observer.beginStep($me, ${JSON.stringify(form.label)}${form.instruction ? ", true" : ""});`));
    }
    if (form.guard !== null) {
      const refuse = this.#statements(`${this.#tr.instrumented ? "$observer.guardFailed?.($me); " : ""}return 0;`);
      this.#tr.purpose = "guard";
      const holds = this.#tr.expression(copyTree(form.guard));
      this.#tr.purpose = this.#fn.purpose;
      this.#push([t.ifStatement(this.#not(holds), t.blockStatement(refuse))]);
    }
    this.#push(this.#statements(`$point = ${point};`));
  }

  #takeLock(form: LockWait, point: number, site: number): void {
    const lock = this.#tr.temporary();
    const named = this.#plainly(() => this.#tr.expression(copyTree(form.lock)));
    this.#push([t.expressionStatement(t.assignmentExpression("=", lock, named)), ...this.#statements(`$waitsFor = ${lock.name};`)]);
    if (!form.arriveOnly) this.#push(this.#statements(`if (!$lk.canTake(${lock.name}, "${form.mode}")) return 0;`));
    this.#push(this.#statements(`$point = ${point};`));
    if (this.#tr.instrumented) this.#push(this.#statements("$observer.beginStep($me, $pointLabel());"));
    if (form.arriveOnly) return;
    this.#push(this.#statements(`$lk.take(${lock.name}, "${form.mode}", "${form.lockKind}", "${form.label}", $me, ${site});`));
  }

  #plainly<T>(make: () => T): T {
    const was = this.#tr.instrumented;
    this.#tr.instrumented = false;
    const made = make();
    this.#tr.instrumented = was;
    return made;
  }

  #callPoint(e: t.YieldExpression, form: RoutineCall, pc: number, into: t.Identifier | null): void {
    const base = `$b + ${this.#layoutAt(e).bytes}`;
    const args = this.#tr.argumentsWithoutWorlds(form.call).map((a) => {
      if (t.isNumericLiteral(a) || t.isBooleanLiteral(a)) return a;
      const v = this.#tr.temporary();
      this.#push([t.expressionStatement(t.assignmentExpression("=", v, a))]);
      return t.cloneNode(v);
    });
    const after = this.#newLabel();
    this.#push(this.#saveFrame(e));
    const call = quasi(`$S = $callee(${base}, true)`, { $callee: t.identifier(form.callee.emitted) }) as t.AssignmentExpression;
    (call.right as t.CallExpression).arguments.push(...args);
    this.#push([withPlace(t.expressionStatement(call), e)]);
    this.#push(this.#statements("if ($S !== 2) return $S;"));
    this.#push(this.#jump(after));
    this.#mark(pc);
    this.#push([withPlace(t.expressionStatement(quasi(`$S = $callee(${base}, false)`,
      { $callee: t.identifier(form.callee.emitted) })), e)]);
    this.#push(this.#statements("if ($S !== 2) return $S;"));
    this.#push(this.#loadLocals(e));
    this.#mark(after);
    this.#push(this.#statements(this.#linker.calls.returned(form.callee, this.#fn.emitted, this.#tr.site(e))));
    recordCallOf(form.call)?.outs.forEach((out, n) => {
      const { variable } = recordCallOf(form.call)!.writes.find((w) => w.position === out.position && w.member === out.member)!;
      this.#push([t.expressionStatement(t.assignmentExpression("=", t.identifier(variable), outRegister(n)))]);
    });
    if (into !== null) this.#push([t.expressionStatement(t.assignmentExpression("=", t.identifier(into.name), t.identifier("$R")))]);
  }

  // ------------------------------------------------------------------------------------- the function

  #assemble(): t.FunctionDeclaration {
    const slotOfVariable = new Map(this.#frame.locals.map((l) => [l.variable, l]));
    const worldParams = new Set(this.#tr.worlds.keys());
    const declared = [...this.#tr.prepared.locals.keys()].filter((v) => !worldParams.has(v) && !this.#tr.params.includes(v));
    // Before its first assignment a local reads as the zeroed slot does, so that an unsaved and a saved garbage value agree.
    const initial = declared.map((v) => {
      const s = slotOfVariable.get(v);
      return `${v} = ${s === undefined ? "0" : s.type.boolean ? "false" : String(s.type.min)}`;
    });
    const declarations = ["$L = 0", "$S = 0", "$t = 0", ...initial, ...this.#tr.temporaries.map((x) => `${x} = 0`)].join(", ");
    const cases = this.#blocks.map((b) => t.switchCase(t.numericLiteral(b.label), b.body));
    const machine = t.labeledStatement(t.identifier("$"), t.forStatement(null, null, null, t.switchStatement(t.identifier("$L"), cases)));
    return t.functionDeclaration(t.identifier(this.#fn.emitted),
      [t.identifier("$b"), t.identifier("$start"), ...this.#tr.params.map((p) => t.identifier(p))], t.blockStatement([
      ...this.#statements(`let ${declarations}; if (!$start) $L = ${readPc(this.#frame, "$b")};`),
      machine,
    ]));
  }
}
