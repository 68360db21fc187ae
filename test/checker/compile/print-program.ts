/**
 * Prints the syntax trees of `random-programs.ts` as scenario modules.
 *
 * Three things are decided here, because they need to know what is in scope: what the numbers refer to; that every
 * value fits what it is stored into (`fit` wraps what may not); and that the program ends soon: loops count, and a
 * call or loop that would cost too many statements is left out.
 */
import { kindsFor, layMemory, numbers, U2, U3, type FieldInfo, type Kind, type Memory, type RecordInfo } from "./random-memory.ts";
import { declareRecord, innerScope, isDeclared, pickFrom, recordsFor, visible, visibleRecords, type Local,
  type Scope } from "./print-scope.ts";
import type { Expression, FunctionNode, ProgramNode, Statement, Value } from "./random-syntax.ts";

export interface PrintedProgram {
  /** TypeScript source text of a scenario module. */
  readonly text: string;
  /** Names of the language forms that occur. */
  readonly forms: ReadonlySet<string>;
}

/** The most statements that one call of a routine may execute, yields included. */
const COST_LIMIT = 2000;

/** What a caller must know about a function already printed. */
interface Printed {
  readonly name: string;
  readonly text: string;
  readonly parameters: readonly Kind[];
  /** Types of the records that it takes, before its other parameters or behind them. */
  readonly records: readonly RecordInfo[];
  readonly recordsFirst: boolean;
  readonly makes: RecordInfo | null;
  readonly result: Kind | null;
  readonly cost: number;
  /** The lowest rank of the locks that it may take; locks are taken in ascending order of rank only. */
  readonly minRank: number;
  readonly needsThread: boolean;
  readonly pure: boolean;
  readonly calls: ReadonlySet<string>;
}

interface Text { readonly text: string; readonly boolean: boolean; readonly min: number; readonly max: number }
const bool = (text: string): Text => ({ text, boolean: true, min: 0, max: 1 });
const ranged = (text: string, min: number, max: number): Text => ({ text, boolean: false, min, max });
const wild = (text: string): Text => ranged(text, -Infinity, Infinity);
const literal = (n: number): string => (n < 0 ? `(${n})` : String(n));

export function printProgram(node: ProgramNode): PrintedProgram {
  const memory = layMemory(node);
  const forms = new Set<string>();
  const helpers: Printed[] = [];
  for (const [i, h] of [...node.helpers.entries()].reverse()) {
    helpers.unshift(new FunctionPrinter("helper", `helper${i}`, h, memory, [], [...helpers], forms).print());
  }
  const routines: Printed[] = [];
  const roots = new Set(node.threads.map((t) => t.routine % node.routines.length));
  for (const [i, r] of [...node.routines.entries()].reverse()) {
    routines.unshift(new FunctionPrinter("routine", `routine${i}`, r, memory, [...routines], helpers, forms).print(roots.has(i)));
  }
  const init = new FunctionPrinter("init", "init",
    { parameters: [], records: [], makes: null, result: null, body: node.init, last: { v: "expression", of: { e: "constant", value: 0 } } },
    memory, [], helpers, forms).print();

  const threads = node.threads.map((t, i) => {
    const routine = routines[t.routine % routines.length]!;
    const args = routine.parameters.map((p, j) => (p.boolean ? String((t.argument + j) % 2 === 0) : String(clamp(t.argument + j, p))));
    return { routine, text: `{ name: "T${i}", run: ${args.length === 0 && t.argument >= 0 ? routine.name : `(k) => ${routine.name}(${["k", ...args].join(", ")})`} }` };
  });
  const reached = new Set<Printed>();
  const reach = (f: Printed): void => {
    if (reached.has(f)) return;
    reached.add(f);
    for (const g of [...routines, ...helpers]) if (f.calls.has(g.name)) reach(g);
  };
  for (const t of threads) reach(t.routine);
  reach(init);

  const text = `import { array, at, bitset, bool, bugOn, choose, current, downRead, downReadTrylock, downWrite, downWriteTrylock, downgradeWrite, holds, int, mutex, mutexLock, mutexTrylock, mutexUnlock, record, ref, rwsem, scenario, spinLock, spinTrylock, spinUnlock, spinlock, struct, table, upRead, upWrite } from "thpcheck";
import type { Int, LockId, Mask, Ref, Routine, U, U16, U32, U8, World } from "thpcheck";

const structs = {
${memory.declarations}};
type K = World<typeof structs>;
type Tiny = Int<-2, 5>;
type Item = Ref<"item">;
${memory.records.map((r, i) => {
  const members = r.members.map((kind, m) => `m${m}: ${kind.annotation}`).join("; ");
  return i % 2 === 0 ? `interface ${r.name} { ${members} }` : `type ${r.name} = { ${members} };`;
}).join("\n")}

function fit(value: number, min: number, max: number): number {
  const values = max - min + 1;
  return min + ((((value - min) % values) + values) % values);
}

${[...helpers, init, ...routines].filter((f) => reached.has(f)).map((f) => f.text).join("\n")}
export default scenario({
  name: "random",
  why: "generated",
  tier: "quick",
  structs,
  init,
  threads: [
    ${threads.map((t) => t.text).join(",\n    ")},
  ],
  expect: holds(),
});
`;
  return { text, forms };
}

const clamp = (n: number, k: Kind): number => Math.min(Math.max(n, k.min), k.max);

interface Target { readonly label: string | null; readonly form: "loop" | "switch" | "block"; readonly heldBelow: number }
interface Held { readonly rank: number; release: string }

const NAMES = ["a", "b", "c", "d", "p", "q"];

class FunctionPrinter {
  readonly #mode: "routine" | "helper" | "init";
  readonly #name: string;
  readonly #node: FunctionNode;
  readonly #memory: Memory;
  readonly #kinds: readonly Kind[];
  readonly #callees: readonly Printed[];
  readonly #helpers: readonly Printed[];
  readonly #forms: Set<string>;
  readonly #lines: string[] = [];
  readonly #calls = new Set<string>();
  readonly #result: Kind | null;
  #makes: RecordInfo | null;
  #indent = 1;
  #scope: Scope = innerScope(null);
  readonly #targets: Target[] = [];
  readonly #held: Held[] = [];
  #cost = 0;
  #multiplier = 1;
  #minRank = Infinity;
  #needsThread = false;
  #names = 0;
  #labels = 0;

  constructor(mode: "routine" | "helper" | "init", name: string, node: FunctionNode, memory: Memory, callees: readonly Printed[],
    helpers: readonly Printed[], forms: Set<string>) {
    this.#mode = mode;
    this.#name = name;
    this.#node = node;
    this.#memory = memory;
    this.#kinds = kindsFor(memory.items);
    this.#callees = callees;
    this.#helpers = helpers;
    this.#forms = forms;
    this.#result = node.result === null ? null : this.#kind(node.result);
    this.#makes = node.makes === null ? null : this.#recordType(node.makes);
  }

  #recordType(pick: number): RecordInfo { return this.#memory.records[pick % this.#memory.records.length]!; }
  #kind(pick: number): Kind { return this.#kinds[pick % this.#kinds.length]!; }

  /** `startsThread`: touches nothing before its first yield. */
  print(startsThread = false): Printed {
    const parameters = this.#node.parameters.map((p) => this.#kind(p));
    const pure = this.#mode === "helper" && this.#node.body.length === 0;
    for (const [i, kind] of parameters.entries()) this.#scope.declared.set(NAMES[4 + i]!, { name: NAMES[4 + i]!, kind, assignable: true });
    if (this.#mode === "helper") {
      this.#scope.declared.set("n", { name: "n", kind: numbers("number", -Infinity, Infinity), assignable: false });
    }
    if (startsThread) this.#makes = null;
    const records = startsThread ? [] : this.#node.records.map((r) => this.#recordType(r));
    for (const [i, type] of records.entries()) declareRecord(this.#scope, `e${i}`, type, true);
    const recordsFirst = (this.#node.records[0] ?? 0) % 2 === 0;
    if (startsThread) this.#yield(null);
    this.#statements(this.#node.body);
    this.#return(this.#node.last, pure);
    const typed = parameters.map((kind, i) => `, ${NAMES[4 + i]}: ${kind.annotation}`).join("");
    const taken = records.map((r, i) => `, e${i}: ${r.name}`).join("");
    const all = (plain: string): string => (recordsFirst ? `k: K${taken}${plain}` : `k: K${plain}${taken}`);
    const result = this.#makes?.name ?? this.#result?.annotation;
    const head = this.#mode === "routine" ? `function* ${this.#name}(${all(typed)}): Routine${result === undefined ? "" : `<${result}>`}`
      : this.#mode === "helper" ? `function ${this.#name}(${all(", n: number")}): ${this.#makes?.name ?? "number"}`
      : "function init(k: K): void";
    return {
      name: this.#name, text: `${head} {\n${this.#lines.join("\n")}\n}\n`, parameters, records, recordsFirst, makes: this.#makes,
        result: this.#result,
      cost: this.#cost, minRank: this.#minRank, needsThread: this.#needsThread, pure, calls: this.#calls,
    };
  }

  #emit(text: string): void {
    this.#lines.push("  ".repeat(this.#indent) + text);
    this.#cost += this.#multiplier;
  }
  #form(name: string): void { this.#forms.add(`${this.#mode === "routine" ? "" : "plain "}${name}`); }
  #fresh(stem: string): string { return `${stem}${this.#names++}`; }
  get #heldRank(): number { return Math.max(-1, ...this.#held.map((h) => h.rank)); }

  // ---- scopes -------------------------------------------------------------------------------------------------

  #declare(name: string, kind: Kind, assignable: boolean): void {
    this.#scope.pending.delete(name);
    this.#scope.declared.set(name, { name, kind, assignable });
  }

  /** The arguments of a call, records among them. */
  #arguments(callee: Printed, plain: readonly string[], pick: number): string {
    const records = recordsFor(this.#scope, callee.records, pick)!;
    if (records.length > 0) this.#form(`${records.length} record${records.length === 1 ? "" : "s"} passed`);
    return ["k", ...(callee.recordsFirst ? [...records, ...plain] : [...plain, ...records])].join(", ");
  }

  /** A nested block; `opening` is printed before it, `closing` after it. */
  #block(opening: string, body: () => void, closing: string): void {
    this.#emit(opening);
    this.#indent++;
    this.#scope = innerScope(this.#scope);
    body();
    this.#scope = this.#scope.parent!;
    this.#indent--;
    this.#lines.push("  ".repeat(this.#indent) + closing);
  }

  /** `first`: prints what stands before the statements in the same block. */
  #statements(list: readonly Statement[], first: () => void = () => {}): void {
    // A name is out of reach from the start of the block that declares it, not only from its declaration.
    const names = list.map((s) => {
      if (s.s !== "declare") return "";
      const start = NAMES.slice(s.name % NAMES.length);
      const name = [...start, ...NAMES].find((n) => !this.#scope.declared.has(n) && !this.#scope.pending.has(n)) ?? this.#fresh("v");
      this.#scope.pending.add(name);
      return name;
    });
    first();
    for (const [i, s] of list.entries()) this.#statement(s, names[i]!);
  }

  // ---- expressions --------------------------------------------------------------------------------------------

  /** `pure`: inside a guard or a pure helper, where nothing may be written or chosen. */
  #expression(e: Expression, wantBoolean: boolean, pure: boolean): Text {
    switch (e.e) {
      case "constant": return wantBoolean ? bool(String(e.value % 2 === 0)) : ranged(literal(e.value), e.value, e.value);
      case "local": {
        const local = pickFrom(visible(this.#scope, (l) => l.kind.boolean === wantBoolean),
          e.pick) ?? pickFrom(visible(this.#scope, () => true), e.pick);
        if (local === undefined) {
          return this.#expression({ e: "read", pick: e.pick, index: { e: "constant", value: 0 }, once: true }, wantBoolean, pure);
        }
        return { text: local.name, ...this.#rangeOf(local.kind) };
      }
      case "read": {
        const f = pickFrom(this.#memory.fields.filter((x) => x.role === "state"), e.pick);
        if (f === undefined) return bool("false");
        const place = this.#index(f.dimensions, e.index, e.pick, pure);
        if (f.type === "bitset" && f.size > 0 && wantBoolean) {
          this.#form("bitset has");
          return bool(`${f.path}.has(${[...place, literal(e.pick % f.size)].join(", ")})`);
        }
        if (f.type === "bitset" && e.pick % 3 === 0) {
          this.#form("bitset size");
          return ranged(`${f.path}.size(${place.join(", ")})`, 0, f.size);
        }
        if (e.once) this.#form("once");
        return { text: `${f.path}.${e.once ? "once" : "get"}(${place.join(", ")})`, boolean: f.type === "bool", min: f.min, max: f.max };
      }
      case "binary": {
        if (wantBoolean) {
          const operator = ["<", "<=", ">", ">=", "===", "!=="][e.operator % 6]!;
          return bool(`(${this.#int(e.left, pure).text} ${operator} ${this.#int(e.right, pure).text})`);
        }
        const left = this.#int(e.left, pure).text;
        const right = this.#int(e.right, pure).text;
        switch (e.operator % 9) {
          case 0: case 1: return wild(`(${left} + ${right})`);
          case 2: case 3: return wild(`(${left} - ${right})`);
          case 4: return wild(`((${left} % 64) * (${right} % 64))`);
          case 5: return wild(`(${left} & ${right})`);
          case 6: return wild(`(${left} | ${right})`);
          case 7: return wild(`(${left} ^ (${right} >>> 1))`);
          default: return wild(`Math.${e.operator % 2 === 0 ? "max" : "min"}(${left}, ${right})`);
        }
      }
      case "logical": {
        this.#form("short circuit");
        return bool(`(${this.#bool(e.left, pure)} ${e.or ? "||" : "&&"} ${this.#bool(e.right, pure)})`);
      }
      case "conditional": {
        this.#form("conditional");
        const test = this.#bool(e.test, pure);
        if (wantBoolean) return bool(`(${test} ? ${this.#bool(e.left, pure)} : ${this.#bool(e.right, pure)})`);
        const left = this.#int(e.left, pure);
        const right = this.#int(e.right, pure);
        return ranged(`(${test} ? ${left.text} : ${right.text})`, Math.min(left.min, right.min), Math.max(left.max, right.max));
      }
      case "not": return wantBoolean ? bool(`!${this.#bool(e.of, pure)}`) : wild(`(~${this.#int(e.of, pure).text})`);
      case "helper": {
        const h = pickFrom(this.#callable(pure), e.pick);
        const argument = this.#int(e.argument, pure).text;
        return h === undefined ? wild(argument) : wild(this.#callHelper(h, argument, e.pick));
      }
      case "choose": {
        const n = this.#fitted(e.n, U2, pure);
        if (pure) return ranged(n, 0, 3);
        this.#form("choose");
        return ranged(`choose(k, "${this.#name}.${this.#labels++}", 1 + ${n})`, 0, 3);
      }
      case "cmpxchg": {
        const f = pickFrom(this.#memory.fields.filter((x) => x.role === "state"), e.pick);
        if (f === undefined || pure) return this.#expression(e.index, wantBoolean, pure);
        this.#form("cmpxchg");
        return bool(`${f.path}.cmpxchg(${[...this.#index(f.dimensions, e.index, e.pick, pure), this.#forField(f, e.expected, pure), this.#forField(f, e.value, pure)].join(", ")})`);
      }
      case "exchange": {
        const f = pickFrom(this.#memory.fields.filter((x) => x.role === "state"), e.pick);
        if (f === undefined || pure) return this.#expression(e.index, wantBoolean, pure);
        this.#form("xchg");
        const text = `${f.path}.xchg(${[...this.#index(f.dimensions, e.index, e.pick, pure), this.#forField(f, e.value, pure)].join(", ")})`;
        return f.type === "bool" ? bool(text) : ranged(text, f.min, f.max);
      }
      case "add": {
        // A sum out of range would be a fault, so only fields that wrap, and the neutral addition for the others.
        const f = pickFrom(this.#memory.fields.filter((x) => x.role === "state" && x.type === "int"), e.pick);
        if (f === undefined || pure) return this.#expression(e.index, wantBoolean, pure);
        const place = [...this.#index(f.dimensions, e.index, e.pick, pure), f.wrapping ? literal(e.delta) : "0"];
        this.#form(e.unless === null ? "addReturn" : "addUnless");
        if (e.unless === null) return ranged(`${f.path}.addReturn(${place.join(", ")})`, f.min, f.max);
        return bool(`${f.path}.addUnless(${[...place, this.#int(e.unless, pure).text].join(", ")})`);
      }
      case "lock held": {
        const l = pickFrom(this.#memory.locks, e.pick);
        if (l === undefined) return bool("true");
        this.#form("isHeld");
        return bool(`${l.path}.isHeld(${this.#index(l.count === null ? [] : [l.count], e.index, e.pick, pure).join(", ")})`);
      }
      case "current": {
        if (pure || this.#mode === "init") return ranged("1", 1, 1);
        this.#needsThread = true;
        this.#form("current");
        return ranged("current(k)", 0, 29);
      }
      case "count": return ranged(pickFrom(this.#memory.counts, e.pick)!, 0, 4);
      case "increment": {
        const local = pickFrom(visible(this.#scope, (l) => l.assignable && !l.kind.boolean && l.kind.min < l.kind.max), e.pick);
        if (local === undefined || pure) return ranged("2", 2, 2);
        this.#form("++ in an expression");
        const { name, kind: { min, max } } = local;
        return ranged(`(${name} < ${max} ? ${e.prefix ? `++${name}` : `${name}++`} : ${name})`, min, max);
      }
      case "store": {
        const local = pickFrom(visible(this.#scope, (l) => l.assignable && l.kind.boolean === wantBoolean), e.pick);
        if (local === undefined || pure) return this.#expression(e.value, wantBoolean, pure);
        this.#form("assignment in an expression");
        return { text: `(${local.name} = ${this.#fitted(e.value, local.kind, pure)})`, ...this.#rangeOf(local.kind) };
      }
    }
  }

  #rangeOf(kind: Kind): { boolean: boolean; min: number; max: number } { return { boolean: kind.boolean, min: kind.min, max: kind.max }; }

  #int(e: Expression, pure: boolean): Text {
    const t = this.#expression(e, false, pure);
    return t.boolean ? ranged(`(${t.text} ? 1 : 0)`, 0, 1) : t;
  }
  #bool(e: Expression, pure: boolean): string {
    const t = this.#expression(e, true, pure);
    return t.boolean ? t.text : `(${t.text} % 2 === 0)`;
  }
  /** The expression as a value of `kind`, wrapped into its range where it might not fit. */
  #fitted(e: Expression, kind: Kind, pure: boolean): string {
    if (kind.boolean) return this.#bool(e, pure);
    const t = this.#int(e, pure);
    return t.min >= kind.min && t.max <= kind.max ? t.text : `fit(${t.text}, ${kind.min}, ${kind.max})`;
  }
  #forField(f: FieldInfo, e: Expression, pure: boolean): string {
    return this.#fitted(e, { annotation: "", boolean: f.type === "bool", min: f.min, max: f.max }, pure);
  }
  #index(dimensions: readonly number[], e: Expression, pick: number, pure: boolean): string[] {
    return dimensions.map((n, d) => (d === 0 ? this.#fitted(e, numbers("", 0, n - 1), pure) : String(pick % n)));
  }
  #callable(pure: boolean): Printed[] {
    return this.#helpers.filter((h) => h.makes === null && recordsFor(this.#scope, h.records) !== null && (!pure || h.pure) &&
      h.minRank > this.#heldRank && !(this.#mode === "init" && h.needsThread) && this.#cost + this.#multiplier * h.cost <= COST_LIMIT);
  }
  #callHelper(h: Printed, argument: string, pick: number): string {
    this.#form("helper call");
    this.#calls.add(h.name);
    this.#cost += this.#multiplier * h.cost;
    this.#minRank = Math.min(this.#minRank, h.minRank);
    this.#needsThread ||= h.needsThread;
    return `${h.name}(${this.#arguments(h, [argument], pick)})`;
  }

  /** `yield* routine(...)`, or null when no routine can be called here that gives what is `wanted`. */
  #call(pick: number, argument: Expression, wanted: Kind | "anything" | RecordInfo): string | null {
    if (this.#mode !== "routine") return null;
    const gives = ({ result: r, makes }: Printed): boolean => {
      if (wanted === "anything" || "members" in wanted) return makes === (wanted === "anything" ? null : wanted);
      return makes === null && r !== null && r.boolean === wanted.boolean && r.min >= wanted.min && r.max <= wanted.max;
    };
    const callee = pickFrom(this.#callees
      .filter((c) => gives(c) && recordsFor(this.#scope, c.records) !== null && c.minRank > this.#heldRank &&
      this.#cost + this.#multiplier * (c.cost + 1) <= COST_LIMIT), pick);
    if (callee === undefined) return null;
    this.#calls.add(callee.name);
    this.#cost += this.#multiplier * callee.cost;
    this.#minRank = Math.min(this.#minRank, callee.minRank);
    if (this.#targets.some((t) => t.form === "loop")) this.#form("call in a loop");
    const args = callee.parameters.map((p, i) => this.#fitted(i === 0 ? argument : { e: "local", pick: pick + i }, p, false));
    return `yield* ${callee.name}(${this.#arguments(callee, args, pick)})`;
  }

  #value(value: Value, kind: Kind): { text: string; call: boolean } {
    if (value.v === "call") {
      const call = this.#call(value.pick, value.argument, kind);
      if (call !== null) return { text: call, call: true };
    }
    return { text: this.#fitted(value.v === "call" ? value.argument : value.of, kind, false), call: false };
  }

  // ---- statements ---------------------------------------------------------------------------------------------

  #statement(s: Statement, name: string): void {
    switch (s.s) {
      case "declare": return this.#declaration(s, name);
      case "assign": {
        const local = pickFrom(visible(this.#scope, (l) => l.assignable), s.pick);
        if (local === undefined) return this.#yield(null);
        const { text, call } = this.#value(s.value, local.kind);
        this.#form(call ? "assignment of a call" : "assignment");
        return this.#emit(`${local.name} = ${text};`);
      }
      case "compound": return this.#compound(s);
      case "record": return this.#record(s);
      case "write": return this.#write(s);
      case "if": {
        this.#form(s.no === null ? "if" : "if-else");
        this.#block(`if (${this.#bool(s.test, false)}) {`, () => this.#statements(s.yes), s.no === null ? "}" : "} else {");
        if (s.no !== null) this.#rest(() => this.#statements(s.no!));
        return;
      }
      case "loop": return this.#loop(s);
      case "switch": return this.#switch(s);
      case "exit": return this.#exit(s);
      case "yield": return this.#yield(s.guard, s.idle, s.slack);
      case "call": {
        const call = this.#call(s.pick, s.argument, "anything");
        if (call === null) return this.#yield(null);
        this.#form("call statement");
        return this.#emit(`${call};`);
      }
      case "helper": {
        const h = pickFrom(this.#callable(false), s.pick);
        if (h === undefined) return this.#yield(null);
        this.#form("helper statement");
        return this.#emit(`${this.#callHelper(h, this.#int(s.argument, false).text, s.pick)};`);
      }
      case "lock": return this.#lock(s);
      case "block": {
        const label = s.labelled ? this.#fresh("block") : null;
        this.#form(label === null ? "block" : "labelled block");
        return this.#within({ label, form: "block", heldBelow: this.#held.length },
          () => this.#block(label === null ? "{" : `${label}: {`, () => this.#statements(s.body), "}"));
      }
      case "assert":
        if (this.#mode === "init") return;
        this.#needsThread = true;
        this.#form("bugOn");
        return this.#emit(`bugOn(${this.#bool(s.test, false)} && ${this.#int(s.other, false).text} % 3 === 1, "${this.#name}.${this.#labels++}");`);
      case "overflow": {
        const f = pickFrom(this.#memory.fields.filter((x) => x.role === "state" && x.type !== "bool"), s.pick);
        if (f === undefined) return;
        const place = f.dimensions.map(() => "0");
        const outside = s.pick % 2 === 0 ? f.max + 1 : f.min - 1;
        const wildIndices = ["-1", String(f.dimensions[0]), "4294967296", "NaN", "0.5"];
        const wildIndex = place.length > 0 && s.pick % 3 === 0;
        if (wildIndex) place[0] = wildIndices[s.pick % wildIndices.length]!;
        const exchanges = s.pick % 4 === 1;
        const attempt = exchanges && !wildIndex ? `${f.path}.xchg(${[...place, outside].join(", ")})`
          : wildIndex ? `${f.path}.set(${[...place, f.min].join(", ")})`
          : s.pick % 3 === 1 ? `${f.path}.cmpxchg(${[...place, f.min, outside].join(", ")})`
          : `${f.path}.set(${[...place, outside].join(", ")})`;
        this.#form(wildIndex ? "index out of range" : "store out of range");
        return this.#emit(`if (${this.#bool(s.test, false)} && ${this.#int(s.other, false).text} % 3 === 1) ${attempt};`);
      }
    }
  }

  /** The block after `} else {`. */
  #rest(body: () => void): void {
    this.#indent++;
    this.#scope = innerScope(this.#scope);
    body();
    this.#scope = this.#scope.parent!;
    this.#indent--;
    this.#lines.push(`${"  ".repeat(this.#indent)}}`);
  }

  #within(target: Target, body: () => void): void {
    this.#targets.push(target);
    body();
    this.#targets.pop();
  }

  #declaration(s: Statement & { s: "declare" }, name: string): void {
    const kind = this.#kind(s.kind);
    const { text, call } = this.#value(s.value, kind);
    // The scope chain no longer shows a pending name as declared, so this finds outer ones only.
    if (isDeclared(this.#scope, name)) this.#form("shadowing");
    if (s.constant) {
      this.#form(call ? "const of a call" : "const");
      this.#emit(`const ${name}: ${kind.annotation} = ${text};`);
    } else if (s.late) {
      this.#form("let without a value");
      this.#emit(`let ${name}: ${kind.annotation};`);
      this.#emit(`${name} = ${text};`);
    } else {
      this.#form(call ? "let of a call" : "let");
      this.#emit(`let ${name}: ${kind.annotation} = ${text};`);
    }
    if (this.#targets.some((t) => t.form === "loop")) this.#form("declaration in a loop");
    this.#declare(name, kind, !s.constant);
  }

  #record(s: Statement & { s: "record" }): void {
    const type = this.#recordType(s.type);
    const name = this.#fresh("r");
    const value = s.pick % 3 === 0 ? null : this.#madeElsewhere(type, s.pick, s.values[0]!);
    this.#form(value === null ? "record" : value.startsWith("yield*") ? "record of a routine" : "record of a helper");
    if (value !== null) this.#emit(s.pick % 2 === 0 ? `const ${name} = ${value};` : `const ${name}: ${type.name} = ${value};`);
    else if (s.pick % 2 === 0) this.#emit(`const ${name} = record<${type.name}>(${this.#members(type, s.pick, s.values)});`);
    else this.#emit(`const ${name}: ${type.name} = record(${this.#members(type, s.pick, s.values)});`);
    if (this.#targets.some((t) => t.form === "loop")) this.#form("record in a loop");
    declareRecord(this.#scope, name, type, false);
  }

  /** A call of a function that returns a record of the type; null when none can be called here. */
  #madeElsewhere(type: RecordInfo, pick: number, argument: Expression): string | null {
    const helper = pickFrom(this.#helpers
      .filter((h) => h.makes === type && recordsFor(this.#scope, h.records) !== null && h.minRank > this.#heldRank
      && !(this.#mode === "init" && h.needsThread) && this.#cost + this.#multiplier * h.cost <= COST_LIMIT), pick);
    if (helper !== undefined && pick % 4 < 2) return this.#callHelper(helper, this.#int(argument, false).text, pick);
    return this.#call(pick, argument,
      type) ?? (helper === undefined ? null : this.#callHelper(helper, this.#int(argument, false).text, pick));
  }

  /** The literal of a fresh record, its members in any order. */
  #members(type: RecordInfo, pick: number, values: readonly Expression[]): string {
    const order = type.members.map((_, m) => (m + pick) % type.members.length);
    return `{ ${order.map((m, i) => `m${m}: ${this.#fitted(values[i] ?? { e: "local", pick: pick + i }, type.members[m]!, false)}`).join(", ")} }`;
  }

  #compound(s: Statement & { s: "compound" }): void {
    const local = pickFrom(visible(this.#scope, (l) => l.assignable), s.pick);
    if (local === undefined) return this.#yield(null);
    const { name, kind } = local;
    if (kind.boolean) {
      this.#form("logical assignment");
      const operators = ["||=", "&&=", "="];
      return this.#emit(`${name} ${operators[s.operator % 3]} ${this.#bool(s.value, false)};`);
    }
    const power = kind.min === 0 && kind.max < 2 ** 31 && Number.isInteger(Math.log2(kind.max + 1));
    const operator = s.operator % (power ? 11 : 6);
    this.#form(`compound ${operator}`);
    switch (operator) {
      case 0: return this.#emit(`if (${name} < ${kind.max}) ${name}++;`);
      case 1: return this.#emit(`if (${name} > ${kind.min}) --${name};`);
      case 2: return this.#emit(`if (${name} < ${kind.max}) ${name} += 1;`);
      case 3:
        this.#emit(`${name} += ${this.#int(s.value, false).text};`);
        return this.#emit(`${name} = fit(${name}, ${kind.min}, ${kind.max});`);
      case 4:
        this.#emit(`${name} -= ${this.#int(s.value, false).text};`);
        return this.#emit(`${name} = fit(${name}, ${kind.min}, ${kind.max});`);
      case 5: return this.#emit(`${name} = fit(${name} * 2 + 1, ${kind.min}, ${kind.max});`);
      case 6: return this.#emit(`${name} |= ${this.#fitted(s.value, kind, false)};`);
      case 7: return this.#emit(`${name} &= ${this.#int(s.value, false).text};`);
      case 8: return this.#emit(`${name} ^= ${this.#fitted(s.value, kind, false)};`);
      case 9: return this.#emit(`${name} >>= 1;`);
      default: return this.#emit(`${name} %= 3;`);
    }
  }

  #write(s: Statement & { s: "write" }): void {
    const f = pickFrom(this.#memory.fields.filter((x) => this.#mode !== "init" || x.role !== "statistic"), s.pick);
    if (f === undefined) return this.#yield(null);
    const place = this.#index(f.dimensions, s.index, s.pick, false);
    const call = (operation: string, ...args: string[]): void => {
      this.#form(`${f.type} ${operation}`);
      this.#emit(`${f.path}.${operation}(${[...place, ...args].join(", ")});`);
    };
    if (f.role === "statistic") {
      this.#form("statistic");
      return call("add", String(s.operation % 3));
    }
    if (f.role === "ghost") this.#form("ghost");
    if (f.type === "bitset" && f.size > 0 && s.operation % 3 > 0) {
      return call(s.operation % 3 === 1 ? "insert" : "remove", this.#fitted(s.value, numbers("", 0, f.size - 1), false));
    }
    if (f.type === "int" && f.role === "state" && s.operation % 3 === 1) {
      if (f.wrapping) return call("add", `${this.#int(s.value, false).text} % 100`);
      // The index is evaluated twice here, so it must not have an effect.
      const fixed = this.#index(f.dimensions, s.index, s.pick, true);
      this.#form("int add");
      return this.#emit(`if (${f.path}.get(${fixed.join(", ")}) < ${f.max}) ${f.path}.add(${[...fixed, "1"].join(", ")});`);
    }
    return call(s.operation % 4 === 2 ? "setOnce" : "set", this.#forField(f, s.value, false));
  }

  #yield(guard: Expression | null, idle = false, slack = 0): void {
    if (this.#mode !== "routine") return;
    if (guard?.e === "constant") return this.#yield(null);
    this.#form(guard === null ? "yield" : idle ? "idle yield" : "guarded yield");
    const label = `"${this.#name}.${this.#labels++}"`;
    this.#emit(guard === null ? `yield at(${label});`
      : `yield at(${label}, () => ${this.#bool(guard, true)}${slack === 0 ? "" : ` || ${this.#int(guard, true).text} !== ${slack}`}${idle ? ", { idle: true }" : ""});`);
  }

  #loop(s: Statement & { s: "loop" }): void {
    const trips = this.#multiplier * s.trips > 30 ? 1 : s.trips;
    const label = s.labelled ? this.#fresh("loop") : null;
    const prefix = label === null ? "" : `${label}: `;
    const form = s.form % 9;
    this.#form(["for", "while", "do-while", "for without a test", "while true", "for const", "for with two variables", "for downwards",
      "for with an outer variable"][form]!);
    if (label !== null) this.#form("labelled loop");
    const outer = { multiplier: this.#multiplier, scope: this.#scope };
    const counter = this.#fresh("i");
    const limited = (): string =>
      (s.test.e === "constant" ? `${counter} < ${trips}` : `${counter} < ${trips} && ${this.#bool(s.test, false)}`);
    const run = (opening: string, first: () => string[], closing = "}"): void =>
      this.#within({ label, form: "loop", heldBelow: this.#held.length }, () => {
        this.#multiplier *= trips;
        this.#block(`${prefix}${opening}`, () => this.#statements(s.body, () => {
          for (const line of first()) this.#emit(line);
        }), closing);
        this.#multiplier = outer.multiplier;
      });
    /** The variables of a `for` head live in a scope around the body. */
    const inHead = (locals: readonly Local[], body: () => void): void => {
      this.#scope = { ...innerScope(outer.scope), declared: new Map(locals.map((l) => [l.name, l])) };
      body();
      this.#scope = outer.scope;
    };
    const count: Local = { name: counter, kind: U3, assignable: false };
    const declareCounter = (): void => {
      this.#emit(`let ${counter}: U<3> = 0;`);
      this.#declare(counter, U3, false);
    };
    switch (form) {
      case 0: return inHead([count], () => run(`for (let ${counter}: U<3> = 0; ${limited()}; ${counter}++) {`, () => []));
      case 1:
        declareCounter();
        return run(`while (${limited()}) {`, () => [`${counter}++;`]);
      case 2: {
        declareCounter();
        const test = limited();
        return run("do {", () => [`${counter}++;`], `} while (${test});`);
      }
      case 3:
        declareCounter();
        return run("for (;;) {", () => [`if (${counter} >= ${trips}) break;`, `${counter}++;`]);
      case 4:
        declareCounter();
        return run("while (true) {", () => [`if (${counter} >= ${trips} || !${this.#bool(s.test, false)}) break;`, `${counter} += 1;`]);
      case 5: {
        declareCounter();
        const limit: Local = { name: this.#fresh("limit"), kind: numbers("", 0, trips), assignable: false };
        const value = this.#fitted(s.test, limit.kind, false);
        return inHead([limit],
          () => run(`for (const ${limit.name}: U<2> = ${value}; ${counter} < ${limit.name}; ${counter}++) {`, () => []));
      }
      case 6: {
        const second: Local = { name: NAMES[s.name % NAMES.length]!, kind: U3, assignable: true };
        this.#scope = { ...innerScope(outer.scope), pending: new Set([second.name]) };
        const value = this.#fitted(s.test, U3, false);
        return inHead([count, second],
          () => run(`for (let ${counter}: U<3> = 0, ${second.name}: U<3> = ${value}; ${counter} < ${trips}; ${counter}++, ${second.name} = fit(${second.name} + 1, 0, 7)) {`, () => []));
      }
      case 7: return inHead([count], () => run(`for (let ${counter}: U<3> = ${trips}; ${counter} > 0; --${counter}) {`, () => []));
      default:
        declareCounter();
        return run(`for (; ${limited()}; ${counter}++) {`, () => []);
    }
  }

  #switch(s: Statement & { s: "switch" }): void {
    this.#form("switch");
    const on = this.#fitted(s.on, numbers("", 0, s.cases.length), false);
    const defaultAt = s.defaultAt % (s.cases.length + 2);
    this.#within({ label: null, form: "switch", heldBelow: this.#held.length }, () => {
      this.#block(`switch (${on}) {`, () => {
        for (const [i, c] of s.cases.entries()) {
          if (i === defaultAt) this.#form("switch default");
          const last = i === s.cases.length - 1;
          this.#block(i === defaultAt ? "default: {" : `case ${i}: {`, () => {
            this.#statements(c.body);
            if (!c.falls) this.#emit("break;");
            else if (!last) this.#form("fallthrough");
          }, "}");
        }
      }, "}");
    });
  }

  #exit(s: Statement & { s: "exit" }): void {
    const innermost = (forms: readonly Target["form"][]): Target | undefined => this.#targets.findLast((t) => forms.includes(t.form));
    const candidates = this.#targets.filter((t) =>
      s.how === "break" ? t.label !== null || t === innermost(["loop", "switch"])
      : s.how === "continue" ? t.form === "loop" && (t.label !== null || t === innermost(["loop"]))
      : false);
    const target = pickFrom(candidates, s.target);
    if (s.how !== "return" && target === undefined) return this.#yield(null);
    const leave = (): void => {
      if (target === undefined) return this.#return(s.value, false);
      for (const h of this.#held.slice(target.heldBelow).reverse()) this.#emit(h.release);
      // Unlabelled, `break` and `continue` mean the innermost target of their own.
      const plain = target === innermost(s.how === "break" ? ["loop", "switch"] : ["loop"]) &&
        (target.label === null || s.target % 2 === 0);
      this.#form(plain ? s.how : `labelled ${s.how}`);
      this.#emit(plain ? `${s.how};` : `${s.how} ${target.label};`);
    };
    if (s.how === "return") this.#form("early return");
    if (s.test === null) return leave();
    this.#block(`if (${this.#bool(s.test, false)}) {`, leave, "}");
  }

  #return(value: Value, pure: boolean): void {
    const released = [...this.#held].reverse().map((h) => h.release);
    for (const line of released) this.#emit(line);
    if (this.#makes !== null) return this.#returnRecord(this.#makes, value);
    if (this.#mode === "init" || (this.#mode === "routine" && this.#result === null)) {
      const call = value.v === "call" && this.#mode === "routine" ? this.#callAfterRelease(value) : null;
      return this.#emit(call === null ? "return;" : `${call};\n${"  ".repeat(this.#indent)}return;`);
    }
    if (this.#mode === "helper") return this.#emit(`return ${this.#int(value.v === "call" ? value.argument : value.of, pure).text};`);
    const { text, call } = this.#value(value, this.#result!);
    this.#form(call ? "return of a call" : "return of a value");
    this.#emit(`return ${text};`);
  }

  #returnRecord(type: RecordInfo, value: Value): void {
    const [pick, of] = value.v === "call" ? [value.pick, value.argument] : [1, value.of];
    const local = pickFrom(visibleRecords(this.#scope).filter((r) => r.type === type && !r.parameter), pick);
    if (local !== undefined && pick % 4 > 0) {
      this.#form("return of a record");
      return this.#emit(`return ${local.name};`);
    }
    this.#form("return of a fresh record");
    this.#emit(`return record${pick % 2 === 0 ? `<${type.name}>` : ""}(${this.#members(type, pick, [of])});`);
  }

  #callAfterRelease(value: Value & { v: "call" }): string | null {
    return this.#call(value.pick, value.argument, "anything");
  }

  #lock(s: Statement & { s: "lock" }): void {
    const attempt = s.attempt || this.#mode === "helper";
    const lock = this.#mode === "init" ? undefined : pickFrom(this.#memory.locks.filter((l) => l.rank > this.#heldRank), s.pick);
    if (lock === undefined) return this.#block("{", () => this.#statements(s.body), "}");
    let id = `${lock.path}.at()`;
    if (lock.count !== null) {
      const index = this.#fresh("lock");
      this.#emit(`const ${index}: U<2> = ${this.#fitted(s.index, numbers("", 0, lock.count - 1), false)};`);
      this.#declare(index, U2, false);
      id = `${lock.path}.at(${index})`;
    }
    if (s.downgrade && lock.kind !== "rwsem") {
      this.#form("LockId");
      const local = this.#fresh("id");
      this.#emit(`const ${local}: LockId = ${id};`);
      id = local;
    }
    const [take, tryTake, release] = lock.kind === "spinlock" ? ["spinLock", "spinTrylock", "spinUnlock"] as const
      : lock.kind === "mutex" ? ["mutexLock", "mutexTrylock", "mutexUnlock"] as const
      : s.write ? ["downWrite", "downWriteTrylock", "upWrite"] as const
      : ["downRead", "downReadTrylock", "upRead"] as const;
    this.#minRank = Math.min(this.#minRank, lock.rank);
    this.#needsThread = true;
    this.#form(attempt ? tryTake : take);
    const held: Held = { rank: lock.rank, release: `${release}(k, ${id});` };
    const body = (): void => {
      this.#held.push(held);
      if (release === "upWrite" && s.downgrade) {
        this.#form("downgradeWrite");
        this.#block("{", () => this.#statements(s.body.slice(0, 1)), "}");
        this.#emit(`downgradeWrite(k, ${id});`);
        held.release = `upRead(k, ${id});`;
        this.#block("{", () => this.#statements(s.body.slice(1)), "}");
      } else this.#statements(s.body);
      this.#emit(held.release);
      this.#held.pop();
    };
    if (attempt) return this.#block(`if (${tryTake}(k, ${id})) {`, body, "}");
    this.#emit(`yield* ${take}(k, ${id});`);
    this.#block("{", body, "}");
  }
}
