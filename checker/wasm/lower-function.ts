/**
 * One function of an emitted program as instructions of WebAssembly. Numbers are 64-bit integers throughout: no sum of what
 * a field can hold leaves them, and where a product or a sum could leave the integers that JavaScript has, the step traps.
 * A fault traps as well: the JavaScript program repeats that one step, and words the message.
 */
import * as t from "@babel/types";
import type { LayoutPlan } from "../program/layout.ts";
import { Arithmetic } from "./arithmetic.ts";
import { boundsOf, isIndex, rangeTest, type Known, type RangeTest } from "./bounds.ts";
import { OP, OP32, signed, unsigned, type WasmFunction } from "./encode.ts";
import { BOOLEAN, NULL as NULL_KIND, NUMBER, OTHER, UNDEFINED, type Kinds } from "./kinds.ts";
import type { ViewPlace } from "./memory.ts";
import { NotLowered } from "./not-lowered.ts";

/** What functions have in common. */
export interface Lowering {
  readonly plan: LayoutPlan;
  readonly kinds: Kinds;
  /** Index and number of parameters, by name. */
  readonly functions: ReadonlyMap<string, { readonly index: number; readonly params: number }>;
  /** The same of functions over 32-bit words. */
  readonly words: ReadonlyMap<string, { readonly index: number; readonly params: number }>;
  readonly globals: readonly string[];
  /** Constants of the program: where the statistics of each width begin. */
  readonly constants: ReadonlyMap<string, number>;
  /** Where the views of the state begin, and how large they are. */
  readonly places: Readonly<Record<string, ViewPlace>>;
}

/** A block that is open: where `break` and `continue` of a statement go. */
interface Open { readonly breaks: readonly (string | null)[]; readonly continues: readonly (string | null)[] }

const PLAIN: Open = { breaks: [], continues: [] };
/** Functions of the prelude that end in a fault. */
export const FAULTS: ReadonlySet<string> = new Set(["$slotFit", "$oob", "$noMember", "$queueFault", "$endless", "$fault"]);
const COMPARE: Readonly<Record<string, keyof typeof OP>> = { "===": "eq", "!==": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };
const ZERO: readonly number[] = [OP.i64Const, 0];
/** What stands for `undefined`: no number that a step can hold. */
const NOTHING: readonly number[] = [OP.i64Const, ...signed(2n ** 62n)];
/** And for `null`. */
const NULL: readonly number[] = [OP.i64Const, ...signed(2n ** 62n + 1n)];

export class FunctionLowering extends Arithmetic<Open> {
  readonly #of: Lowering;
  readonly #fn: t.FunctionDeclaration;
  readonly #name: string;
  protected readonly known: Known;

  constructor(lowering: Lowering, fn: t.FunctionDeclaration) {
    super();
    this.#of = lowering;
    this.#fn = fn;
    this.#name = fn.id!.name;
    this.known = { places: lowering.places, traps: (n) => this.#isFault(n) };
  }

  /** Whether it is a call that ends in a fault: of a value that does not fit a field which does not wrap round, for one. */
  #isFault(n: t.Node): boolean {
    if (!t.isCallExpression(n) || !t.isIdentifier(n.callee)) return false;
    const [, field] = n.arguments;
    const isMisfit = n.callee.name === "$fit" && t.isNumericLiteral(field) && this.#of.plan.fields[field.value]?.wrapping === false;
    return isMisfit || FAULTS.has(n.callee.name);
  }

  /** Throws NotLowered. */
  lowered(): WasmFunction {
    for (const p of this.#fn.params) {
      if (!t.isIdentifier(p)) throw new NotLowered(p, "this parameter is not lowered");
      this.local(p.name);
    }
    this.#statement(this.#fn.body);
    this.put(...NOTHING);
    const count = this.#fn.params.length;
    const [params, locals] = [count, this.locals.size - count].map((n) => Array.from({ length: n }, () => OP.i64));
    return { name: this.#name, params: params!, result: OP.i64, locals: locals!, code: this.code };
  }

  #jump(which: "breaks" | "continues", label: string | null, node: t.Node): void {
    const at = this.open.findLastIndex((o) => o[which].includes(label));
    if (at < 0) throw new NotLowered(node, "this jump is not lowered");
    this.put(OP.br, ...unsigned(this.open.length - 1 - at));
  }

  // ------------------------------------------------------------------------------------- statements

  #statement(n: t.Statement, label: string | null = null): void {
    switch (n.type) {
      case "EmptyStatement": return;
      case "BlockStatement": for (const s of n.body) this.#statement(s); return;
      case "ExpressionStatement": this.#effect(n.expression); return;
      case "VariableDeclaration": for (const d of n.declarations) this.#declare(d); return;
      case "ReturnStatement": return this.#return(n);
      case "IfStatement": return this.#if(n);
      case "LabeledStatement": return this.#statement(n.body, n.label.name);
      case "ForStatement": return this.#for(n, label);
      case "DoWhileStatement": return this.#do(n, label);
      case "WhileStatement": return this.#for(t.forStatement(null, n.test, null, n.body), label);
      case "SwitchStatement": return this.#switch(n);
      case "BreakStatement": return this.#jump("breaks", n.label?.name ?? null, n);
      case "ContinueStatement": return this.#jump("continues", n.label?.name ?? null, n);
      // What is thrown traps, whoever would have caught it: the JavaScript program repeats the step.
      case "TryStatement": return this.#statement(n.block);
      case "ThrowStatement": return this.put(OP.unreachable);
      default: throw new NotLowered(n, `${n.type} is not lowered`);
    }
  }

  #declare({ id, init }: t.VariableDeclarator): void {
    if (!t.isIdentifier(id)) throw new NotLowered(id, "this pattern is not lowered");
    const index = this.local(id.name);
    if (init == null) this.put(...NOTHING);
    else this.#value(init);
    this.put(OP.localSet, ...unsigned(index));
  }

  /** An object that a promise returns is what it found: not `true`. What it is made of, the JavaScript program says. */
  #return({ argument }: t.ReturnStatement): void {
    if (argument == null) this.put(...NOTHING);
    else if (t.isObjectExpression(argument)) this.put(...ZERO);
    else this.#value(argument);
    this.put(OP.return);
  }

  #if(n: t.IfStatement): void {
    this.#condition(n.test);
    this.put(OP.if, OP.empty);
    this.open.push(PLAIN);
    this.#statement(n.consequent);
    if (n.alternate != null) {
      this.put(OP.else);
      this.#statement(n.alternate);
    }
    this.open.pop();
    this.put(OP.end);
  }

  #for(n: t.ForStatement, label: string | null): void {
    if (t.isVariableDeclaration(n.init)) this.#statement(n.init);
    else if (n.init != null) this.#effect(n.init);
    const names = label === null ? [null] : [null, label];
    this.block(OP.block, { breaks: names, continues: [] }, () => {
      this.block(OP.loop, PLAIN, () => {
        if (n.test != null) {
          this.#condition(n.test);
          this.put(OP.i32Eqz, OP.brIf, 1);
        }
        this.block(OP.block, { breaks: [], continues: names }, () => this.#statement(n.body));
        if (n.update != null) this.#effect(n.update);
        this.put(OP.br, 0);
      });
    });
  }

  #do(n: t.DoWhileStatement, label: string | null): void {
    const names = label === null ? [null] : [null, label];
    this.block(OP.block, { breaks: names, continues: [] }, () => {
      this.block(OP.loop, PLAIN, () => {
        this.block(OP.block, { breaks: [], continues: names }, () => this.#statement(n.body));
        this.#condition(n.test);
        this.put(OP.brIf, 0);
      });
    });
  }

  /** A table of jumps: cases are whole numbers from 0 on. */
  #switch(n: t.SwitchStatement): void {
    const values = n.cases.map(({ test }) => {
      if (test == null) return -1;
      const isCase = t.isNumericLiteral(test) && Number.isInteger(test.value) && test.value <= 9999;
      if (!isCase) throw new NotLowered(test, "this case is not lowered");
      return test.value;
    });
    const most = Math.max(-1, ...values);
    const otherwise = values.includes(-1) ? values.indexOf(-1) : n.cases.length;
    this.block(OP.block, { breaks: [null], continues: [] }, () => {
      for (let c = 0; c < n.cases.length; c++) {
        this.put(OP.block, OP.empty);
        this.open.push(PLAIN);
      }
      const targetOf = (v: number): number => (values.includes(v) ? values.indexOf(v) : otherwise);
      this.#dispatch(n.discriminant, Array.from({ length: most + 1 }, (_, v) => targetOf(v)), otherwise);
      for (const c of n.cases) {
        this.open.pop();
        this.put(OP.end);
        for (const s of c.consequent) this.#statement(s);
      }
    });
  }

  /** A number that does not fit an index is none of the cases. */
  #dispatch(discriminant: t.Expression, targets: readonly number[], otherwise: number): void {
    const held = this.local("$switch");
    this.operand(discriminant, NUMBER);
    const count = targets.length;
    this.put(OP.localTee, ...unsigned(held), OP.i64Const, ...signed(BigInt(count)), OP.gtu, OP.brIf, ...unsigned(otherwise));
    this.put(OP.localGet, ...unsigned(held), OP.wrap);
    this.put(OP.brTable, ...unsigned(count), ...targets.flatMap(unsigned), ...unsigned(otherwise));
  }

  // ------------------------------------------------------------------------------------- expressions

  #kinds(n: t.Node): number {
    return this.#of.kinds.of(n, this.#name);
  }

  #needs(n: t.Node, kinds: number): void {
    if ((this.#kinds(n) & ~(kinds | UNDEFINED)) !== 0) throw new NotLowered(n, "this may be of another kind than is wanted here");
  }

  /** The value of an expression that is to be of these kinds. Traps where it is `undefined`: JavaScript has its own ways with that. */
  protected operand(n: t.Node, kinds: number): void {
    this.#needs(n, kinds);
    this.#value(n);
    if ((this.#kinds(n) & UNDEFINED) !== 0) this.#defined();
  }

  /** Traps where the value in hand is `undefined`. */
  #defined(): void {
    const held = unsigned(this.local("$defined"));
    this.put(OP.localTee, ...held, ...NOTHING, OP.eq, OP.if, OP.empty, OP.unreachable, OP.end, OP.localGet, ...held);
  }

  /** Runs an expression for what it does. */
  #effect(n: t.Expression): void {
    if (t.isSequenceExpression(n)) {
      for (const e of n.expressions) this.#effect(e);
    } else if (t.isLogicalExpression(n)) {
      this.#condition(n.left);
      if (n.operator !== "&&") this.put(OP.i32Eqz);
      this.block(OP.if, PLAIN, () => this.#effect(n.right));
    } else if (t.isAssignmentExpression(n)) this.#assign(n, false);
    else if (t.isUpdateExpression(n)) this.#update(n, false);
    else {
      this.#value(n);
      this.put(OP.drop);
    }
  }

  /**
   * A test of a range in one comparison without sign. Whatever stands for `undefined` or `null` is in none, and JavaScript says so
   * too; a boolean is in none there, and would be here.
   */
  #isInRange({ variable, low, high }: RangeTest): void {
    this.#value(variable);
    if (low !== 0) this.put(OP.i64Const, ...signed(BigInt(low)), OP.sub);
    this.put(OP.i64Const, ...signed(BigInt(high - low)), OP.leu);
  }

  /** Leaves 0 or 1, of 32 bits. */
  #condition(n: t.Expression): void {
    const range = rangeTest(n);
    if (range !== null && (this.#kinds(range.variable) & (BOOLEAN | OTHER)) === 0) this.#isInRange(range);
    else if (t.isBooleanLiteral(n)) this.put(OP.i32Const, n.value ? 1 : 0);
    else if (t.isUnaryExpression(n, { operator: "!" })) {
      this.#condition(n.argument);
      this.put(OP.i32Eqz);
    } else if (t.isLogicalExpression(n) && n.operator !== "??") {
      this.#condition(n.left);
      this.put(OP.if, OP.i32);
      this.open.push(PLAIN);
      if (n.operator === "&&") this.#condition(n.right);
      else this.put(OP.i32Const, 1);
      this.put(OP.else);
      if (n.operator === "&&") this.put(OP.i32Const, 0);
      else this.#condition(n.right);
      this.open.pop();
      this.put(OP.end);
    } else if (t.isBinaryExpression(n) && COMPARE[n.operator] !== undefined) this.#compare(n);
    else {
      this.#needs(n, NUMBER | BOOLEAN);
      this.#value(n);
      if ((this.#kinds(n) & UNDEFINED) === 0) return this.put(...ZERO, OP.ne);
      this.#truth(this.keep(), UNDEFINED);
    }
  }

  /**
   * Numbers and booleans have an order among one another, and `undefined` has none: that traps. What is of one kind, or
   * `undefined`, is equal as its 64 bits are; what has no kind in common is never equal.
   */
  #compare(n: t.BinaryExpression): void {
    const left = n.left as t.Expression;
    const op = OP[COMPARE[n.operator]!];
    if (n.operator !== "===" && n.operator !== "!==") {
      for (const side of [left, n.right]) this.operand(side, NUMBER | BOOLEAN);
      return this.put(op);
    }
    // What is of another kind is 0, and so never `true`.
    const ofResult = t.isBooleanLiteral(n.right, { value: true }) && (this.#kinds(left) & NUMBER) === 0;
    const [a, b] = [this.#kinds(left), this.#kinds(n.right)];
    const isOneKind = [NUMBER, BOOLEAN].some((kind) => ((a | b) & ~(kind | UNDEFINED)) === 0);
    const isNull = a === NULL_KIND || b === NULL_KIND;
    const isNever = ((a | b) & OTHER) === 0 && (a & b) === 0;
    if (!ofResult && !isOneKind && !isNull && !isNever) throw new NotLowered(n, "this compares values of different kinds");
    this.#value(left);
    this.#value(n.right);
    if (ofResult || isOneKind || isNull) return this.put(op);
    this.put(OP.drop, OP.drop, OP.i32Const, n.operator === "===" ? 0 : 1);
  }

  /** Leaves 64 bits. */
  #value(n: t.Node): void {
    switch (n.type) {
      case "NumericLiteral":
        if (!Number.isSafeInteger(n.value)) throw new NotLowered(n, "this number is not lowered");
        return this.put(OP.i64Const, ...signed(BigInt(n.value)));
      case "BooleanLiteral": return this.put(OP.i64Const, n.value ? 1 : 0);
      // Words are for messages: no operator takes what is of their kind.
      case "StringLiteral": return this.put(...ZERO);
      case "NullLiteral": return this.put(...NULL);
      case "Identifier": return n.name === "undefined" ? this.put(...NOTHING) : this.put(...this.#variable(n, OP.localGet, OP.globalGet));
      case "SequenceExpression":
        for (const e of n.expressions.slice(0, -1)) this.#effect(e);
        return this.#value(n.expressions.at(-1)!);
      case "ConditionalExpression": return this.#conditional(n);
      case "AssignmentExpression": return this.#assign(n, true);
      case "UpdateExpression": return this.#update(n, true);
      case "MemberExpression": return this.#load(n);
      case "CallExpression": return this.#call(n);
      case "UnaryExpression": return this.#unary(n);
      case "LogicalExpression": return this.#logical(n);
      // What it is made of, the JavaScript program says: that may be a fault.
      case "ObjectExpression": case "TemplateLiteral": return this.put(OP.unreachable);
      case "BinaryExpression":
        if (COMPARE[n.operator] === undefined) return this.binary(n.operator, n.left, n.right, n);
        this.#condition(n);
        return this.put(OP.extendU);
      default: throw new NotLowered(n, `${n.type} is not lowered`);
    }
  }

  #variable(n: t.Identifier, local: number, global: number): number[] {
    const constant = this.#of.constants.get(n.name);
    if (constant !== undefined && local === OP.localGet) return [OP.i64Const, ...signed(BigInt(constant))];
    const g = this.#of.globals.indexOf(n.name);
    if (g >= 0) return [global, ...unsigned(g)];
    const l = this.locals.get(n.name);
    if (l === undefined) throw new NotLowered(n, "this name is not lowered");
    return [local, ...unsigned(l)];
  }

  #conditional(n: t.ConditionalExpression): void {
    this.#condition(n.test);
    if (this.known.traps(n.alternate)) {
      this.put(OP.i32Eqz, OP.if, OP.empty, OP.unreachable, OP.end);
      return this.#value(n.consequent);
    }
    this.put(OP.if, OP.i64);
    this.open.push(PLAIN);
    this.#value(n.consequent);
    this.put(OP.else);
    this.#value(n.alternate);
    this.open.pop();
    this.put(OP.end);
  }

  /** The value that decides, of the two. */
  #logical(n: t.LogicalExpression): void {
    if (n.operator === "??") throw new NotLowered(n, "this operator is not lowered");
    if (this.#kinds(n) === BOOLEAN) {
      this.#condition(n);
      return this.put(OP.extendU);
    }
    this.#needs(n.left, NUMBER | BOOLEAN);
    this.#value(n.left);
    const held = this.keep();
    this.#truth(held, this.#kinds(n.left));
    if (n.operator === "||") this.put(OP.i32Eqz);
    this.put(OP.if, OP.i64);
    this.open.push(PLAIN);
    this.#value(n.right);
    this.put(OP.else, OP.localGet, ...held);
    this.open.pop();
    this.put(OP.end);
  }

  /** Leaves 0 or 1, of 32 bits: whether the value in a local is one that counts as true. */
  #truth(held: readonly number[], kinds: number): void {
    this.put(OP.localGet, ...held, ...ZERO, OP.ne);
    if ((kinds & UNDEFINED) !== 0) this.put(OP.localGet, ...held, ...NOTHING, OP.ne, OP.i32And);
  }

  #unary(n: t.UnaryExpression): void {
    if (n.operator === "!") {
      this.#condition(n);
      this.put(OP.extendU);
    } else if (n.operator === "-") this.binary("-", t.numericLiteral(0), n.argument, n);
    else if (n.operator === "~") this.binary("^", n.argument, t.numericLiteral(0xffffffff), n);
    else throw new NotLowered(n, "this operator is not lowered");
  }

  #assign(n: t.AssignmentExpression, wanted: boolean): void {
    if (isForMessages(n.left)) return wanted ? this.put(...ZERO) : undefined;
    const operator = n.operator.slice(0, -1);
    const value = (): void => {
      if (operator === "") this.#value(n.right);
      else if (operator === "&&" || operator === "||") this.#logical(t.logicalExpression(operator, n.left as t.Expression, n.right));
      else this.binary(operator, n.left, n.right, n);
    };
    // Of what is stored, at most 32 bits count.
    const stored = (): void => (n.operator === "=" ? this.low(n.right) : value());
    if (t.isIdentifier(n.left)) {
      const isGlobal = this.#of.globals.includes(n.left.name);
      value();
      this.put(...this.#variable(n.left, wanted ? OP.localTee : OP.localSet, OP.globalSet));
      if (wanted && isGlobal) this.put(...this.#variable(n.left, OP.localGet, OP.globalGet));
    } else if (t.isMemberExpression(n.left) && !wanted) this.#store(n.left, stored);
    else throw new NotLowered(n, "this assignment is not lowered");
  }

  #update(n: t.UpdateExpression, wanted: boolean): void {
    const by = (target: t.LVal): void => this.binary(n.operator === "++" ? "+" : "-", target, t.numericLiteral(1), n);
    if (t.isMemberExpression(n.argument)) {
      if (wanted && !n.prefix) throw new NotLowered(n, "this is not lowered");
      const target = n.argument;
      this.#store(target, () => by(target));
      if (wanted) this.#load(target);
      return;
    }
    if (!t.isIdentifier(n.argument)) throw new NotLowered(n, "this is not lowered");
    if (wanted && !n.prefix) this.#value(n.argument);
    by(n.argument);
    this.put(...this.#variable(n.argument, OP.localSet, OP.globalSet));
    if (wanted && n.prefix) this.#value(n.argument);
  }

  /** Leaves the address; gives what is there. Indices that a program computes are checked by the program itself. */
  #address(n: t.MemberExpression): Pick<ViewPlace, "offset" | "load" | "store"> {
    const place = t.isIdentifier(n.object) && n.computed ? this.#of.places[n.object.name] : undefined;
    if (place === undefined) throw new NotLowered(n, "this member is not lowered");
    const { property } = n;
    // What is added goes into the instruction, which counts from an address without sign.
    const isSum = place.checked === null && t.isBinaryExpression(property, { operator: "+" }) && t.isNumericLiteral(property.right)
      && isIndex(boundsOf(property.left, this.known)) && isIndex(boundsOf(property, this.known));
    if (isSum) {
      const { left, right } = property as t.BinaryExpression;
      this.operand(left, NUMBER);
      this.#scale(place.shift);
      return { ...place, offset: place.offset + (right as t.NumericLiteral).value * 2 ** place.shift };
    }
    this.operand(property, NUMBER);
    if (place.checked !== null) {
      const held = unsigned(this.local("$index"));
      this.put(OP.localTee, ...held, OP.i64Const, ...signed(BigInt(place.checked - 1)), OP.gtu);
      this.put(OP.if, OP.empty, OP.unreachable, OP.end, OP.localGet, ...held);
    }
    this.#scale(place.shift);
    return place;
  }

  /** An index becomes bytes. */
  #scale(shift: number): void {
    this.put(OP.wrap, ...(shift === 0 ? [] : [OP.i32Const, ...signed(BigInt(shift)), OP.i32Shl]));
  }

  #load(n: t.MemberExpression): void {
    const place = this.#address(n);
    this.put(place.load, 0, ...unsigned(place.offset));
  }

  #store(n: t.MemberExpression, value: () => void): void {
    const place = this.#address(n);
    value();
    this.put(place.store, 0, ...unsigned(place.offset));
  }

  // ------------------------------------------------------------------------------------- calls

  #call(n: t.CallExpression): void {
    const { callee } = n;
    if (t.isMemberExpression(callee)) return this.#method(n, callee);
    if (!t.isIdentifier(callee)) throw new NotLowered(n, "this call is not lowered");
    const { name } = callee;
    if (FAULTS.has(name)) return this.put(OP.unreachable);
    if (name === "$fit") return this.#fit(n);
    if (name === "$isInteger") {
      this.operand(n.arguments[0]!, NUMBER);
      return this.put(OP.drop, OP.i64Const, 1);
    }
    if (name === "$bugOn") {
      this.#condition(n.arguments[0] as t.Expression);
      return this.put(OP.if, OP.empty, OP.unreachable, OP.end, ...NOTHING);
    }
    if (name === "$word") {
      this.operand(n.arguments[0]!, NUMBER);
      return this.#isWord();
    }
    const ofWords = this.#of.words.get(name);
    if (ofWords !== undefined) return this.#callOfWords(n, ofWords);
    const known = this.#of.functions.get(name);
    if (known === undefined) throw new NotLowered(n, "this call is not lowered");
    for (let i = 0; i < known.params; i++) {
      const given = n.arguments[i];
      // Names of choices are for messages.
      if (given === undefined) this.put(...NOTHING);
      else this.#value(given);
    }
    this.put(OP.call, ...unsigned(known.index));
  }

  /** What is given, and what it gives, are words. */
  #callOfWords(n: t.CallExpression, { index, params }: { readonly index: number; readonly params: number }): void {
    if (n.arguments.length !== params) throw new NotLowered(n, "this call is not lowered");
    for (const given of n.arguments) {
      this.operand(given, NUMBER);
      if (!t.isNumericLiteral(given)) this.#isWord();
      this.put(OP.wrap);
    }
    this.put(OP.call, ...unsigned(index), OP32.extend);
  }

  /** Traps where the value in hand has more than 32 bits, as what stands for `undefined` and `null` has. */
  #isWord(): void {
    const held = unsigned(this.local("$isWord"));
    this.put(OP.localTee, ...held, OP.extend32, OP.localGet, ...held, OP.ne, OP.if, OP.empty, OP.unreachable, OP.end);
    this.put(OP.localGet, ...held);
  }

  /** Functions of `Math`; `$vector.fill(0, n)`, by which statistics begin at zero. */
  #method(n: t.CallExpression, callee: t.MemberExpression): void {
    const { object, property } = callee;
    if (t.isIdentifier(object, { name: "Math" }) && t.isIdentifier(property)) return this.math(n, property.name);
    const [value, from] = n.arguments;
    const isFill = t.isIdentifier(object, { name: "$vector" }) && t.isIdentifier(property, { name: "fill" });
    const isZero = t.isNumericLiteral(value, { value: 0 });
    if (!isFill || !isZero || !t.isNumericLiteral(from)) throw new NotLowered(n, "this call is not lowered");
    const words = this.#of.places["$vector"]!.length;
    for (let w = from.value; w < words; w++) {
      this.put(OP.i32Const, ...signed(BigInt(4 * w)), ...ZERO, OP.store32, 0, ...unsigned(this.#of.places["$vector"]!.offset));
    }
    this.put(...ZERO);
  }

  /** A value that does not fit its field is a fault, or it wraps round: then as it is stored, counted from the least value. */
  #fit(n: t.CallExpression): void {
    const [value, field] = n.arguments;
    if (!t.isNumericLiteral(field)) throw new NotLowered(n, "this call is not lowered");
    const f = this.#of.plan.fields[field.value]!;
    if (!f.wrapping) return this.put(OP.unreachable);
    const size = t.numericLiteral(f.max - f.min + 1);
    const low = t.binaryExpression("-", value as t.Expression, t.valueToNode(f.min));
    this.#value(t.binaryExpression("%", t.binaryExpression("+", t.binaryExpression("%", low, size), size), size));
  }
}

/** The words of choices, and which property is asked. */
const isForMessages = (n: t.Node): boolean =>
  t.isIdentifier(n, { name: "$asked" }) || (t.isMemberExpression(n) && t.isIdentifier(n.object, { name: "$cname" }));
