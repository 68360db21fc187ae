/** From blocks to lines: which lines of its routines a file has, and which of them ran; and the exits with an error among them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import type { FunctionOfImpl } from "./functions.ts";
import { ROOT, type Block } from "./recorded.ts";

/** Lines of routines and helpers on which a statement, or a value of a conditional expression, begins. */
export interface FileLines {
  readonly file: string;
  readonly lines: number;
  /** Those of which everything that begins there ran. */
  readonly reached: number;
}

/** A place where a routine ends, or decides to end, with an error. */
export interface Exit {
  readonly file: string;
  readonly line: number;
  readonly function: string;
  /** EINVAL, SCAN_FAIL, VM_FAULT_OOM... */
  readonly error: string;
  readonly reached: boolean;
}

export interface LinesOfImpl {
  readonly files: readonly FileLines[];
  readonly exits: readonly Exit[];
}

/** The files that have `functions`. `textOf`: the text of a file. */
export function linesOfImpl(blocks: readonly Block[], functions: readonly FunctionOfImpl[], textOf: (file: string) => string = textOfFile): LinesOfImpl {
  const files = [...new Set(functions.map((f) => f.file))];
  const exits: Exit[] = [];
  const lines = files.map((file): FileLines => {
    const names = new Set(functions.flatMap((f) => (f.file === file ? [f.name] : [])));
    const ran = placesOf(textOf(file), names, blocks.filter((b) => b.file === file));
    for (const { line, function: name, error, count } of ran) if (error !== null) exits.push({ file, line, function: name, error, reached: count > 0 });
    const byLine = Map.groupBy(ran, (p) => p.line);
    return { file, lines: byLine.size, reached: [...byLine.values()].filter((places) => places.every((p) => p.count > 0)).length };
  });
  return { files: lines, exits };
}

/** A statement or a value, and how often the block that it belongs to ran. */
interface RanPlace {
  readonly line: number;
  readonly function: string;
  readonly error: string | null;
  readonly count: number;
}

function placesOf(text: string, names: ReadonlySet<string>, blocks: readonly Block[]): RanPlace[] {
  const counts = new Map(blocks.map((b) => [`${b.line}:${b.column}`, b.count]));
  const places: RanPlace[] = [];
  for (const [name, body] of bodies(text, names)) new Walk(name, counts, places).body(body);
  return places;
}

function bodies(text: string, names: ReadonlySet<string>): [name: string, body: t.BlockStatement | t.Expression][] {
  const { body } = parse(text, { sourceType: "module", plugins: ["typescript"] }).program;
  return body.flatMap((statement): [string, t.BlockStatement | t.Expression][] => {
    const declared = t.isExportNamedDeclaration(statement) ? statement.declaration : statement;
    if (t.isFunctionDeclaration(declared)) return names.has(declared.id!.name) ? [[declared.id!.name, declared.body]] : [];
    if (!t.isVariableDeclaration(declared)) return [];
    return declared.declarations.flatMap((d): [string, t.BlockStatement | t.Expression][] => (t.isIdentifier(d.id) && names.has(d.id.name) && t.isArrowFunctionExpression(d.init) ? [[d.id.name, d.init.body]] : []));
  });
}

/** Goes through a function as the counters are laid (`checker/compile/coverage.ts`): a statement without a counter of its own belongs to the block of the one before it. */
class Walk {
  readonly #function: string;
  readonly #counts: ReadonlyMap<string, number>;
  readonly #places: RanPlace[];

  constructor(name: string, counts: ReadonlyMap<string, number>, places: RanPlace[]) {
    this.#function = name;
    this.#counts = counts;
    this.#places = places;
  }

  body(body: t.BlockStatement | t.Expression): void {
    if (t.isBlockStatement(body)) this.list(body.body, 0);
    else this.place(body, [body], this.countAt(body, 0));
  }

  countAt(node: t.Node, otherwise: number): number {
    const { line, column } = node.loc!.start;
    return this.#counts.get(`${line}:${column + 1}`) ?? otherwise;
  }

  list(statements: readonly t.Statement[], before: number): void {
    let count = before;
    for (const s of statements) {
      count = this.countAt(s, count);
      this.statement(s, count);
    }
  }

  statement(s: t.Statement, count: number): void {
    const branch = (b: t.Statement): void => { this.list(t.isBlockStatement(b) ? b.body : [b], 0); };
    switch (s.type) {
      case "BlockStatement": this.list(s.body, count); return;
      case "IfStatement":
        this.place(s, [s.test], count);
        branch(s.consequent);
        if (s.alternate != null) branch(s.alternate);
        return;
      case "WhileStatement": case "DoWhileStatement":
        this.place(s, [s.test], count);
        branch(s.body);
        return;
      case "ForStatement":
        this.place(s, [s.init, s.test, s.update], count);
        branch(s.body);
        return;
      case "ForOfStatement": case "ForInStatement":
        this.place(s, [s.right], count);
        branch(s.body);
        return;
      case "LabeledStatement": this.statement(s.body, count); return;
      case "SwitchStatement":
        this.place(s, [s.discriminant], count);
        for (const k of s.cases) {
          // An empty case is one with the next.
          if (k.consequent.length > 0) this.list(k.consequent, 0);
        }
        return;
      default: this.place(s, [s], count);
    }
  }

  /** `parts`: those in which there may be conditional expressions. */
  place(node: t.Node, parts: readonly (t.Node | null | undefined)[], count: number): void {
    this.add(node, null, count);
    for (const value of parts.flatMap((p) => conditionalValues(p))) this.add(value, null, this.countAt(value, count));
    for (const value of givenValues(node)) this.exits(value, count);
  }

  exits(value: t.Node, count: number): void {
    if (t.isConditionalExpression(value)) for (const one of [value.consequent, value.alternate]) this.exits(one, this.countAt(one, count));
    const error = errorOf(value);
    if (error !== null) this.add(value, error, count);
  }

  add(at: t.Node, error: string | null, count: number): void {
    this.#places.push({ line: at.loc!.start.line, function: this.#function, error, count });
  }
}

/** Both values of each conditional expression in the node, but for functions in it. */
function conditionalValues(node: t.Node | null | undefined): t.Node[] {
  if (node == null || t.isFunction(node)) return [];
  const own = t.isConditionalExpression(node) ? [node.consequent, node.alternate] : [];
  return [...own, ...children(node).flatMap(conditionalValues)];
}

/** What a statement returns, or sets a variable to. */
function givenValues(node: t.Node): t.Node[] {
  if (t.isReturnStatement(node)) return node.argument == null ? [] : [node.argument];
  if (t.isVariableDeclaration(node)) return node.declarations.flatMap((d) => (d.init == null ? [] : [d.init]));
  if (t.isExpressionStatement(node)) return t.isAssignmentExpression(node.expression) ? [node.expression.right] : [];
  return t.isExpression(node) ? [node] : [];
}

function children(node: t.Node): t.Node[] {
  const record = node as unknown as Record<string, t.Node | (t.Node | null)[] | null | undefined>;
  return (t.VISITOR_KEYS[node.type] ?? []).flatMap((key) => record[key] ?? []).filter((n) => n !== null);
}

/** The name of an error that the expression is: a negative errno, a scan result that is no success, a fault that failed. */
export function errorOf(node: t.Node): string | null {
  if (t.isUnaryExpression(node) && node.operator === "-") return t.isIdentifier(node.argument) && /^E[A-Z]+$/.test(node.argument.name) ? node.argument.name : null;
  if (!t.isIdentifier(node)) return null;
  if (node.name.startsWith("SCAN_")) return node.name === "SCAN_SUCCEED" ? null : node.name;
  return /^VM_FAULT_(OOM|SIGBUS|SIGSEGV|HWPOISON|FALLBACK|RETRY)$/.test(node.name) ? node.name : null;
}

function textOfFile(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}
