/**
 * The load-time half of the compiler: tags every function of a user's module with its origin.
 *
 * The module keeps running as it is written (the native run); only afterwards does `link.ts` find, from the function
 * objects that a scenario holds, the source of each and the values it captures. All insertions stay on their line, so
 * line numbers in stack traces, coverage and traces are those of the file that a person wrote.
 *
 * Not tagged: functions inside generator functions (guards are part of their routine), class members, getters, async
 * functions, and arguments of Vitest's `vi.mock()` and its like, which run before the module begins. Such a function can be called
 * natively but not linked, and the linker says so.
 */
import traverseModule, { type NodePath } from "@babel/traverse";
import * as t from "@babel/types";
import { defaultOf } from "./interop.ts";
import MagicString from "magic-string";
import { parseModule } from "./source-module.ts";

const traverse = defaultOf(traverseModule);

export interface Transformed {
  readonly code: string;
  readonly map: ReturnType<MagicString["generateMap"]>;
}

/** Returns null when the text cannot contain anything to link. Throws CompileError when it does not parse. */
export function transformModule(text: string, file: string): Transformed | null {
  if (!/=>|function|\(/.test(text)) return null;
  const ast = parseModule(text, file);
  const out = new MagicString(text);
  const hoisted: string[] = [];

  const visitor = {
    Function(path: NodePath<t.Function>) {
      const node = path.node;
      if (!isTaggable(path)) return;
      const tag = (target: string): string => `__thpTag(${node.start!},()=>({${capturedNames(path).join(",")}}),${target})`;
      if (t.isFunctionDeclaration(node)) {
        if (node.id == null) return;
        const parent = path.parentPath;
        if (parent.isProgram() || parent.isExportNamedDeclaration() || parent.isExportDefaultDeclaration()) {
          hoisted.push(`${tag(node.id.name)};`);
        }
        else if (parent.isBlockStatement()) out.appendRight(parent.node.start! + 1, `${tag(node.id.name)};`);
      } else if (t.isObjectMethod(node)) {
        const keyEnd = node.computed ? text.indexOf("]", node.key.end!) + 1 : node.key.end!;
        const keyStart = node.computed ? text.lastIndexOf("[", node.key.start!) : node.key.start!;
        if (node.generator) out.remove(node.start!, keyStart);
        out.appendLeft(keyEnd, `:${tag("").slice(0, -1)}function${node.generator ? "*" : ""}`);
        out.appendRight(node.end!, ")");
      } else {
        out.appendRight(node.start!, tag("").slice(0, -1));
        out.appendLeft(node.end!, ")");
      }
    },
  };
  try {
    traverse(ast, visitor);
  } catch (e) {
    // The module is wrong, and Node says so with its line when it loads the text as it is.
    if (e instanceof TypeError && e.message.startsWith("Duplicate declaration")) return null;
    throw e;
  }

  const module = `const __thpModule={url:import.meta.url,text:${JSON.stringify(text)}}`;
  out.prepend(`${module},${TAG}${hoisted.join("")}`);
  return { code: out.toString(), map: out.generateMap({ source: file, includeContent: true, hires: true }) };
}

/** The end of a declaration, on one line: the function that marks another with its origin. */
const TAG = '__thpTag=(start,captured,f)=>{if(!Object.hasOwn(f,Symbol.for("thpcheck.origin")))'
  + 'Object.defineProperty(f,Symbol.for("thpcheck.origin"),{value:{module:__thpModule,start,captured}});return f;};';

function isTaggable(path: NodePath<t.Function>): boolean {
  const node = path.node;
  if (node.async || t.isClassMethod(node) || t.isClassPrivateMethod(node)) return false;
  if (t.isObjectMethod(node) && node.kind !== "method") return false;
  if (!("body" in node) || node.body == null) return false;
  for (let outer = path.getFunctionParent(); outer !== null; outer = outer.getFunctionParent()) {
    if (outer.node.generator || t.isClassMethod(outer.node)) return false;
  }
  return path.findParent(isHoistedByVitest) === null;
}

/** `vi.mock(...)`, `vi.hoisted(...)`: Vitest moves such a call before the imports. */
function isHoistedByVitest({ node }: NodePath): boolean {
  return t.isCallExpression(node) && t.isMemberExpression(node.callee) && t.isIdentifier(node.callee.object)
    && (node.callee.object.name === "vi" || node.callee.object.name === "vitest");
}

/** Names used in the function that are bound outside of it, in this module. */
function capturedNames(path: NodePath<t.Function>): string[] {
  const names = new Set<string>();
  path.traverse({
    ReferencedIdentifier(id: NodePath<t.Identifier | t.JSXIdentifier>) {
      const name = id.node.name;
      const binding = path.scope.parent?.getBinding(name);
      if (binding === undefined || id.scope.getBinding(name) !== binding) return;
      const declaration = binding.path;
      if (declaration.isTSTypeAliasDeclaration() || declaration.isTSInterfaceDeclaration()) return;
      if (declaration.isImportSpecifier() && (declaration.node.importKind === "type" || (declaration.parent).importKind === "type")) return;
      names.add(name);
    },
  } as Parameters<typeof path.traverse>[0]);
  return [...names].sort();
}
