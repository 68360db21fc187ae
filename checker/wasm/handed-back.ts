/**
 * Registers by which functions of an emitted program hand values back: `$R`, the result of a routine, and `$$0_$out0`, ...,
 * members of records. Whoever calls reads them before anything else runs (`compile/lower.ts`, `compile/records.ts`), so a register
 * that is read holds what the last call before it wrote, in the order of the text: the case of a routine in which its callee
 * goes on lies between the call that begins it and the read. A routine that returns what another one gives passes that on.
 */
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";

export interface HandedBack {
  /** By each read of a register, the function that wrote what is read. */
  readonly writers: ReadonlyMap<t.Node, string>;
  /** What functions pass on: `from` wrote the register, and `by` returns without having written it. */
  readonly passed: readonly { readonly by: string; readonly from: string; readonly register: string }[];
}

/** The value by which a routine says that it has ended. */
const ENDED = 2;
const isRegister = (name: string): boolean => name === "$R" || /^\$\$0_\$out\d+$/.test(name);

/** The registers that functions read or write. */
export function registersOf(functions: Iterable<t.FunctionDeclaration>): string[] {
  const names = new Set<string>();
  for (const fn of functions) t.traverseFast(fn.body, (n) => { if (t.isIdentifier(n) && isRegister(n.name)) names.add(n.name); });
  return [...names].sort();
}

export function handedBack(functions: ReadonlyMap<string, t.FunctionDeclaration>): HandedBack {
  const uses = new Map([...functions].map(([name, fn]) => [name, usesOf(fn)]));
  const writes = new Map([...uses].map(([name, all]) => [name, new Set(all.flatMap((u) => (u.is === "write" ? [u.register] : [])))]));
  for (;;) {
    const all = [...uses].map(([name, ofFunction]) => followed(name, ofFunction, writes));
    const news = all.flatMap((h) => h.passed).filter(({ by, register }) => !writes.get(by)!.has(register));
    for (const { by, register } of news) writes.get(by)!.add(register);
    if (news.length > 0) continue;
    return { writers: new Map(all.flatMap((h) => [...h.writers])), passed: all.flatMap((h) => h.passed) };
  }
}

/** What a function does that concerns registers. */
type Use =
  | { readonly is: "write"; readonly register: string }
  | { readonly is: "read"; readonly register: string; readonly node: t.Node }
  | { readonly is: "call"; readonly callee: string }
  /** It is a routine, and has ended. */
  | { readonly is: "end" };

/** In the order of the text. */
function usesOf(fn: t.FunctionDeclaration): readonly Use[] {
  const uses: Use[] = [];
  const visit = (n: t.Node): void => {
    if (t.isAssignmentExpression(n) && t.isIdentifier(n.left) && isRegister(n.left.name)) {
      visit(n.right);
      uses.push({ is: "write", register: n.left.name });
      return;
    }
    for (const child of childrenOf(n)) visit(child);
    if (t.isIdentifier(n)) {
      if (isRegister(n.name)) uses.push({ is: "read", register: n.name, node: n });
    } else if (t.isReturnStatement(n) && t.isNumericLiteral(n.argument, { value: ENDED })) uses.push({ is: "end" });
    else if (t.isCallExpression(n) && t.isIdentifier(n.callee)) uses.push({ is: "call", callee: n.callee.name });
  };
  visit(fn.body);
  return uses;
}

function followed(name: string, uses: readonly Use[], writes: ReadonlyMap<string, ReadonlySet<string>>): HandedBack {
  const writers = new Map<t.Node, string>();
  const passed: { by: string; from: string; register: string }[] = [];
  const last = new Map<string, string>();
  for (const use of uses) {
    if (use.is === "write") last.set(use.register, name);
    else if (use.is === "call") for (const register of writes.get(use.callee) ?? []) last.set(register, use.callee);
    else if (use.is === "end") {
      for (const [register, from] of last) if (from !== name) passed.push({ by: name, from, register });
    } else if (last.has(use.register)) writers.set(use.node, last.get(use.register)!);
  }
  return { writers, passed };
}
