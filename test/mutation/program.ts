/** A module of `impl/` as the operators see it: its functions, and in each the lists of statements. */
import { parse } from "@babel/parser";
import * as t from "@babel/types";

/** A function at the top level of a module: what the kernel's source has as a function. */
export interface KernelFunction {
  readonly name: string;
  /** One that can be preempted: a generator. */
  readonly routine: boolean;
  readonly node: t.Function;
  readonly body: t.BlockStatement | t.Expression;
}

export interface Module {
  /** Relative to the project: `impl/rmap.ts`. */
  readonly file: string;
  readonly text: string;
  readonly functions: readonly KernelFunction[];
}

export function readModule(file: string, text: string): Module {
  const functions: KernelFunction[] = [];
  for (const statement of parse(text, { sourceType: "module", plugins: ["typescript"], attachComment: false }).program.body) {
    const declared = t.isExportNamedDeclaration(statement) ? statement.declaration : statement;
    if (t.isFunctionDeclaration(declared) && declared.id != null) functions.push({ name: declared.id.name, routine: declared.generator === true, node: declared, body: declared.body });
    if (!t.isVariableDeclaration(declared)) continue;
    for (const { id, init } of declared.declarations) {
      if (t.isIdentifier(id) && (t.isArrowFunctionExpression(init) || t.isFunctionExpression(init))) functions.push({ name: id.name, routine: init.generator === true, node: init, body: init.body });
    }
  }
  return { file, text, functions };
}

/** Every node below and including `node`, parents first, with its ancestors from the outermost on. */
export function* nodesOf(node: t.Node, ancestors: readonly t.Node[] = []): Generator<{ readonly node: t.Node; readonly ancestors: readonly t.Node[] }> {
  yield { node, ancestors };
  const inner = [...ancestors, node];
  for (const key of t.VISITOR_KEYS[node.type] ?? []) {
    const value = (node as unknown as Record<string, unknown>)[key];
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) yield* nodesOf(child, inner);
  }
}

const isNode = (value: unknown): value is t.Node => typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

/** The lists of statements that run one after the other: of blocks, and of cases. */
export function* statementLists(fn: KernelFunction): Generator<readonly t.Statement[]> {
  for (const { node } of nodesOf(fn.body)) {
    if (t.isBlockStatement(node)) yield node.body;
    else if (t.isSwitchCase(node)) yield node.consequent;
  }
}

/** Every statement, also those that are the whole branch of an `if`. */
export function* statementsOf(fn: KernelFunction): Generator<t.Statement> {
  for (const { node } of nodesOf(fn.body)) if (t.isStatement(node)) yield node;
}

export interface Call {
  /** `spinLock`, or the last two names of a chain: `refcount.add`. */
  readonly name: string;
  /** Whether a method of a field is called: `k.page.refcount.add(...)`. */
  readonly method: boolean;
  /** `yield* f(...)`: may be preempted. */
  readonly delegated: boolean;
  readonly node: t.CallExpression;
}

/** The call that the statement consists of, or null. */
export function callOf(statement: t.Statement): Call | null {
  return t.isExpressionStatement(statement) ? callIn(statement.expression) : null;
}

/** The call that a declaration takes its value from, or null. */
export function initialCall(statement: t.Statement): Call | null {
  const init = t.isVariableDeclaration(statement) ? statement.declarations[0]?.init : null;
  return init == null ? null : callIn(init);
}

function callIn(expression: t.Expression): Call | null {
  const delegated = t.isYieldExpression(expression) && expression.delegate === true;
  const node = delegated ? expression.argument : expression;
  if (!t.isCallExpression(node)) return null;
  if (t.isIdentifier(node.callee)) return { name: node.callee.name, method: false, delegated, node };
  const chain = chainOf(node.callee);
  return chain === null ? null : { name: chain.slice(-2).join("."), method: true, delegated, node };
}

/** `k.page.refcount` as its names; null for anything else. */
export function chainOf(node: t.Node): readonly string[] | null {
  if (t.isIdentifier(node)) return [node.name];
  if (!t.isMemberExpression(node) || node.computed || !t.isIdentifier(node.property)) return null;
  const object = chainOf(node.object);
  return object === null ? null : [...object, node.property.name];
}

/** `yield at("label")`: nothing but a preemption point. */
export function isPreemptionPoint(statement: t.Statement): boolean {
  return t.isExpressionStatement(statement) && t.isYieldExpression(statement.expression) && statement.expression.delegate !== true;
}

/** Whether the statement may be left otherwise than at its end. */
export function mayExit(statement: t.Node): boolean {
  for (const { node, ancestors } of nodesOf(statement)) {
    if ((t.isReturnStatement(node) || t.isBreakStatement(node) || t.isContinueStatement(node) || t.isThrowStatement(node)) && !ancestors.some((a) => t.isFunction(a))) return true;
  }
  return false;
}

/** Names that the statement declares for those after it. */
export function declaredNames(statement: t.Statement): readonly string[] {
  return t.isVariableDeclaration(statement) ? statement.declarations.flatMap((d) => (t.isIdentifier(d.id) ? [d.id.name] : [])) : [];
}

export function mentions(node: t.Node, names: readonly string[]): boolean {
  for (const { node: inner } of nodesOf(node)) if (t.isIdentifier(inner) && names.includes(inner.name)) return true;
  return false;
}

export const startOf = (node: t.Node): number => node.start!;
export const endOf = (node: t.Node): number => node.end!;
export const sourceOf = (module: Module, node: t.Node): string => module.text.slice(startOf(node), endOf(node));
/** The text on one line. */
export const flat = (text: string): string => text.replace(/\s+/g, " ").trim();
