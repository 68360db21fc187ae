/**
 * Functions over 32-bit words as instructions of WebAssembly: the text of the search and of fingerprints, which is closed and our
 * own. Every value is a word, every sum wraps round, comparisons have a sign, so a text must say `| 0` where JavaScript would
 * leave 32 bits. Arrays are views of memories, each named by one name that the text never gives away. Programs of users are
 * lowered by `lower-function.ts`, which takes nothing for granted.
 */
import * as t from "@babel/types";
import { Body } from "./body.ts";
import { memoryArgument, OP, OP32, signed, unsigned, type Signature, type ValueType, type WasmFunction } from "./encode.ts";
import { NotLowered } from "./not-lowered.ts";

/** An array of words at a place of a memory. */
export interface WordView {
  readonly memory: number;
  /** First byte. */
  readonly offset: number;
}

export interface Callee extends Signature {
  readonly index: number;
}

export interface WordScope {
  readonly views: ReadonlyMap<string, WordView>;
  /** By name, the number and type of each global. */
  readonly globals: ReadonlyMap<string, { readonly index: number; readonly type: ValueType }>;
  readonly constants: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, Callee>;
  /** Words that `copyState(target, at, source, at)` copies. */
  readonly stateWords: number;
}

const OPERATORS: Readonly<Record<string, keyof typeof OP32>> = {
  "+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor", "<<": "shl", ">>": "shr", ">>>": "shru",
  "===": "eq", "!==": "ne", "<": "lt", ">": "gt", "<=": "le", ">=": "ge",
};
/** Bytes of a vector register. */
const VECTOR = 16;

/** What a text calls without being defined in it; `Math.imul` and `Math.clz32` besides. */
const COPY = "copyState";
const DIFFERING = "differing";
/** Zeros below the lowest bit that is set. */
const ZEROS = "ctz32";
const TRAP = "$trap";

/** Whether a function gives something: whether some `return` has an argument. */
export function resultOf(fn: t.FunctionDeclaration): ValueType | null {
  let found: ValueType | null = null;
  t.traverseFast(fn.body, (n) => {
    if (t.isReturnStatement(n) && n.argument != null) found = OP.i32;
  });
  return found;
}

/** Of an open block: which jump of the innermost loop goes to its end. */
type Jump = "break" | "continue" | null;

export class WordLowering extends Body<Jump> {
  readonly #scope: WordScope;
  readonly #fn: t.FunctionDeclaration;

  constructor(scope: WordScope, fn: t.FunctionDeclaration) {
    super();
    this.#scope = scope;
    this.#fn = fn;
  }

  /** Throws NotLowered. */
  lowered(): WasmFunction {
    for (const p of this.#fn.params) this.local((p as t.Identifier).name);
    const params = this.#fn.params.map(() => OP.i32);
    this.#statement(this.#fn.body);
    const result = resultOf(this.#fn);
    // Every way through such a function ends in a `return`.
    if (result !== null) this.put(OP.unreachable);
    const locals = Array.from({ length: this.locals.size - params.length }, () => OP.i32);
    return { name: this.#fn.id!.name, params, result, locals, code: this.code };
  }

  #jump(where: "break" | "continue"): void {
    this.put(OP.br, ...unsigned(this.open.length - 1 - this.open.lastIndexOf(where)));
  }

  #statement(n: t.Statement): void {
    switch (n.type) {
      case "EmptyStatement": return;
      case "BlockStatement": for (const s of n.body) this.#statement(s); return;
      case "ExpressionStatement": return this.#effect(n.expression);
      case "VariableDeclaration": for (const d of n.declarations) this.#declare(d); return;
      case "BreakStatement": return this.#jump("break");
      case "ContinueStatement": return this.#jump("continue");
      case "ForStatement": return this.#for(n);
      case "WhileStatement": return this.#for(t.forStatement(null, n.test, null, n.body));
      case "ReturnStatement":
        if (n.argument != null) this.#value(n.argument);
        return this.put(OP.return);
      case "IfStatement":
        this.#value(n.test);
        this.put(OP.if, OP.empty);
        this.open.push(null);
        this.#statement(n.consequent);
        if (n.alternate != null) {
          this.put(OP.else);
          this.#statement(n.alternate);
        }
        this.open.pop();
        return this.put(OP.end);
      default: throw new NotLowered(n, `${n.type} is not lowered`);
    }
  }

  #declare({ id, init }: t.VariableDeclarator): void {
    if (init == null) this.put(OP.i32Const, 0);
    else this.#value(init);
    this.put(OP.localSet, ...unsigned(this.local((id as t.Identifier).name)));
  }

  #for(n: t.ForStatement): void {
    if (t.isVariableDeclaration(n.init)) this.#statement(n.init);
    else if (n.init != null) this.#effect(n.init);
    this.block(OP.block, "break", () => {
      this.block(OP.loop, null, () => {
        if (n.test != null) {
          this.#value(n.test);
          this.put(OP.i32Eqz, OP.brIf, 1);
        }
        this.block(OP.block, "continue", () => this.#statement(n.body));
        if (n.update != null) this.#effect(n.update);
        this.put(OP.br, 0);
      });
    });
  }

  #effect(n: t.Expression): void {
    if (t.isSequenceExpression(n)) for (const e of n.expressions) this.#effect(e);
    else if (t.isAssignmentExpression(n)) this.#assign(n.operator, n.left, n.right);
    else if (t.isUpdateExpression(n)) this.#assign(n.operator === "++" ? "+=" : "-=", n.argument, t.numericLiteral(1));
    else if (t.isCallExpression(n)) {
      if (this.#call(n) !== null) this.put(OP.drop);
    } else throw new NotLowered(n, "this does nothing");
  }

  #assign(operator: string, left: t.Node, right: t.Expression): void {
    const value = (): void => {
      if (operator === "=") return this.#value(right);
      this.#value(left);
      this.#value(right);
      this.put(this.#operator(operator.slice(0, -1), left));
    };
    if (t.isIdentifier(left)) {
      const global = this.#scope.globals.get(left.name);
      value();
      if (global === undefined) return this.put(OP.localSet, ...unsigned(this.#known(left)));
      if (global.type === OP.i64) this.put(OP32.extend);
      return this.put(OP.globalSet, ...unsigned(global.index));
    }
    if (!t.isMemberExpression(left)) throw new NotLowered(left, "this is not assigned to");
    const place = this.#address(left);
    value();
    this.put(OP32.store, ...place);
  }

  #known(n: t.Identifier): number {
    const local = this.locals.get(n.name);
    if (local === undefined) throw new NotLowered(n, "this name is not lowered");
    return local;
  }

  #operator(operator: string, n: t.Node): number {
    const name = OPERATORS[operator];
    if (name === undefined) throw new NotLowered(n, `the operator ${operator} is not lowered`);
    return OP32[name];
  }

  /** Leaves a word. */
  #value(n: t.Node): void {
    switch (n.type) {
      case "NumericLiteral": return this.#constant(n.value);
      case "Identifier": return this.#identifier(n);
      case "MemberExpression": {
        const place = this.#address(n);
        return this.put(OP32.load, ...place);
      }
      case "UnaryExpression":
        if (n.operator === "!") {
          this.#value(n.argument);
          return this.put(OP.i32Eqz);
        }
        if (n.operator === "-") return this.#binary("-", t.numericLiteral(0), n.argument);
        return this.#binary("^", n.argument, t.numericLiteral(2 ** 32 - 1));
      case "BinaryExpression": return this.#binary(n.operator, n.left, n.right);
      // Both sides are 0 or 1, and neither does anything.
      case "LogicalExpression": return this.#binary(n.operator === "&&" ? "&" : "|", n.left, n.right);
      case "ConditionalExpression":
        this.#value(n.test);
        this.put(OP.if, OP.i32);
        this.#value(n.consequent);
        this.put(OP.else);
        this.#value(n.alternate);
        return this.put(OP.end);
      case "CallExpression":
        if (this.#call(n) === null) throw new NotLowered(n, "this gives nothing");
        return;
      default: throw new NotLowered(n, `${n.type} is not lowered`);
    }
  }

  #constant(value: number): void {
    this.put(OP.i32Const, ...signed(BigInt.asIntN(32, BigInt(value))));
  }

  #identifier(n: t.Identifier): void {
    const constant = this.#scope.constants.get(n.name);
    if (constant !== undefined) return this.#constant(constant);
    const global = this.#scope.globals.get(n.name);
    if (global === undefined) return this.put(OP.localGet, ...unsigned(this.#known(n)));
    this.put(OP.globalGet, ...unsigned(global.index));
    if (global.type === OP.i64) this.put(OP.wrap);
  }

  #binary(operator: string, left: t.Node, right: t.Node): void {
    this.#value(left);
    this.#value(right);
    this.put(this.#operator(operator, left));
  }

  /** Leaves the address of an element, less what goes into the instruction, which is what is given. */
  #address(n: t.MemberExpression): number[] {
    if (!t.isIdentifier(n.object)) throw new NotLowered(n, "this is not lowered");
    return this.#place(n.object, n.property);
  }

  #place(array: t.Identifier, index: t.Node): number[] {
    const view = this.#scope.views.get(array.name);
    if (view === undefined) throw new NotLowered(array, "there is no such array");
    const { rest, words } = this.#split(index);
    if (rest === null) this.put(OP.i32Const, 0);
    else {
      this.#value(rest);
      this.put(OP.i32Const, 2, OP32.shl);
    }
    return memoryArgument(view.memory, view.offset + 4 * words);
  }

  /** An index as what is computed, and a number of words that is added to it. */
  #split(index: t.Node): { readonly rest: t.Node | null; readonly words: number } {
    if (t.isNumericLiteral(index)) return { rest: null, words: index.value };
    const constant = t.isIdentifier(index) ? this.#scope.constants.get(index.name) : undefined;
    if (constant !== undefined) return { rest: null, words: constant };
    if (!t.isBinaryExpression(index, { operator: "+" })) return { rest: index, words: 0 };
    const [left, right] = [this.#split(index.left), this.#split(index.right)];
    const words = left.words + right.words;
    if (left.rest === null || right.rest === null) return { rest: left.rest ?? right.rest, words };
    return { rest: t.binaryExpression("+", left.rest as t.Expression, right.rest as t.Expression), words };
  }

  /** Gives the type of what it leaves, which is a word; null: nothing. */
  #call(n: t.CallExpression): ValueType | null {
    const { callee } = n;
    if (t.isMemberExpression(callee)) return this.#math(n, callee);
    if (!t.isIdentifier(callee)) throw new NotLowered(n, "this call is not lowered");
    if (callee.name === COPY) {
      this.#copy(n.arguments);
      return null;
    }
    if (callee.name === ZEROS) {
      this.#value(n.arguments[0]!);
      this.put(OP32.ctz);
      return OP.i32;
    }
    if (callee.name === DIFFERING) {
      this.#differing(n.arguments);
      return OP.i32;
    }
    if (callee.name === TRAP) {
      this.put(OP.unreachable);
      return null;
    }
    const called = this.#scope.functions.get(callee.name);
    if (called === undefined || called.params.length !== n.arguments.length) throw new NotLowered(n, "this call is not lowered");
    called.params.forEach((type, i) => {
      this.#value(n.arguments[i]!);
      if (type === OP.i64) this.put(OP32.extend);
    });
    this.put(OP.call, ...unsigned(called.index));
    if (called.result === OP.i64) this.put(OP.wrap);
    return called.result;
  }

  #math(n: t.CallExpression, { object, property }: t.MemberExpression): ValueType {
    const name = t.isIdentifier(object, { name: "Math" }) && t.isIdentifier(property) ? property.name : "";
    if (name === "imul") this.#binary("*", n.arguments[0]!, n.arguments[1]!);
    else if (name === "clz32") {
      this.#value(n.arguments[0]!);
      this.put(OP32.clz);
    } else throw new NotLowered(n, "this call is not lowered");
    return OP.i32;
  }

  /**
   * `differing(a, b, first, words)`: the words from `first` on, at most 32, in which two arrays differ, a bit each. Registers have
   * four words: of the last one, those that are none of the arrays' are left out.
   */
  #differing([a, b, first, words]: t.CallExpression["arguments"]): void {
    const [from, count] = [first, words].map((n) => (n as t.NumericLiteral).value) as [number, number];
    for (let done = 0; done < count; done += 4) {
      for (const array of [a, b]) {
        const place = this.#place(array as t.Identifier, t.numericLiteral(from + done));
        this.put(OP32.vector, OP32.vectorLoad, ...place);
      }
      this.put(OP32.vector, OP32.vectorNe, OP32.vector, ...unsigned(OP32.vectorBits));
      if (count - done < 4) this.put(OP.i32Const, ...signed(BigInt(2 ** (count - done) - 1)), OP32.and);
      if (done > 0) this.put(OP.i32Const, done, OP32.shl, OP32.or);
    }
  }

  /** Copies a state from one array to another, in registers as wide as there are. */
  #copy([target, targetAt, source, sourceAt]: t.CallExpression["arguments"]): void {
    const bytes = 4 * this.#scope.stateWords;
    const size = bytes < VECTOR ? 4 : VECTOR;
    for (let done = 0; done < bytes; done += size) {
      // The last register reaches back, over what is copied already.
      const from = Math.min(done, bytes - size) / 4;
      const at = (index: t.Node): t.Expression => t.binaryExpression("+", index as t.Expression, t.numericLiteral(from));
      const to = this.#place(target as t.Identifier, at(targetAt!));
      const place = this.#place(source as t.Identifier, at(sourceAt!));
      if (size === 4) this.put(OP32.load, ...place, OP32.store, ...to);
      else this.put(OP32.vector, OP32.vectorLoad, ...place, OP32.vector, OP32.vectorStore, ...to);
    }
  }
}
