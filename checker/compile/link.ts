/**
 * The symbol table of a program: which functions are part of it and in which roles, its fields, sites, points and
 * constants. It begins with the function objects of a scenario; `emit.ts` translates what it names.
 */
import * as t from "@babel/types";
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";
import type { Site } from "../program/observer.ts";
import type { OutsideCall } from "../scenario.ts";
import { literal, whyNotPlain } from "./captured.ts";
import { OutsideCallRows } from "./outside-calls.ts";
import { PositionUses } from "./position-uses.ts";
import type { Reads } from "./reads.ts";
import { RecordShapes, outRegister, type RecordOut, type RecordShape, type SourceFunction } from "./record-shape.ts";
import { SourceModules } from "./source-module.ts";
import { slotOf, type TypeContext } from "./slot-type.ts";
import type { SlotType } from "../image/image.ts";

/** What a function is part of: decides which operations it may use. */
export type Purpose = "program" | "guard" | "init" | "always" | "step" | "finally" | "sometimes";

export interface LinkOptions {
  /** Report each access and lock operation to an observer. */
  readonly instrumented: boolean;
  readonly clearDeadLocals: boolean;
  /** Function objects of the routines that keep theirs all the same. */
  readonly keepsDeadLocals: ReadonlySet<(...args: never[]) => unknown>;
  /** Whether it is counted how often each basic block of the functions of a file runs. */
  readonly countsIn: (file: string) => boolean;
  /** Announcements are told to the process's coverage log. */
  readonly announces: boolean;
  /** The events that are kept while a step runs; null: none, nobody looks at them. */
  readonly events: ReadonlySet<number> | null;
  /** Routines through which the outside calls; what becomes of such calls is written down. */
  readonly calls: readonly OutsideCall[];
  readonly actors: readonly string[];
  /** A model written by hand: its actors are no threads. */
  readonly isModel: boolean;
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
  /** What each plain function reads and calls, by its emitted name. */
  readonly reads = new Map<string, Reads>();
  /** The same of each routine, and the routines that it calls. */
  readonly routineReads = new Map<string, { readonly reads: Reads; readonly callees: readonly string[] }>();
  readonly calls: OutsideCallRows;
  readonly positions: PositionUses;
  readonly pointTable: { routine: string; pc: number }[] = [];
  readonly #fields: ReadonlyMap<string, FieldPlan>;
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
    this.calls = new OutsideCallRows(options.calls, options.actors.length, this.shapes);
    this.positions = new PositionUses(options.actors, options.isModel);
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

  /** The value of `name` as an expression; calls `refuse`, with the reason, when it cannot be part of a closed program. */
  constant(value: unknown, name: string, refuse: (why: string) => never): t.Expression {
    if (typeof value === "number") {
      const negative = value < 0 || Object.is(value, -0);
      if (Number.isFinite(value)) return negative ? t.unaryExpression("-", t.numericLiteral(-value)) : t.numericLiteral(value);
      if (value < 0) return t.unaryExpression("-", t.identifier("Infinity"));
      return t.identifier(Number.isNaN(value) ? "NaN" : "Infinity");
    }
    if (typeof value === "string") return t.stringLiteral(value);
    if (typeof value === "boolean") return t.booleanLiteral(value);
    if (value === null) return t.nullLiteral();
    if (value === undefined) return t.identifier("undefined");
    const why = whyNotPlain(value, name);
    return why === null ? t.identifier(this.#constantName(value)) : refuse(why);
  }

  /** Each object is written down once: what is one object in the source is one in the program. */
  #constantName(value: object): string {
    const known = this.#constantNames.get(value);
    if (known !== undefined) return known;
    const text = literal(value, (part) => {
      if (typeof part === "object" && part !== null) return this.#constantName(part);
      return typeof part === "string" ? JSON.stringify(part) : Object.is(part, -0) ? "-0" : String(part);
    });
    const name = `$c${this.#constants.length}`;
    this.#constants.push(`const ${name} = ${text};`);
    this.#constantNames.set(value, name);
    return name;
  }

  /**
   * The function `value` in a role; it becomes part of the program only by `link`. Calls `refuse` when it was not loaded
   * through thpcheck.
   */
  describe(value: unknown, name: string, role: Role, refuse: () => never): LinkedFunction {
    const { purpose, straight, worlds, records = [], outs = [] } = role;
    const handed = `${records.map((r) => r?.id ?? "-").join(",")}/${outs.map((o) => `${o.position}.${o.member}`).join(",")}`;
    const key = `${purpose}/${straight ? "straight" : ""}/${worlds.map((w) => w ?? "-").join(",")}/${handed}`;
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

  /**
   * The function `value` in a role, as part of the program. `onlyRoutines`: a plain function is described but not emitted (a
   * thread's `(k) => routine(k)`).
   */
  link(value: unknown, name: string, role: Role, refuse: () => never, onlyRoutines = false): LinkedFunction {
    const fn = this.describe(value, name, role, refuse);
    if ((fn.routine || !onlyRoutines) && !this.#queued.has(fn)) {
      this.#queued.add(fn);
      this.#queue.push(fn);
    }
    return fn;
  }

  /** A routine is lowered: what it accesses and calls. */
  noteRoutine(fn: LinkedFunction, reads: Reads, callees: readonly string[]): void {
    this.routineReads.set(fn.emitted, { reads, callees });
  }

  /** Emitted names of the functions that a file, by the end of its path, has under this name: in all roles that are part of the program. */
  emittedNames(file: string, label: string): readonly string[] {
    return [...this.#queued].filter((fn) => fn.label === label && fn.module.file.endsWith(`/${file}`)).map((fn) => fn.emitted);
  }
  emittedNamesOf(value: unknown): readonly string[] {
    return [...(this.#linked.get(value)?.values() ?? [])].filter((fn) => this.#queued.has(fn)).map((fn) => fn.emitted);
  }

  /** A function hands back `count` members: the program needs as many registers. */
  noteRegisters(count: number): void {
    this.#registers = Math.max(this.#registers, count);
  }

  /** The width of what the function returns; null when it says none. */
  resultSlot(fn: LinkedFunction): SlotType | null {
    const { returnType } = fn.node;
    const type = returnType != null && t.isTSTypeAnnotation(returnType) ? returnType.typeAnnotation : null;
    if (type === null) return null;
    const what = `the result of ${fn.label}`;
    if (!fn.routine) return slotOf(type, fn.module, this.types, what);
    const result = t.isTSTypeReference(type) ? type.typeArguments?.params[0] : undefined;
    return result === undefined ? null : slotOf(result, fn.module, this.types, what);
  }

  /** The next function that is part of the program and was not given yet; null when there is none. */
  next(): LinkedFunction | null {
    return this.#queue.shift() ?? null;
  }

  /** The text of the constants, and of the registers for what functions hand back. */
  constants(): string {
    const registers = Array.from({ length: this.#registers }, (_, n) => `${outRegister(n).name} = 0`);
    return [...this.#constants, ...(registers.length === 0 ? [] : [`let ${registers.join(", ")};`])].join("\n");
  }
}
