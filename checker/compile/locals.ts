/** A function made ready for translation: a private copy of its tree in which every local has a unique name. */
import traverseModule, { type Binding, type NodePath } from "@babel/traverse";
import * as t from "@babel/types";
import { defaultOf } from "./interop.ts";
import { copyTree } from "./quasi.ts";
import type { FunctionNode, SourceModule } from "./source-module.ts";
import { withPlace } from "./syntax.ts";

const traverse = defaultOf(traverseModule);

export interface Local {
  /** As written, for messages and traces. */
  readonly name: string;
  readonly annotation: t.TSType | null;
  /** Where the names of the annotation are to be looked up, when that is not the function's own module. */
  readonly module?: SourceModule;
  readonly init: t.Expression | null;
  readonly constant: boolean;
  readonly declaration: t.Node;
}

export interface PreparedFunction {
  /** Unique names of the parameters, in order. */
  readonly params: readonly string[];
  readonly body: t.BlockStatement;
  /** By unique name. */
  readonly locals: Map<string, Local>;
  readonly returnType: t.TSType | null;
  readonly generator: boolean;
}

/**
 * Unique names begin with two dollars and a number. No name of the source does: `prepare` refuses those that would, so
 * that a local is told from a captured name by its spelling.
 */
const UNIQUE = /^\$\$\d/;

export function isLocalName(name: string): boolean {
  return UNIQUE.test(name);
}

type Refuse = (node: t.Node, problem: string, instead: string) => never;

/** What `prepare` found of a function: depends on its tree alone, and is kept as long as the tree is. */
const prepared = new WeakMap<FunctionNode, PreparedFunction>();

/** A private copy for one translation. `refuse` is called for a parameter or binding that is not a plain name. */
export function prepareFunction(original: FunctionNode, refuse: Refuse): PreparedFunction {
  let known = prepared.get(original);
  if (known === undefined) {
    known = prepare(original, refuse);
    prepared.set(original, known);
  }
  const body = copyTree(known.body);
  const locals = new Map(known.locals);
  // Initialisers are known by identity (a yield has a form), so they are those of the copy.
  t.traverseFast(body, (node) => {
    if (!t.isVariableDeclarator(node) || !t.isIdentifier(node.id)) return;
    const local = locals.get(node.id.name);
    if (local !== undefined) locals.set(node.id.name, { ...local, init: node.init ?? null, declaration: node });
  });
  return { ...known, body, locals };
}

/**
 * Refuses a use of a `let` or `const` that can come before its declaration has run: JavaScript throws there, and a frame has a value
 * for it all the same. A use inside of a function that stands further up, and is called later, is none: what a helper does is
 * left as it is, and throws.
 */
function refuseEarlyUse({ kind, path, scope, identifier, referencePaths, constantViolations }: Binding, refuse: Refuse): void {
  const { node } = path;
  const { name } = identifier;
  if ((kind !== "let" && kind !== "const") || !t.isVariableDeclarator(node)) return;
  const declaredIn = path.parentPath?.parentPath ?? null;
  // What a loop goes through is evaluated before its variable is there.
  const end = (declaredIn?.isForXStatement() === true ? declaredIn.node.right : node).loc?.end.index ?? 0;
  const isGuarding = (use: NodePath): boolean => use.getFunctionParent()?.parentPath?.parentPath?.isYieldExpression() === true;
  for (const use of [...referencePaths, ...constantViolations]) {
    if (use === path || (use.scope.getFunctionParent() !== scope.getFunctionParent() && !isGuarding(use))) continue;
    const line = node.loc?.start.line;
    if ((use.node.loc?.start.index ?? end) < end) {
      refuse(use.node, `${name} is used before its declaration${line === undefined ? "" : ` (line ${line})`} has run`, "Declare it first");
    }
    if (declaredIn?.isSwitchCase() === true && use.findParent((p) => p === declaredIn) === null) {
      refuse(use.node, `${name} is declared in another case of this switch, which may not have run`, "Declare it before the switch");
    }
  }
}

function prepare(original: FunctionNode, refuse: Refuse): PreparedFunction {
  const copy = t.cloneNode(original, true, false);
  const body = t.isBlockStatement(copy.body) ? copy.body
    : withPlace(t.blockStatement([withPlace(t.returnStatement(copy.body), copy.body)]), copy.body);
  const expression = t.functionExpression(null, copy.params, body, "generator" in copy && copy.generator === true);
  const locals = new Map<string, Local>();
  let params: string[] = [];
  t.traverseFast(body, (node) => {
    if (t.isIdentifier(node) && UNIQUE.test(node.name)) {
      refuse(node, `the name ${node.name}`, "Names that begin with $$ and a digit belong to the compiler");
    }
    if (t.isVariableDeclaration(node) && node.kind === "var") refuse(node, "var", "Use let or const: a block has its own variables");
  });
  const seen = new Set<object>();
  const file = t.file(t.program([t.expressionStatement(expression)]));
  traverse(file, {
    Scopable(path: NodePath) {
      const scope = path.scope;
      if (scope.path !== path || path.isProgram() || seen.has(scope)) return;
      seen.add(scope);
      for (const name of Object.keys(scope.bindings)) {
        const binding = scope.bindings[name]!;
        const unique = `$$${locals.size}_${name}`;
        const d = binding.path.node;
        const target = t.isVariableDeclarator(d) ? d.id : binding.identifier;
        if (t.isVariableDeclarator(d) && !t.isIdentifier(d.id)) {
          refuse(d, "destructuring is not in the subset", "Declare one name at a time");
        }
        const typed = t.isIdentifier(target) && t.isTSTypeAnnotation(target.typeAnnotation) ? target.typeAnnotation : null;
        const init = t.isVariableDeclarator(d) ? d.init ?? null : null;
        refuseEarlyUse(binding, refuse);
        locals.set(unique, { name, annotation: typed?.typeAnnotation ?? null, init, constant: binding.constant, declaration: d });
        scope.rename(name, unique);
      }
    },
  });
  // Babel remembers the paths of a tree as long as the tree lives, and with them the visitor: `refuse`, and through it the
  // whole compilation that asked first.
  traverse.cache.clear();
  const plain = "Write one name for each parameter, without default, destructuring or rest";
  const isPlainName = (p: t.Node): p is t.Identifier => t.isIdentifier(p) && p.name !== "this";
  params = expression.params.map((p) => (isPlainName(p) ? p.name : refuse(p, "this parameter is not a plain name", plain)));
  const returnType = copy.returnType != null && t.isTSTypeAnnotation(copy.returnType) ? copy.returnType.typeAnnotation : null;
  return { params, body: expression.body, locals, returnType, generator: expression.generator === true };
}
