/** A program and the breadth-first search of its states as one module. */
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import type { ProgramImage } from "../image/image.ts";
import { BATCH, layoutOfRecord } from "../search/expand.ts";
import { PAGES_MAX, type LoweredSearch } from "../search/lowered/module.ts";
import { placesOfWords, shortFingerprintText, stateSumsTexts } from "../search/store/fingerprint.ts";
import { SHORT_WORDS } from "../system.ts";
import { CLAIM, claimFunction } from "./claim.ts";
import { encodeModule, OP, type Signature, type ValueType } from "./encode.ts";
import { layoutOf, loweredFunctions, orReason, programText, type ProgramText } from "./lower-program.ts";
import { resultOf, WordLowering, type WordScope, type WordView } from "./lower-words.ts";
import { memoriesOf, type Layout } from "./memory.ts";
import { NotLowered } from "./not-lowered.ts";
import { REFINEMENT_CALLS, REFINEMENT_GLOBALS, REFINEMENT_IMPORTS, refinementText } from "./refinement-text.ts";
import { REFINING_ROOTS } from "./routes.ts";
import { SEARCH_GLOBALS, SEARCH_IMPORTS, searchText, type SearchShape } from "./search-text.ts";

/** What a lowered search depends on, besides the image. */
export interface SearchRequest {
  /** Of the image. */
  readonly programHash: string;
  readonly seed: number;
  readonly fingerprintBits: 32 | 64;
  /** Threads that share the search. */
  readonly workers: number;
}

/** Functions of the program that the search calls. */
function programRoots(s: SearchShape, refines: boolean): string[] {
  const roots = (names: readonly string[], wanted: boolean): readonly string[] => (wanted ? names : []);
  return [
    "step", "nextBranch", ...roots(["markAffected"], s.setWords > 0), ...roots(["checkSome"], s.always > 0),
    ...roots(["excused"], s.excuses > 0), ...roots(["checkChanges"], s.stepProperties > 0),
    ...roots(["witness"], s.witnesses > 0),
    ...roots(REFINING_ROOTS, refines),
  ];
}
/** Actors whose rest is told by a bit of a word. */
const ACTORS_MAX = 31;

/** The module, or why the program has none: what is not lowered, in one line. */
export function lowerSearch(image: ProgramImage, request: SearchRequest): LoweredSearch | { readonly reason: string } {
  if (image.actors.length > ACTORS_MAX) return { reason: `more than ${ACTORS_MAX} threads are not lowered` };
  return orReason(image, () => lowered(image, request));
}

function lowered(image: ProgramImage, request: SearchRequest): LoweredSearch {
  const shape = shapeOf(image, request.workers);
  const { refinement } = image;
  const text = programText(image, programRoots(shape, refinement !== null));
  const layout = searchLayout(image, text, shape);
  const imports = [
    ...Object.entries(SEARCH_IMPORTS).map(([name, params]) => ({ name, params: words(params), result: null })),
    ...Object.entries(refinement === null ? {} : REFINEMENT_IMPORTS)
      .map(([name, params]) => ({ name, params: words(params), result: OP.i32 })),
  ];
  const check = refinement === null ? "" : refinementText(refinement, image.refineAll);
  const texts = parse(searchText(shape) + check).program.body.map((s) => s as t.FunctionDeclaration);
  const own = [...texts, ...hashFunctions(shape, request)];
  const firstOwn = imports.length + text.functions.size;
  const called = new Map(own.flatMap((fn, n) => {
    const params = REFINEMENT_CALLS[fn.id!.name];
    return params === undefined ? [] : [[fn.id!.name, { index: firstOwn + n, params }] as const];
  }));
  const memories = memoriesOf(request.workers);
  const claim = claimFunction(memories.indexOf("table"));
  const program = loweredFunctions(image, text, layout, imports.length, called);
  const signatures: [string, Signature][] = own.map((fn) => [fn.id!.name, { params: words(fn.params.length), result: resultOf(fn) }]);
  const indexed = (all: readonly (readonly [string, Signature])[], first: number): [string, Signature & { index: number }][] =>
    all.map(([name, s], n) => [name, { ...s, index: first + n }]);
  const names = [...SEARCH_GLOBALS, ...(refinement === null ? [] : REFINEMENT_GLOBALS)];
  const globals = [...program.globals, ...names.map((name) => ({ name, type: OP.i32 }))];
  const scope: WordScope = {
    views: viewsOf(layout, memories), constants: new Map(), stateWords: image.stateWords,
    globals: new Map(globals.map(({ name, type }, index) => [name, { index, type }])),
    functions: new Map([
      ...program.signatures, ...indexed(imports.map((i) => [i.name, i]), 0), ...indexed(signatures, firstOwn),
      [CLAIM, { ...claim, index: firstOwn + own.length }],
    ]),
  };
  const functions = [...program.functions, ...own.map((fn) => new WordLowering(scope, fn).lowered()), claim];
  const { low, high } = placesOfWords(image.stateWords, request.seed);
  return {
    bytes: encodeModule({ imports, memories, functions, globals }), pages: layout.pages,
    programHash: request.programHash, workers: request.workers, pagesMax: PAGES_MAX, setWords: shape.setWords,
    arrays: Object.fromEntries(layout.arrays),
    contents: { ...text.tables, ...(shape.long ? { low, high } : {}) },
  };
}

const words = (count: number): readonly ValueType[] => Array.from({ length: count }, () => OP.i32);

function shapeOf(image: ProgramImage, workers: number): SearchShape {
  const { stateWords, actors, always, excuses, stepProperties, sometimes, recurring } = image;
  const { words, sumsAt, excusesAt } = layoutOfRecord(stateWords, excuses > 0);
  // As `CompiledSystem.restless` has it.
  const idles = image.routines.some((r) => r.points.some((p) => p?.idle === true));
  return {
    workers, stateWords, actors: actors.length, long: stateWords > SHORT_WORDS,
    restless: actors.reduce((bits, a, n) => bits | (!a.daemon && !idles ? 1 << n : 0), 0),
    setWords: Math.ceil((always.length + excuses) / 32), always: always.length, excuses,
    stepProperties: stepProperties.length, witnesses: sometimes.length, everyState: recurring.length > 0,
    record: words, sumsAt, excusesAt, batch: BATCH,
  };
}

function searchLayout(image: ProgramImage, text: ProgramText, shape: SearchShape): Layout {
  const { stateWords, setWords, excuses, witnesses, long, batch } = shape;
  const layout = layoutOf(image, text);
  layout.add("states", batch * stateWords);
  for (const name of ["parents", "ordinals", "excusesOf", "fresh", "freshPlaces", "known", "knownPlaces"]) layout.add(name, batch);
  for (const name of ["sums", "prints"]) layout.add(name, 2 * batch);
  layout.add("sets", batch * setWords);
  layout.add("witnessed", witnesses);
  layout.add("inForce", excuses);
  layout.add("moved", long ? batch : 0);
  for (const name of ["low", "high"]) layout.add(name, long ? stateWords : 0);
  return layout;
}

function viewsOf(layout: Layout, memories: readonly string[]): ReadonlyMap<string, WordView> {
  const own = [...layout.arrays].map(([name, { offset }]): [string, WordView] => [name, { memory: 0, offset }]);
  const grown = memories.slice(1).map((name, n): [string, WordView] => [name, { memory: n + 1, offset: 0 }]);
  return new Map([...own, ...grown]);
}

/** The functions that hash a state, from the text that JavaScript runs: each array that they are given has a name here. */
function hashFunctions({ stateWords, long }: SearchShape, { seed, fingerprintBits }: SearchRequest): t.FunctionDeclaration[] {
  if (!long) return [named(shortFingerprintText(stateWords, fingerprintBits, seed), { words: "vector", at: 0, out: "prints" })];
  const { whole, update, print } = stateSumsTexts(stateWords, fingerprintBits);
  return [
    named(whole, { words: "vector", at: 0, out: "sums" }),
    named(update, { sums: "sums", before: "before", after: "vector", changed: "changed" }),
    named(print, { sums: "sums", out: "prints" }),
  ];
}

/** The function of a text without the parameters that are given here: arrays by their names, numbers by themselves. */
function named(text: string, given: Readonly<Record<string, string | number>>): t.FunctionDeclaration {
  const fn = parse(text).program.body[0];
  if (!t.isFunctionDeclaration(fn)) throw new NotLowered(t.stringLiteral(text), "this is no function");
  fn.params = fn.params.filter((p) => !(t.isIdentifier(p) && given[p.name] !== undefined));
  const put = (n: t.Node): void => {
    for (const key of t.VISITOR_KEYS[n.type] ?? []) {
      const child = (n as unknown as Record<string, unknown>)[key];
      const list = Array.isArray(child) ? child as unknown[] : null;
      if (list !== null) list.forEach((c, i) => { list[i] = replaced(c as t.Node); });
      else if (child != null) (n as unknown as Record<string, unknown>)[key] = replaced(child as t.Node);
    }
  };
  const replaced = (n: t.Node): t.Node => {
    const value = t.isIdentifier(n) ? given[n.name] : undefined;
    if (value !== undefined) return typeof value === "number" ? t.numericLiteral(value) : t.identifier(value);
    put(n);
    return n;
  };
  put(fn.body);
  return fn;
}

