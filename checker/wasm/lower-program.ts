/**
 * An emitted program as functions of WebAssembly: what a step runs, and what holds a state to its promises. It is lowered
 * from the very text that runs as JavaScript, so that there is one program with two forms.
 */
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import { childrenOf } from "../compile/syntax.ts";
import type { ProgramImage } from "../image/image.ts";
import { EVENT_ARGUMENTS } from "../image/refinement-runtime.ts";
import { Constants } from "./constants.ts";
import { encodeModule, OP, type Signature, type WasmFunction } from "./encode.ts";
import { registersOf } from "./handed-back.ts";
import { Kinds } from "./kinds.ts";
import { FAULTS, FunctionLowering } from "./lower-function.ts";
import { lockTables, lockText, nameLockCalls } from "./lock-text.ts";
import { addRefinementArrays, REFINEMENT_CALLS, refinementTables } from "./refinement-text.ts";
import { addRefiningFunctions } from "./routes.ts";
import { MEMORIES, programLayout, viewPlaces, type Layout } from "./memory.ts";
import { NotLowered } from "./not-lowered.ts";

/** Functions that the outside calls. */
const ROOTS = ["step", "nextBranch", "checkState", "checkEnd"];
/** Variables of the prelude that a step reads or writes, beside registers. */
const PROGRAM_GLOBALS = ["$fuel", "$me", "$point", "$waitsFor", "$ci", "$cl", "$changes", "$events"];
/** What `FunctionLowering` makes instructions of itself. */
const OWN: ReadonlySet<string> = new Set([...FAULTS, "$fit", "$bugOn", "$isInteger", "$word", ...Object.keys(REFINEMENT_CALLS)]);
/** Parameters of `$emit`. What it is not given, the record of events has as 0. */
const EMITTED = 2 + EVENT_ARGUMENTS;
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
    const text = programText(image, ROOTS);
    const layout = layoutOf(image, text);
    const { functions, globals } = loweredFunctions(image, text, layout, 0);
    const contents = Object.entries(text.tables).map(([name, table]) => [layout.offset(name), table] as const);
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

/** Of the text of a program, what is lowered. */
export interface ProgramText {
  /** The functions that are called, by name. */
  readonly functions: ReadonlyMap<string, t.FunctionDeclaration>;
  /** Tables that they read, by name. */
  readonly tables: Readonly<Record<string, Int32Array>>;
  /** Those of them that the program wrote down: an index beyond one traps. */
  readonly written: readonly string[];
}

/** What `roots` need of the text of an image, parsed. */
export function programText(image: ProgramImage, roots: readonly string[]): ProgramText {
  const { body } = parse(image.code, { allowReturnOutsideFunction: true }).program;
  const locks = image.plan.locks.length === 0 ? [] : parse(lockText(image.plan)).program.body;
  const all = new Map([...body, ...locks].filter((s) => t.isFunctionDeclaration(s)).map((s) => [s.id!.name, s]));
  addRefiningFunctions(all, image);
  const constants = new Constants(body);
  const functions = reachable(all, roots, (fn) => {
    nameLockCalls(fn);
    fillEvents(fn);
    constants.fold(fn);
  });
  for (const [name, parameter] of Object.entries(SETS_OF)) nameSets(functions.get(name), parameter);
  const tables = image.refinement === null ? {} : refinementTables(image.refinement, image.stateWords);
  const read = new Set<string>();
  for (const fn of functions.values()) t.traverseFast(fn.body, (n) => { if (t.isIdentifier(n)) read.add(n.name); });
  const written = Object.fromEntries(Object.entries(constants.tables).filter(([name]) => read.has(name)));
  return { functions, tables: { ...lockTables(image.plan), ...tables, ...written }, written: Object.keys(written) };
}

/** The arrays of an image's program. */
export function layoutOf(image: ProgramImage, { tables }: ProgramText): Layout {
  const layout = programLayout(image.stateWords + image.statisticWords, image.calls.length * image.actors.length);
  for (const [name, table] of Object.entries(tables)) layout.add(name, table.length);
  if (image.refinement !== null) addRefinementArrays(layout, image.refinement);
  return layout;
}

export interface LoweredFunctions {
  readonly functions: readonly WasmFunction[];
  /** By name, with the number of each in the module. */
  readonly signatures: ReadonlyMap<string, Signature & { readonly index: number }>;
  /** The first of the module, in this order. */
  readonly globals: readonly { readonly name: string; readonly type: typeof OP.i64 }[];
}

type Numbered = ReadonlyMap<string, { readonly index: number; readonly params: number }>;

/** The functions of a program; the first has the number `firstIndex`. `words`: others that it may call. Throws NotLowered. */
export function loweredFunctions(
  image: ProgramImage, { functions: used, written }: ProgramText, layout: Layout, firstIndex: number, words: Numbered = new Map(),
): LoweredFunctions {
  const constants = new Map([1, 2, 4].map((width) => [`$statistics${width}`, (image.stateWords * 4) / width]));
  const globals = [...PROGRAM_GLOBALS, ...registersOf(used.values())];
  const lowering = {
    constants, words, plan: image.plan, kinds: new Kinds(used, written), globals, places: viewPlaces(layout, written),
    functions: new Map([...used].map(([name, fn], index) => [name, { index: firstIndex + index, params: fn.params.length }])),
  };
  const functions = [...used.values()].map((fn) => new FunctionLowering(lowering, fn).lowered());
  return {
    functions, signatures: new Map(functions.map((f, n) => [f.name, { ...f, index: firstIndex + n }])),
    globals: globals.map((name) => ({ name, type: OP.i64 })),
  };
}

/** The functions that the roots call, and what these call; each is prepared before it is looked at. */
function reachable(
  all: ReadonlyMap<string, t.FunctionDeclaration>, roots: readonly string[], prepare: (fn: t.FunctionDeclaration) => void,
): Map<string, t.FunctionDeclaration> {
  const used = new Map<string, t.FunctionDeclaration>();
  const visit = (n: t.Node): void => {
    if (t.isCatchClause(n)) return;
    const called = t.isCallExpression(n) && t.isIdentifier(n.callee) ? n.callee.name : null;
    if (called !== null) add(called);
    // What else is given is for the message of a fault.
    const lowered = called === "$bugOn" ? [(n as t.CallExpression).arguments[0]!] : FAULTS.has(called ?? "") ? [] : childrenOf(n);
    for (const child of lowered) visit(child);
  };
  const add = (name: string): void => {
    const fn = all.get(name);
    if (fn === undefined || used.has(name) || OWN.has(name)) return;
    used.set(name, fn);
    prepare(fn);
    visit(fn.body);
  };
  for (const root of roots) add(root);
  return used;
}

/** Within `fn`, an event gets all its arguments. */
function fillEvents(fn: t.FunctionDeclaration): void {
  t.traverseFast(fn.body, (n) => {
    if (!t.isCallExpression(n) || !t.isIdentifier(n.callee, { name: "$emit" })) return;
    while (n.arguments.length < EMITTED) n.arguments.push(t.numericLiteral(0));
  });
}

/** Within `fn`, the array that `parameter` stands for gets the name of its view. */
function nameSets(fn: t.FunctionDeclaration | undefined, parameter: string): void {
  if (fn === undefined) return;
  t.traverseFast(fn.body, (n) => {
    if (t.isMemberExpression(n) && t.isIdentifier(n.object, { name: parameter })) n.object = t.identifier("$sets");
  });
}
