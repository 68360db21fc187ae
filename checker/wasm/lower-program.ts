/**
 * An emitted program as functions of WebAssembly: what a step runs, and what holds a state to its promises. It is lowered
 * from the very text that runs as JavaScript, so that there is one program with two forms.
 */
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";
import type { ProgramImage } from "../image/image.ts";
import { encodeModule, OP, type Signature, type WasmFunction } from "./encode.ts";
import { Kinds } from "./kinds.ts";
import { FunctionLowering } from "./lower-function.ts";
import { lockTables, lockText, nameLockCalls } from "./lock-text.ts";
import { MEMORIES, programLayout, viewPlaces, type Layout } from "./memory.ts";
import { NotLowered } from "./not-lowered.ts";

/** Functions that the outside calls. */
const ROOTS = ["step", "nextBranch", "checkState", "checkEnd"];
/** Variables of the prelude that a step reads or writes. */
export const PROGRAM_GLOBALS = ["$fuel", "$me", "$R", "$point", "$waitsFor", "$ci", "$cl", "$changes"];
/** What `FunctionLowering` makes instructions of itself. */
const OWN = new Set(["$fit", "$slotFit", "$oob", "$noMember", "$endless", "$bugOn", "$isInteger", "$fault"]);
/** Parameters that are the array of the sets, by function: the array is known, so it is no parameter in what is lowered. */
const SETS_OF: Readonly<Record<string, string>> = { checkSome: "m", excused: "m", markAffected: "into" };

export interface LoweredProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly pages: number;
  /** What memory 0 holds from the beginning, by the first byte. */
  readonly contents: readonly (readonly [offset: number, words: Int32Array])[];
}

/** The module, or why the program has none: what is not lowered, in one line. */
export function lowerProgram(image: ProgramImage): LoweredProgram | { readonly reason: string } {
  return orReason(image, () => {
    const layout = layoutOf(image);
    const { functions } = loweredFunctions(image, ROOTS, layout, 0);
    const globals = PROGRAM_GLOBALS.map((name) => ({ name, type: OP.i64 }));
    const contents = Object.entries(lockTables(image.plan)).map(([name, table]) => [layout.offset(name), table] as const);
    return { contents, bytes: encodeModule({ imports: [], memories: MEMORIES.slice(0, 1), functions, globals }), pages: layout.pages };
  });
}

/** What is made of an image that can be lowered, or why it cannot. */
export function orReason<T>(image: ProgramImage, make: () => T): T | { readonly reason: string } {
  if (image.roots.length === 0) return { reason: "a model without threads is not lowered" };
  if (image.instrumented) return { reason: "an instrumented program is not lowered" };
  if (image.blocks.length > 0) return { reason: "a program that counts its blocks is not lowered" };
  try {
    return make();
  } catch (e) {
    if (e instanceof NotLowered) return { reason: e.message };
    throw e;
  }
}

/** The arrays of an image's program. */
export function layoutOf(image: ProgramImage): Layout {
  const layout = programLayout(image.stateWords + image.statisticWords, image.calls.length * image.actors.length);
  for (const [name, table] of Object.entries(lockTables(image.plan))) layout.add(name, table.length);
  return layout;
}

export interface LoweredFunctions {
  readonly functions: readonly WasmFunction[];
  /** By name, with the number of each in the module. */
  readonly signatures: ReadonlyMap<string, Signature & { readonly index: number }>;
}

/** The functions of an image that `roots` need; the first has the number `firstIndex`. Throws NotLowered. */
export function loweredFunctions(image: ProgramImage, roots: readonly string[], layout: Layout, firstIndex: number): LoweredFunctions {
  const texts = [image.code, image.plan.locks.length === 0 ? "" : lockText(image.plan)];
  const all = new Map(texts.flatMap((text) => parse(text, { allowReturnOutsideFunction: true }).program.body)
    .filter((s) => t.isFunctionDeclaration(s)).map((s) => [s.id!.name, s]));
  for (const fn of all.values()) nameLockCalls(fn);
  const used = reachable(all, roots);
  for (const [name, parameter] of Object.entries(SETS_OF)) nameSets(used.get(name), parameter);
  const constants = new Map([1, 2, 4].map((width) => [`$statistics${width}`, (image.stateWords * 4) / width]));
  const lowering = {
    constants, plan: image.plan, kinds: new Kinds(used), globals: PROGRAM_GLOBALS, places: viewPlaces(layout),
    functions: new Map([...used].map(([name, fn], index) => [name, { index: firstIndex + index, params: fn.params.length }])),
  };
  const functions = [...used.values()].map((fn) => new FunctionLowering(lowering, fn).lowered());
  return { functions, signatures: new Map(functions.map((f, n) => [f.name, { ...f, index: firstIndex + n }])) };
}

/** The functions that the roots call, and what these call. */
function reachable(all: ReadonlyMap<string, t.FunctionDeclaration>, roots: readonly string[]): Map<string, t.FunctionDeclaration> {
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
  for (const root of roots) add(root);
  return used;
}

/** Within `fn`, the array that `parameter` stands for gets the name of its view. */
function nameSets(fn: t.FunctionDeclaration | undefined, parameter: string): void {
  if (fn === undefined) return;
  t.traverseFast(fn.body, (n) => {
    if (t.isMemberExpression(n) && t.isIdentifier(n.object, { name: parameter })) n.object = t.identifier("$sets");
  });
}
