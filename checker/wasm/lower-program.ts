/**
 * An emitted program as one module of WebAssembly: what a step runs, and what holds a state to its promises. It is lowered
 * from the very text that runs as JavaScript, so that there is one program with two forms.
 */
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";
import type { ProgramImage } from "../image/image.ts";
import { encodeModule } from "./encode.ts";
import { Kinds } from "./kinds.ts";
import { FunctionLowering, NotLowered } from "./lower-function.ts";
import { memoryPages, viewPlaces } from "./memory.ts";

/** Functions that the outside calls. */
const ROOTS = ["step", "nextBranch", "checkState", "checkEnd"];
/** Variables of the prelude that a step reads or writes. */
const GLOBALS = ["$fuel", "$me", "$R", "$point", "$waitsFor", "$ci", "$cl"];
/** What `FunctionLowering` makes instructions of itself. */
const OWN = new Set(["$fit", "$slotFit", "$oob", "$noMember", "$endless", "$bugOn", "$isInteger", "$fault"]);

export interface LoweredProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pages: number;
}

/** The module, or why the program has none: what is not lowered, in one line. */
export function lowerProgram(image: ProgramImage): LoweredProgram | { readonly reason: string } {
  if (image.roots.length === 0) return { reason: "a model without threads is not lowered" };
  if (image.instrumented) return { reason: "an instrumented program is not lowered" };
  try {
    return lowered(image);
  } catch (e) {
    if (e instanceof NotLowered) return { reason: e.message };
    throw e;
  }
}

function lowered(image: ProgramImage): LoweredProgram {
  const all = new Map(parse(image.code, { allowReturnOutsideFunction: true }).program.body
    .filter((s) => t.isFunctionDeclaration(s)).map((s) => [s.id!.name, s]));
  const used = reachable(all);
  const words = image.stateWords + image.statisticWords;
  const constants = new Map([1, 2, 4].map((width) => [`$statistics${width}`, (image.stateWords * 4) / width]));
  const lowering = {
    constants, plan: image.plan, kinds: new Kinds(used), globals: GLOBALS, places: viewPlaces(words),
    functions: new Map([...used].map(([name, fn], index) => [name, { index, params: fn.params.length }])),
  };
  const functions = [...used.values()].map((fn) => new FunctionLowering(lowering, fn).lowered());
  return { bytes: encodeModule(functions, GLOBALS), pages: memoryPages(words) };
}

/** The functions that the roots call, and what these call. */
function reachable(all: ReadonlyMap<string, t.FunctionDeclaration>): Map<string, t.FunctionDeclaration> {
  const used = new Map<string, t.FunctionDeclaration>();
  const visit = (n: t.Node): void => {
    if (t.isCatchClause(n)) return;
    if (t.isCallExpression(n) && t.isIdentifier(n.callee)) add(n.callee.name);
    for (const child of childrenOf(n)) visit(child);
  };
  const add = (name: string): void => {
    const fn = all.get(name);
    if (fn === undefined || used.has(name) || OWN.has(name)) return;
    used.set(name, fn);
    visit(fn.body);
  };
  for (const root of ROOTS) add(root);
  return used;
}
