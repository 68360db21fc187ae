/**
 * From the function objects of a scenario to one closed program text: every routine, helper and property that can be
 * reached, specialised for this scenario's layout. Captured values become constants.
 */
import * as t from "@babel/types";
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";
import type { Site } from "../program/observer.ts";
import { CompileError } from "./compile-error.ts";
import { insertBlockCounters } from "./coverage.ts";
import { generateProgram, type GeneratedProgram } from "./generate.ts";
import { lowerRoutine, type LoweredRoutine } from "./lower.ts";
import type { Reads } from "./reads.ts";
import { RecordShapes, outRegister, type RecordOut, type RecordShape, type SourceFunction } from "./record-shape.ts";
import { SourceModules } from "./source-module.ts";
import { slotOf, type TypeContext } from "./slot-type.ts";
import type { SlotType } from "../image/image.ts";
import { Translator } from "./translate.ts";

/** What a function is part of: decides which operations it may use. */
export type Purpose = "program" | "guard" | "init" | "always" | "step" | "finally" | "sometimes";

export interface LinkOptions {
  /** Report each access and lock operation to an observer. */
  readonly instrumented: boolean;
  readonly clearDeadLocals: boolean;
  /** Count how often each basic block runs. */
  readonly coverage: boolean;
  /** The events that are kept while a step runs; null: none, nobody looks at them. */
  readonly events: ReadonlySet<number> | null;
}

/** What a function is called as: it is compiled once for each role. */
export interface Role {
  readonly purpose: Purpose;
  /** For each parameter: which world it is, or null for a value. */
  readonly worlds: readonly ("" | "P" | null)[];
  /** A routine as one straight-line function: its yields only check that nothing has to wait. */
  readonly straight: boolean;
  /** For each parameter: the type of the record that it is, or null. Unless given: none is. */
  readonly records?: readonly (RecordShape | null)[];
  /** Members of records that it hands back. Unless given: none. */
  readonly outs?: readonly RecordOut[];
}

/** A function of the user's, in one role. */
export interface LinkedFunction extends SourceFunction, Required<Role> {
  /** The function object. */
  readonly value: unknown;
  /** Its name in the emitted program. */
  readonly emitted: string;
  /** Its name in the source, for people. */
  readonly label: string;
  readonly routine: boolean;
  readonly captured: (name: string) => unknown;
}

export class Linker {
  readonly plan: LayoutPlan;
  readonly options: LinkOptions;
  readonly modules = new SourceModules();
  readonly shapes: RecordShapes;
  readonly types: TypeContext;
  readonly sites: Site[] = [];
  /** Sites of the basic blocks that are counted. */
  readonly blocks: number[] = [];
  readonly routines: LoweredRoutine[] = [];
  /** What each plain function reads and calls, by its emitted name. */
  readonly reads = new Map<string, Reads>();
  readonly pointTable: { routine: string; pc: number }[] = [];
  readonly #fields: ReadonlyMap<string, FieldPlan>;
  readonly #functions: t.Statement[] = [];
  readonly #constants: string[] = [];
  readonly #constantNames = new Map<unknown, string>();
  readonly #linked = new Map<unknown, Map<string, LinkedFunction>>();
  readonly #siteIndex = new Map<string, number>();
  readonly #queue: LinkedFunction[] = [];
  /** Whether the program has a choice whose options have names. */
  hasNamedChoices = false;
  readonly #queued = new Set<LinkedFunction>();
  #registers = 0;
  #count = 0;

  constructor(plan: LayoutPlan, config: Readonly<Record<string, unknown>>, options: LinkOptions) {
    this.plan = plan;
    this.shapes = new RecordShapes(this.modules, plan);
    this.options = options;
    this.#fields = new Map(plan.fields.map((f) => [`${f.struct}.${f.field}`, f]));
    this.types = { plan, modules: this.modules, config };
  }

  field(struct: string, field: string): FieldPlan | null {
    return this.#fields.get(`${struct}.${field}`) ?? null;
  }

  site(site: Site): number {
    const key = `${site.file}:${site.line}:${site.column}`;
    let index = this.#siteIndex.get(key);
    if (index === undefined) {
      index = this.sites.length;
      this.sites.push(site);
      this.#siteIndex.set(key, index);
    }
    return index;
  }

  pointIndex(fn: LinkedFunction, pc: number): number {
    this.pointTable.push({ routine: fn.emitted, pc });
    return this.pointTable.length - 1;
  }

  /** The captured value as an expression; calls `refuse` when it cannot be part of a closed program. */
  constant(value: unknown, refuse: () => never): t.Expression {
    if (typeof value === "number") {
      if (Number.isFinite(value)) return value < 0 || Object.is(value, -0) ? t.unaryExpression("-", t.numericLiteral(-value)) : t.numericLiteral(value);
      return t.identifier(Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : refuse());
    }
    if (typeof value === "string") return t.stringLiteral(value);
    if (typeof value === "boolean") return t.booleanLiteral(value);
    if (value === null) return t.nullLiteral();
    if (value === undefined) return t.identifier("undefined");
    if (!isPlainData(value)) return refuse();
    let name = this.#constantNames.get(value);
    if (name === undefined) {
      name = `$c${this.#constants.length}`;
      this.#constants.push(`const ${name} = ${literal(value)};`);
      this.#constantNames.set(value, name);
    }
    return t.identifier(name);
  }

  /** The function `value` in a role; it becomes part of the program only by `link`. Calls `refuse` when it was not loaded through thpcheck. */
  describe(value: unknown, name: string, role: Role, refuse: () => never): LinkedFunction {
    const { purpose, straight, worlds, records = [], outs = [] } = role;
    const key = `${purpose}/${straight ? "straight" : ""}/${worlds.map((w) => w ?? "-").join(",")}/${records.map((r) => r?.id ?? "-").join(",")}/${outs.map((o) => `${o.position}.${o.member}`).join(",")}`;
    const variants = this.#linked.get(value) ?? new Map<string, LinkedFunction>();
    this.#linked.set(value, variants);
    const known = variants.get(key);
    if (known !== undefined) return known;
    const source = this.shapes.sourceOf(value);
    if (source === null) return refuse();
    const { node, scope } = source;
    const routine = "generator" in node && node.generator === true;
    const label = "id" in node && node.id != null ? node.id.name : name;
    const fn: LinkedFunction = {
      ...source, value, label, routine, purpose, straight, worlds, records, outs,
      emitted: `${routine ? (straight ? "s" : "r") : "f"}${this.#count++}_${label.replace(/\W/g, "_")}`,
      captured: (x) => scope[x],
    };
    variants.set(key, fn);
    return fn;
  }

  /** The function `value` in a role, as part of the program. `onlyRoutines`: a plain function is described but not emitted (a thread's `(k) => routine(k)`). */
  link(value: unknown, name: string, role: Role, refuse: () => never, onlyRoutines = false): LinkedFunction {
    const fn = this.describe(value, name, role, refuse);
    if ((fn.routine || !onlyRoutines) && !this.#queued.has(fn)) {
      this.#queued.add(fn);
      this.#queue.push(fn);
    }
    return fn;
  }

  /** A function hands back `count` members: the program needs as many registers. */
  noteRegisters(count: number): void {
    this.#registers = Math.max(this.#registers, count);
  }

  resultSlot(fn: LinkedFunction): SlotType | null {
    const type = fn.node.returnType != null && t.isTSTypeAnnotation(fn.node.returnType) ? fn.node.returnType.typeAnnotation : null;
    if (type === null) return null;
    const what = `the result of ${fn.label}`;
    if (!fn.routine) return slotOf(type, fn.module, this.types, what);
    const result = t.isTSTypeReference(type) ? type.typeArguments?.params[0] : undefined;
    return result === undefined ? null : slotOf(result, fn.module, this.types, what);
  }

  /** Translates everything that has been linked so far and what that links in turn. */
  drain(): void {
    for (let fn = this.#queue.shift(); fn !== undefined; fn = this.#queue.shift()) {
      if (fn.routine && !fn.straight) {
        const lowered = lowerRoutine(this, fn);
        this.routines.push(lowered);
        this.#functions.push(lowered.code);
      } else this.#functions.push(this.helper(fn));
    }
  }

  helper(fn: LinkedFunction): t.FunctionDeclaration {
    const tr = new Translator(this, fn);
    if (this.options.coverage && (fn.purpose === "program" || fn.purpose === "init")) insertBlockCounters(tr);
    const body = tr.statement(tr.prepared.body) as t.BlockStatement;
    this.reads.set(fn.emitted, tr.reads);
    if (tr.temporaries.length > 0) body.body.unshift(t.variableDeclaration("let", tr.temporaries.map((x) => t.variableDeclarator(t.identifier(x)))));
    return t.functionDeclaration(t.identifier(fn.emitted), tr.params.map((p) => t.identifier(p)), body);
  }

  add(made: t.Statement): void {
    this.#functions.push(made);
  }

  program(sourceMap: boolean): GeneratedProgram {
    return generateProgram(this.#functions, sourceMap);
  }

  constants(): string {
    const registers = Array.from({ length: this.#registers }, (_, n) => `${outRegister(n).name} = 0`);
    return [...this.#constants, ...(registers.length === 0 ? [] : [`let ${registers.join(", ")};`])].join("\n");
  }

  /** Bytes of frames below and including routine `emitted`. Throws CompileError on recursion. */
  areaBytes(root: string): number {
    const byName = new Map(this.routines.map((r) => [r.emitted, r]));
    const depth = (name: string, above: readonly string[]): number => {
      const r = byName.get(name)!;
      if (above.includes(name)) {
        const cycle = [...above.slice(above.indexOf(name)), name].map((n) => byName.get(n)!.name).join(" -> ");
        const place = this.sites[r.points.find((p) => p !== null)?.site ?? 0] ?? { file: "", line: 0, column: 0 };
        throw new CompileError(place, `recursion: ${cycle}`, "A thread's frames have a fixed size: turn the recursion into a loop");
      }
      return r.frame.bytes + Math.max(0, ...r.callees.map((c) => depth(c, [...above, name])));
    };
    return depth(root, []);
  }
}

/** The value as program text, frozen all through: what a program could change would be state that nobody sees. */
function literal(value: unknown): string {
  if (Array.isArray(value)) return `Object.freeze([${value.map(literal).join(", ")}])`;
  if (typeof value === "object" && value !== null) return `Object.freeze({ ${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${literal(v)}`).join(", ")} })`;
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return JSON.stringify(value);
}

function isPlainData(value: unknown, depth = 0): boolean {
  if (value === null || ["number", "string", "boolean"].includes(typeof value)) return true;
  if (typeof value !== "object" || depth > 8) return false;
  // `every` passes over holes, which no literal could give back.
  if (Array.isArray(value)) return Object.keys(value).length === value.length && value.every((v) => isPlainData(v, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every((v) => isPlainData(v, depth + 1));
}
