/**
 * Random scenario modules for the compiler's property tests.
 *
 * What fast-check generates and shrinks is a small syntax tree in which every reference (which local, which field,
 * which routine) is a plain number. `print-program.ts` binds the numbers to what is in scope at that place, so any
 * tree, however shrunk, prints as a valid program that ends, and stays in range unless it goes wrong on purpose.
 */
import fc from "fast-check";
import { printProgram, type PrintedProgram } from "./print-program.ts";
import type { Expression, FieldNode, FunctionNode, ProgramNode, Statement, Value } from "./random-syntax.ts";

const pick = fc.nat(63);

const scalarField: fc.Arbitrary<FieldNode> = fc.oneof(
  { weight: 5, arbitrary: fc.record({
    f: fc.constant("int" as const),
    min: fc.constantFrom(0, 0, 1, -1, -3, -128, -(2 ** 31)),
    span: fc.constantFrom(6, 3, 1, 0, 2, 7, 15, 100, 255, 256, 1000, 65_535, 65_536, 2 ** 32 - 1),
    wrapping: fc.boolean(),
    init: pick,
  }) },
  { weight: 2, arbitrary: fc.record({ f: fc.constant("bool" as const), init: fc.boolean() }) },
  { weight: 2, arbitrary: fc.constant({ f: "ref" as const }) },
  { weight: 2, arbitrary: fc.record({ f: fc.constant("bitset" as const), size: fc.constantFrom(3, 1, 0, 7, 8, 9, 17, 31) }) },
);

/** Any field, as a struct may declare it. */
export const fieldArbitrary: fc.Arbitrary<FieldNode> = fc.oneof(
  { weight: 8, arbitrary: scalarField },
  { weight: 2, arbitrary: fc.record({ f: fc.constant("array" as const), length: fc.integer({ min: 1, max: 4 }), element: scalarField }) },
  { weight: 2, arbitrary: fc.record({ f: fc.constant("lock" as const),
    kind: fc.constantFrom("spinlock" as const, "mutex" as const, "rwsem" as const, "queued rwsem" as const) }) },
  { weight: 1, arbitrary: fc.constantFrom({ f: "statistic" as const }, { f: "ghost" as const }) },
);

const leafExpression: fc.Arbitrary<Expression> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ e: fc.constant("constant" as const), value: fc.integer({ min: -3, max: 9 }) }) },
  { weight: 3, arbitrary: fc.record({ e: fc.constant("local" as const), pick }) },
  { weight: 1, arbitrary: fc.record({ e: fc.constant("read" as const), pick, index: fc.record({ e: fc.constant("local" as const), pick }),
    once: fc.boolean() }) },
);

const { expression, value, statement, block } =
  fc.letrec<{ expression: Expression; value: Value; simple: Statement; statement: Statement; block: Statement[] }>((tie) => {
  const e = tie("expression");
  const body = tie("block");
  return {
    expression: fc.oneof(
      { maxDepth: 3, depthIdentifier: "expression", withCrossShrink: true },
      { weight: 9, arbitrary: leafExpression },
      { weight: 5, arbitrary: fc.record({ e: fc.constant("read" as const), pick, index: e, once: fc.boolean() }) },
      { weight: 4, arbitrary: fc.record({ e: fc.constant("binary" as const), operator: pick, left: e, right: e }) },
      { weight: 2, arbitrary: fc.record({ e: fc.constant("logical" as const), or: fc.boolean(), left: e, right: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("conditional" as const), test: e, left: e, right: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("not" as const), of: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("helper" as const), pick, argument: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("choose" as const), n: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("cmpxchg" as const), pick, index: e, expected: e, value: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("exchange" as const), pick, index: e, value: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("add" as const), pick, index: e, delta: fc.integer({ min: -1, max: 2 }),
        unless: fc.option(e, { freq: 2 }) }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("lock held" as const), pick, index: e }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("current" as const) }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("count" as const), pick }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("increment" as const), pick, prefix: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ e: fc.constant("store" as const), pick, value: e }) },
    ),
    value: fc.oneof(
      { weight: 2, arbitrary: fc.record({ v: fc.constant("expression" as const), of: e }) },
      { weight: 1, arbitrary: fc.record({ v: fc.constant("call" as const), pick, argument: e }) },
    ),
    block: fc.array(tie("statement"), { minLength: 1, maxLength: 6, size: "medium", depthIdentifier: "statement" }),
    simple: fc.oneof(
      { withCrossShrink: true },
      { weight: 8, arbitrary: fc.record({ s: fc.constant("yield" as const), guard: fc.option(e, { freq: 3 }), idle: fc.boolean(),
        slack: fc.oneof({ weight: 24, arbitrary: fc.constantFrom(11, 8, 9, 13, 17, 6) }, { weight: 1, arbitrary: fc.constant(0) }) }) },
      { weight: 5, arbitrary: fc.record({ s: fc.constant("declare" as const), name: pick, kind: pick, constant: fc.boolean(),
        late: fc.boolean(), value: tie("value") }) },
      { weight: 4, arbitrary: fc.record({ s: fc.constant("assign" as const), pick, value: tie("value") }) },
      { weight: 3, arbitrary: fc.record({ s: fc.constant("compound" as const), pick, operator: pick, value: e }) },
      { weight: 6, arbitrary: fc.record({ s: fc.constant("write" as const), pick, index: e, operation: pick, value: e }) },
      { weight: 4, arbitrary: fc.record({ s: fc.constant("record" as const), type: pick, pick,
        values: fc.array(e, { minLength: 1, maxLength: 3 }) }) },
    ),
    statement: fc.oneof(
      { maxDepth: 4, depthIdentifier: "statement", withCrossShrink: true },
      { weight: 26, arbitrary: tie("simple") },
      { weight: 4, arbitrary: fc.record({ s: fc.constant("call" as const), pick, argument: e }) },
      { weight: 1, arbitrary: fc.record({ s: fc.constant("helper" as const), pick, argument: e }) },
      { weight: 5, arbitrary: fc.record({ s: fc.constant("if" as const), test: e, yes: body, no: fc.option(body, { freq: 2 }) }) },
      { weight: 6, arbitrary: fc.record({ s: fc.constant("loop" as const), form: pick, trips: fc.integer({ min: 1, max: 3 }), test: e,
        name: pick, labelled: fc.boolean(), body }) },
      { weight: 2, arbitrary: fc.record({ s: fc.constant("switch" as const), on: e,
        cases: fc.array(fc.record({ body, falls: fc.boolean() }), { minLength: 1, maxLength: 4 }), defaultAt: pick }) },
      { weight: 4, arbitrary: fc.record({ s: fc.constant("exit" as const),
        how: fc.constantFrom("break" as const, "break" as const, "continue" as const, "continue" as const, "return" as const), target: pick,
        test: fc.option(e, { freq: 5 }), value: tie("value") }) },
      { weight: 2, arbitrary: fc.record({ s: fc.constant("lock" as const), pick, index: e, write: fc.boolean(), attempt: fc.boolean(),
        downgrade: fc.boolean(), body }) },
      { weight: 1, arbitrary: fc.record({ s: fc.constant("block" as const), labelled: fc.boolean(), body }) },
      { weight: 1, arbitrary: fc.record({ s: fc.constantFrom("assert" as const, "overflow" as const), pick, test: e, other: e }) },
    ),
  };
});

const records = fc.oneof({ weight: 2, arbitrary: fc.constant([]) },
  { weight: 3, arbitrary: fc.array(pick, { minLength: 1, maxLength: 2 }) });
const makes = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: pick });
const routine: fc.Arbitrary<FunctionNode> = fc.record({
  parameters: fc.array(pick, { maxLength: 2 }),
  records,
  makes,
  result: fc.option(pick, { freq: 3 }),
  body: fc.array(statement, { minLength: 4, maxLength: 10, size: "large" }),
  last: value,
});
const helper: fc.Arbitrary<FunctionNode> = fc.record({
  parameters: fc.constant([]),
  records,
  makes,
  result: fc.constant(null),
  body: fc.oneof({ weight: 1, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: block }),
  last: fc.record({ v: fc.constant("expression" as const), of: expression }),
});

const fields = fc.array(fieldArbitrary, { minLength: 1, maxLength: 5, size: "medium" });

/** Syntax trees of programs with at most `threads` threads. */
export function programNodes(threads: { readonly min: number; readonly max: number }): fc.Arbitrary<ProgramNode> {
  return fc.record({
    shared: fields,
    item: fc.record({ count: fc.integer({ min: 1, max: 4 }), fields }),
    node: fc.record({ count: fc.integer({ min: 1, max: 2 }), fields: fc.array(fieldArbitrary, { maxLength: 3 }) }),
    records: fc.array(fc.array(pick, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 }),
    init: fc.oneof(fc.constant([]), block),
    helpers: fc.array(helper, { maxLength: 3 }),
    routines: fc.array(routine, { minLength: 1, maxLength: 4, size: "medium" }),
    threads: fc.array(fc.record({ routine: fc.constantFrom(0, 0, 0, 1, 2), argument: fc.integer({ min: -2, max: 7 }) }),
      { minLength: threads.min, maxLength: threads.max, size: "medium" }),
  });
}

/** Random scenario modules as TypeScript source text. A counterexample shows the source. */
export function randomPrograms(threads: { readonly min: number; readonly max: number } = { min: 1, max: 3 }): fc.Arbitrary<PrintedProgram> {
  return programNodes(threads).map((node) => {
    const printed = printProgram(node);
    return { ...printed, [fc.toStringMethod]: () => `\n${printed.text}` };
  });
}

/** A schedule: numbers that pick, at each step, one of the enabled actors and the answer to each `choose`. */
export interface ScheduleEntry {
  readonly actor: number;
  readonly answers: readonly number[];
}
export const schedules: fc.Arbitrary<readonly ScheduleEntry[]> = fc.array(
  fc.record({ actor: fc.nat(11), answers: fc.array(fc.nat(11), { maxLength: 4 }) }),
  { minLength: 1, maxLength: 80, size: "max" },
);
