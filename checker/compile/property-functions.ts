/** The functions of an emitted program that hold a state to its promises: text that calls the linked properties one by one. */
import type { Scenario } from "../scenario.ts";
import { EXCUSES_MAX } from "../system.ts";
import type { Emitter } from "./emit.ts";
import { explainingFunction } from "./explain.ts";
import type { LinkedFunction, Linker, Purpose } from "./link.ts";
import { STEP_ROUNDS_MAX } from "./prelude.ts";

/** Links function `f` of the scenario as a property. */
export type LinkProperty = (f: unknown, name: string, purpose: Purpose, worlds: readonly ("" | "P")[]) => LinkedFunction;

/** How the check of step properties goes on with the machines, given the number of step properties; empty without machines. */
export type CheckMachines = (own: number) => string;

type Properties = Readonly<Record<string, unknown>>;

const FUEL = `$fuel = ${STEP_ROUNDS_MAX};`;

export class PropertyFunctions {
  readonly #scenario: Scenario;
  readonly #linker: Linker;
  readonly #emitter: Emitter;
  readonly #link: LinkProperty;
  readonly #explainers: string[] = [];
  /** Text for each property, which asks that property alone. */
  readonly #singly: string[] = [];
  /** The emitted functions of the state properties, in order. */
  readonly always: string[] = [];
  /** The emitted functions of the excuses. */
  readonly excuses: string[] = [];
  /** The excuse of each state property, -1 for none. */
  readonly excuseOf: number[] = [];

  constructor(scenario: Scenario, linker: Linker, emitter: Emitter, link: LinkProperty) {
    this.#scenario = scenario;
    this.#linker = linker;
    this.#emitter = emitter;
    this.#link = link;
  }

  /** The text of all functions. Links the properties in this order: always, excuses, step, finally, sometimes, recurring. */
  text(checkMachines: CheckMachines): string[] {
    const s = this.#scenario;
    const always = this.#group("always", s.always, [""]);
    const excuses = this.#excuses();
    const some = Object.keys(s.always ?? {}).map((name, i) => `if (${bit(i)}) { ${this.#ask(name, this.always[i]!, i)} }`).join(" ");
    const step = `${this.#group("step", s.step, ["P", ""])}${checkMachines(Object.keys(s.step ?? {}).length)}`;
    const final = this.#group("finally", s.finally, [""]);
    const [witnesses, recurring] = [s.sometimes, s.recurring].map((group) => Object.entries(group ?? {})
      .map(([name, f], i) => `case ${i}: return ${this.#link(f, name, "sometimes", [""]).emitted}() === true;`).join(" "));
    return [
      excuses,
      `let $property = "";
function $threw(e) {
  if (e instanceof Error && !e.message.startsWith("the property ")) ${NAME_PROPERTY}
  throw e;
}
function checkSome(m, at) { ${FUEL} try { ${some} return -1; } catch (e) { $threw(e); } }
function checkState() { ${FUEL} try { ${always} return -1; } catch (e) { $threw(e); } }
${CHECK_STEP}
function checkChanges() { ${FUEL} try { ${step} return -1; } catch (e) { $threw(e); } }
function checkEnd() { ${FUEL} try { ${final} return -1; } catch (e) { $threw(e); } }
function isBroken(kind, index) { ${FUEL} try { switch (kind + index) { ${this.#singly.join(" ")} } } catch { } return false; }`,
      `function witness(i) { ${FUEL} switch (i) { ${witnesses} } return false; }`,
      `function recurs(i) { ${FUEL} switch (i) { ${recurring} } return false; }`,
      `${EXPLAIN}
function explain(kind, index) { ${FUEL} $found = null; switch (kind + index) { ${this.#explainers.join(" ")} } return $found; }`,
    ];
  }

  /** Text that asks property number `i`, and returns `i` where it does not hold. */
  #ask(name: string, emitted: string, i: number): string {
    return `$property = ${JSON.stringify(name)}; if (${emitted}() !== true) return ${i};`;
  }

  #group(kind: "always" | "step" | "finally", record: Properties | undefined, worlds: readonly ("" | "P")[]): string {
    return Object.entries(record ?? {}).map(([name, f], i) => {
      const linked = this.#link(f, name, kind, worlds);
      const explainer = `e_${kind}_${i}`;
      if (kind === "always") this.always.push(linked.emitted);
      this.#emitter.add(explainingFunction(this.#linker, linked, explainer));
      this.#singly.push(`case "${kind}${i}": return ${linked.emitted}() !== true;`);
      this.#explainers.push(`case "${kind}${i}": ${explainer}(); break;`);
      return this.#ask(name, linked.emitted, i);
    }).join(" ");
  }

  /** Properties share their excuses: each is asked once. */
  #excuses(): string {
    const s = this.#scenario;
    for (const [name, property] of Object.entries(s.always ?? {})) {
      if (property.excuse === undefined) {
        this.excuseOf.push(-1);
        continue;
      }
      const { emitted } = this.#link(property.excuse, `the excuse of ${name}`, "always", [""]);
      if (!this.excuses.includes(emitted)) this.excuses.push(emitted);
      this.excuseOf.push(this.excuses.indexOf(emitted));
    }
    if (this.excuses.length > EXCUSES_MAX) {
      const found = `scenario ${s.name}: its promises have ${this.excuses.length} different excuses`;
      throw new Error(`${found}; at most ${EXCUSES_MAX} are possible, so let promises share them`);
    }
    const first = this.always.length;
    const ask = (e: string, i: number): string => `if (${e}() === true) bits |= ${1 << i};`;
    const begin = `${FUEL} $property = "(an excuse)";`;
    const changed = this.excuses.map((e, i) => `if (${bit(first + i)}) { bits &= ${~(1 << i)}; ${ask(e, i)} }`).join("\n  ");
    return `function excuses() { ${begin} let bits = 0; try { ${this.excuses.map(ask).join(" ")} return bits; } catch (e) { $threw(e); } }
function excused(m, at, before) { ${begin} let bits = before; try {
  ${changed}
  return bits; } catch (e) { $threw(e); } }`;
  }
}

/** Whether bit `i` of the set at `m[at]` is set. */
function bit(i: number): string {
  return `(m[at + ${i >> 5}] & ${1 << (i & 31)}) !== 0`;
}

const CHECK_STEP = "function checkStep(before) { "
  + "if (before !== $before) $before.set(before.length === $before.length ? before : before.subarray(0, $before.length)); "
  + "$find(); return checkChanges(); }";

const NAME_PROPERTY = "e.message = `the property ${JSON.stringify($property)} throws: ${e.message}`;";

/** What failed: the conjunct that a property names itself, or the source text with its operands. */
const FOUND = 'v !== null && typeof v === "object" && "conjunct" in v '
  + "? { conjunct: v.conjunct, site, operands: Object.entries(v.values) } : "
  + '{ conjunct: text, site, operands: [...operands(), ...(v === false ? [] : [["the whole, which is not true", v]])] };';

const EXPLAIN = `let $found = null;
function $explain(conjuncts) {
  for (const [text, site, value, operands] of conjuncts) {
    const v = value();
    if (v === true) continue;
    $found = ${FOUND}
    return false;
  }
  return true;
}`;
