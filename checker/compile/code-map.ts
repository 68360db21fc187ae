/**
 * Which basic block each piece of a module's code belongs to, from its text alone: where counters would be laid
 * (`coverage.ts`) if the function were part of a program. So counts of a program can be told by line, and blocks of one text
 * can be known again in another (by function, and by number within it) whatever lines lie above them.
 *
 * A function that is written inside of another one has blocks of its own, and belongs to the statement around it as well: a
 * guard, or what is handed to `some`, is compiled as part of that statement. Whoever knows what was counted takes the innermost
 * block that was.
 */
import { createHash } from "node:crypto";
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import { leavesAnywhere } from "./coverage.ts";
import { containsYield } from "./syntax.ts";

/** Where a block begins, as its counter says it. Lines and columns count from 1. */
export interface BlockStart {
  readonly line: number;
  readonly column: number;
}

export interface CodeFunction {
  /** Its name, those of the functions and variables around it before it, and a number where that is not unique in the module. */
  readonly name: string;
  /** Of its text without comments and spacing. */
  readonly hash: string;
  /** Offset of its first character. */
  readonly start: number;
  readonly firstLine: number;
  readonly lastLine: number;
  /** In the order of the text; a block is known by its number here. */
  readonly blocks: readonly BlockStart[];
}

export interface BlockRef {
  readonly function: CodeFunction;
  readonly block: number;
}

/** A statement, the head of one, or a value of a conditional expression. */
export interface CodeUnit {
  readonly start: number;
  readonly end: number;
  readonly ref: BlockRef;
  /** A declaration of variables: what it gives matters where it is used. */
  readonly declares: boolean;
  /** The unit that it is written in. */
  readonly outer: CodeUnit | null;
}

/** What the changed lines of a text are. */
export interface LinesOfCode {
  /** The innermost units that have code on these lines, in the order of the text. */
  readonly units: readonly { readonly unit: CodeUnit; readonly line: number }[];
  /** What else is on them, in words: "comments", "types", ... Empty where there is nothing else. */
  readonly others: readonly string[];
}

export interface CodeMap {
  readonly functions: readonly CodeFunction[];
  /** `count` lines from line `from` on. */
  lines(from: number, count: number): LinesOfCode;
  /** What runs when the code comes to the place before a line, be there something or not; null: that cannot be told. */
  before(line: number): CodeUnit | null;
}

/** Statements that follow one another. */
interface List {
  readonly start: number;
  readonly end: number;
  readonly owner: CodeUnit;
  readonly statements: readonly CodeUnit[];
  /** Whoever comes to the end of the list; null: nobody counts them. */
  readonly atEnd: CodeUnit | null;
}

/** Code maps by text: a process that looks at many scenarios meets the same files each time. */
const maps = new Map<string, CodeMap>();

/** As `codeMap`, which each text goes through once. */
export function mapOf(text: string): CodeMap {
  let map = maps.get(text);
  if (map === undefined) {
    map = codeMap(text);
    maps.set(text, map);
  }
  return map;
}

/** Throws a SyntaxError when the text does not parse. */
export function codeMap(text: string): CodeMap {
  return new Mapper(text).map();
}

/** Tokens that mean nothing by themselves: `}` belongs to what it ends, `?` to the values beside it. */
const SILENT = /^[()[\]{};,?:]$/;

class Mapper {
  readonly #text: string;
  readonly #program: t.Program;
  readonly #allTokens: readonly Token[];
  readonly #functions: CodeFunction[] = [];
  readonly #units: CodeUnit[] = [];
  readonly #lists: List[] = [];
  readonly #names = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
    const ast = parse(text, { sourceType: "module", plugins: ["typescript"], attachComment: false, tokens: true });
    this.#program = ast.program;
    this.#allTokens = (ast.tokens as readonly Token[]).filter((token) => token.start < token.end);
  }

  map(): CodeMap {
    this.#functionsIn(this.#program, [], null);
    const lineStarts = [0, ...[...this.#text.matchAll(/\n/g)].map((m) => m.index + 1)];
    return {
      functions: this.#functions,
      lines: (from, count) => this.#linesOfCode(from, count),
      before: (line) => this.#before(lineStarts[line - 1] ?? this.#text.length),
    };
  }

  // ------------------------------------------------------------------------------------- functions and their blocks

  /** Functions at or below the node; `path`: the names around it. */
  #functionsIn(node: t.Node, path: readonly string[], outer: CodeUnit | null): void {
    const named = nameOf(node);
    const here = named === null ? path : [...path, named];
    if (t.isFunction(node) && node.body != null) {
      this.#function(node, here, outer);
      return;
    }
    for (const child of children(node)) this.#functionsIn(child, here, outer);
  }

  #function(node: t.Function, path: readonly string[], outer: CodeUnit | null): void {
    const base = path.length === 0 ? "anonymous" : path.join(".");
    const times = (this.#names.get(base) ?? 0) + 1;
    this.#names.set(base, times);
    const blocks: BlockStart[] = [];
    const fn: CodeFunction = {
      name: times === 1 ? base : `${base}#${times}`, hash: this.#hash(node), start: node.start!,
      firstLine: node.loc!.start.line, lastLine: node.loc!.end.line, blocks,
    };
    this.#functions.push(fn);
    const walk = new FunctionWalk(fn, blocks, this.#units, this.#lists, (inner, unit) => { this.#functionsIn(inner, path, unit); });
    walk.run(node, outer);
  }

  #hash(node: t.Node): string {
    const tokens = this.#tokens(node.start!, node.end!).map((token) => this.#text.slice(token.start, token.end));
    return createHash("sha256").update(tokens.join(" ")).digest("hex").slice(0, 12);
  }

  // ------------------------------------------------------------------------------------- questions

  /** Without comments. */
  #tokens(start: number, end: number): readonly Token[] {
    return this.#allTokens.filter((x) => x.start >= start && x.end <= end && typeof x.type !== "string");
  }

  #linesOfCode(from: number, count: number): LinesOfCode {
    const found = new Map<CodeUnit, number>();
    const others = new Set<string>();
    for (let line = from; line < from + count; line++) {
      const tokens = this.#allTokens.filter((x) => x.loc.start.line <= line && x.loc.end.line >= line);
      const code = tokens.filter((x) => typeof x.type !== "string");
      if (code.length === 0) others.add(tokens.length === 0 ? "empty lines" : "comments");
      for (const token of code) {
        if (SILENT.test(this.#text.slice(token.start, token.end))) continue;
        const unit = innermost(this.#units, token.start, token.end);
        if (unit === null) others.add(this.#kindAt(token.start));
        else if (!found.has(unit)) found.set(unit, line);
      }
    }
    return { units: [...found].map(([unit, line]) => ({ unit, line })), others: [...others] };
  }

  /** What code outside of all functions is. */
  #kindAt(offset: number): string {
    const statement = this.#program.body.find((s) => s.start! <= offset && offset < s.end!);
    const declared = t.isExportNamedDeclaration(statement) ? statement.declaration ?? statement : statement;
    switch (declared?.type) {
      case "ImportDeclaration": case "ExportNamedDeclaration": case "ExportAllDeclaration": return "imports and exports";
      case "TSTypeAliasDeclaration": case "TSInterfaceDeclaration": return "types";
      case "VariableDeclaration": return "constants";
      default: return "code that runs when the module is loaded";
    }
  }

  #before(offset: number): CodeUnit | null {
    const list = innermost(this.#lists, offset, offset);
    const unit = innermost(this.#units, offset, offset);
    // Between the lines of one statement: with it.
    if (list === null || (unit !== null && unit !== list.owner && list.start <= unit.start && unit.end <= list.end)) return unit;
    return list.statements.find((s) => s.start >= offset) ?? list.atEnd;
  }
}

interface Token {
  /** A string for comments. */
  readonly type: unknown;
  readonly start: number;
  readonly end: number;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
}

/** The shortest of those that reach from before `start` to behind `end`. */
function innermost<R extends { readonly start: number; readonly end: number }>(all: readonly R[], start: number, end: number): R | null {
  const around = all.filter((r) => r.start <= start && end <= r.end);
  return around.reduce<R | null>((best, r) => (best === null || r.end - r.start <= best.end - best.start ? r : best), null);
}

function nameOf(node: t.Node): string | null {
  if (t.isFunctionDeclaration(node) || t.isClassDeclaration(node)) return node.id?.name ?? null;
  if (t.isVariableDeclarator(node)) return t.isIdentifier(node.id) ? node.id.name : null;
  if (!t.isObjectProperty(node) && !t.isObjectMethod(node) && !t.isClassMethod(node)) return null;
  return t.isIdentifier(node.key) ? node.key.name : t.isStringLiteral(node.key) ? node.key.value : null;
}

function children(node: t.Node): t.Node[] {
  const record = node as unknown as Record<string, t.Node | (t.Node | null)[] | null | undefined>;
  return (t.VISITOR_KEYS[node.type] ?? []).flatMap((key) => record[key] ?? []).filter((n) => n !== null);
}

/** Goes through one function as `insertBlockCounters` does. */
class FunctionWalk {
  readonly #fn: CodeFunction;
  readonly #blocks: BlockStart[];
  readonly #units: CodeUnit[];
  readonly #lists: List[];
  readonly #inner: (node: t.Node, unit: CodeUnit) => void;

  constructor(fn: CodeFunction, blocks: BlockStart[], units: CodeUnit[], lists: List[], inner: (node: t.Node, unit: CodeUnit) => void) {
    this.#fn = fn;
    this.#blocks = blocks;
    this.#units = units;
    this.#lists = lists;
    this.#inner = inner;
  }

  run(node: t.Function, outer: CodeUnit | null): void {
    const { body } = node;
    const statements = t.isBlockStatement(body) ? body.body : [];
    const first = this.#block(t.isBlockStatement(body) ? statements[0] ?? node : body);
    const whole = this.#unit(node, first, outer);
    for (const p of node.params) this.#expressions(p, whole);
    if (t.isBlockStatement(body)) this.#list(body, statements, first, whole);
    else this.#expressions(body, this.#unit(body, first, whole));
  }

  #block(at: t.Node): number {
    const { line, column } = at.loc!.start;
    return this.#blocks.push({ line, column: column + 1 }) - 1;
  }

  #unit(node: t.Node, block: number, outer: CodeUnit | null): CodeUnit {
    const declares = t.isVariableDeclaration(node);
    const unit: CodeUnit = { start: node.start!, end: node.end!, ref: { function: this.#fn, block }, declares, outer };
    this.#units.push(unit);
    return unit;
  }

  /** `around`: what the list is written in; `first`: the block that it begins in. */
  #list(around: t.Node, statements: readonly t.Statement[], first: number, owner: CodeUnit): void {
    let block = first;
    const units: CodeUnit[] = [];
    let passes = true;
    statements.forEach((s, i) => {
      units.push(this.#statement(s, block, owner));
      passes = !containsYield(s) && !leavesAnywhere(s);
      const next = statements[i + 1];
      if (next !== undefined && !passes) block = this.#block(next);
    });
    const atEnd = units.length === 0 ? { ...owner, ref: { function: this.#fn, block } } : passes ? units.at(-1)! : null;
    this.#lists.push({ start: around.start!, end: around.end!, owner, statements: units, atEnd });
  }

  /** A list with a block of its own. */
  #branch(s: t.Statement, owner: CodeUnit): void {
    const statements = t.isBlockStatement(s) ? s.body : [s];
    this.#list(s, statements, this.#block(statements[0] ?? s), owner);
  }

  #statement(s: t.Statement, block: number, outer: CodeUnit): CodeUnit {
    const unit = this.#unit(s, block, outer);
    const heads = (...parts: readonly (t.Node | null | undefined)[]): void => {
      for (const p of parts) if (p != null) this.#expressions(p, unit);
    };
    switch (s.type) {
      case "BlockStatement": this.#list(s, s.body, block, unit); break;
      case "IfStatement":
        heads(s.test);
        this.#branch(s.consequent, unit);
        if (s.alternate != null) this.#branch(s.alternate, unit);
        break;
      case "WhileStatement": case "DoWhileStatement":
        heads(s.test);
        this.#branch(s.body, unit);
        break;
      case "ForStatement":
        heads(s.init, s.test, s.update);
        this.#branch(s.body, unit);
        break;
      case "ForOfStatement": case "ForInStatement":
        heads(s.left, s.right);
        this.#branch(s.body, unit);
        break;
      case "LabeledStatement":
        if (t.isBlockStatement(s.body)) this.#branch(s.body, unit);
        else this.#statement(s.body, block, unit);
        break;
      case "SwitchStatement":
        heads(s.discriminant);
        for (const k of s.cases) {
          heads(k.test);
          this.#list(k, k.consequent, this.#block(k.consequent[0] ?? k), unit);
        }
        break;
      default: for (const child of children(s)) this.#expressions(child, unit);
    }
    return unit;
  }

  /** Both values of each conditional expression have a block of their own. */
  #expressions(node: t.Node, unit: CodeUnit): void {
    if (t.isFunction(node)) {
      this.#inner(node, unit);
      return;
    }
    if (t.isConditionalExpression(node)) {
      this.#expressions(node.test, unit);
      for (const value of [node.consequent, node.alternate]) this.#expressions(value, this.#unit(value, this.#block(value), unit));
      return;
    }
    for (const child of children(node)) this.#expressions(child, unit);
  }
}
