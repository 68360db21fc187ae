/** The functions of an emitted program that hold a state to its promises: text that calls the linked properties one by one. */
import type { Scenario } from "../scenario.ts";
import { EXCUSES_MAX } from "../system.ts";
import type { Emitter } from "./emit.ts";
import { explainingFunction } from "./explain.ts";
import { livenessOf } from "./whole-runs.ts";
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

  /**
   * The text of all functions. Links the properties in this order: always, excuses, step, finally, sometimes, recurring, initially,
   * within, those of whole runs.
   */
  text(checkMachines: CheckMachines): string[] {
    const s = this.#scenario;
    const always = this.#group("always", s.always, [""]);
    const excuses = this.#excuses();
    const some = this.always.map((emitted, i) => `if (${bit(i)}) { ${this.#ask(emitted, i)} }`).join(" ");
    const step = `${this.#group("step", s.step, ["P", ""])} $asked = -1;${checkMachines(Object.keys(s.step ?? {}).length)}`;
    const final = this.#group("finally", s.finally, [""]);
    const [witnesses, recurring] = [s.sometimes, s.recurring].map((group) => Object.entries(group ?? {})
      .map(([name, f], i) => `case ${i}: return ${this.#link(f, name, "sometimes", [""]).emitted}() === true;`).join(" "));
    const [initially, within] = (["initially", "within"] as const)
      .map((name) => (s[name] === undefined ? "true" : `${this.#link(s[name], name, "sometimes", [""]).emitted}() === true`));
    return [
      excuses,
      `let $asked = -1;
// Out of rounds it is no broken promise but one that nobody can ask: to show it would be to go round again.
function $broke(e) { if ($asked < 0 || $fuel < 0) throw e; return $asked; }
function checkSome(m, at) { ${FUEL} $asked = -1; try { ${some} return -1; } catch (e) { return $broke(e); } }
function checkState() { ${FUEL} $asked = -1; try { ${always} return -1; } catch (e) { return $broke(e); } }
${CHECK_STEP}
function checkChanges() { ${FUEL} $asked = -1; try { ${step} return -1; } catch (e) { return $broke(e); } }
function checkEnd() { ${FUEL} $asked = -1; try { ${final} return -1; } catch (e) { return $broke(e); } }
function isBroken(kind, index) { ${FUEL} try { switch (kind + index) { ${this.#singly.join(" ")} } } catch { return true; }
  return false; }`,
      `function witness(i) { ${FUEL} switch (i) { ${witnesses} } return false; }`,
      `function recurs(i) { ${FUEL} switch (i) { ${recurring} } return false; }`,
      ...this.#ofRuns(),
      `function initially() { ${FUEL} return ${initially}; }
function within() { ${FUEL} return ${within}; }`,
      `${EXPLAIN}
function explain(kind, index) {
  ${FUEL} $found = null;
  try { switch (kind + index) { ${this.#explainers.join(" ")} } } catch (e) { $found = { conjunct: "", site: -1, operands: [], error: e }; }
  return $found;
}`,
    ];
  }

  /**
   * The predicates of promises about whole runs. The promises and the fairness stand there as well: they are part of what decides
   * which runs break something.
   */
  #ofRuns(): string[] {
    const { liveness, predicates } = livenessOf(this.#scenario);
    if (liveness === undefined) return [];
    const cases = predicates.map(({ name, f }, i) => `case ${i}: return ${this.#link(f, name, "sometimes", [""]).emitted}() === true;`);
    return [`// ${JSON.stringify(liveness)}
function shows(i) { ${FUEL} switch (i) { ${cases.join(" ")} } return false; }`];
  }

  /** Text that asks property number `i`, and returns `i` where it does not hold. One that throws does not hold, see `$broke`. */
  #ask(emitted: string, i: number): string {
    return `$asked = ${i}; if (${emitted}() !== true) return ${i};`;
  }

  #group(kind: "always" | "step" | "finally", record: Properties | undefined, worlds: readonly ("" | "P")[]): string {
    return Object.entries(record ?? {}).map(([name, f], i) => {
      const linked = this.#link(f, name, kind, worlds);
      const explainer = `e_${kind}_${i}`;
      if (kind === "always") this.always.push(linked.emitted);
      this.#emitter.add(explainingFunction(this.#linker, linked, explainer));
      this.#singly.push(`case "${kind}${i}": return ${linked.emitted}() !== true;`);
      this.#explainers.push(`case "${kind}${i}": ${explainer}(); break;`);
      return this.#ask(linked.emitted, i);
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
    const changed = this.excuses.map((e, i) => `if (${bit(first + i)}) { bits &= ${~(1 << i)}; ${ask(e, i)} }`).join("\n  ");
    return `function $noExcuse(e) {
  if (e instanceof Error) e.message = "an excuse throws: " + e.message;
  throw e;
}
function excuses() { ${FUEL} let bits = 0; try { ${this.excuses.map(ask).join(" ")} return bits; } catch (e) { $noExcuse(e); } }
function excused(m, at, before) { ${FUEL} let bits = before; try {
  ${changed}
  return bits; } catch (e) { $noExcuse(e); } }`;
  }
}

/** Whether bit `i` of the set at `m[at]` is set. */
function bit(i: number): string {
  return `(m[at + ${i >> 5}] & ${1 << (i & 31)}) !== 0`;
}

const CHECK_STEP = "function checkStep(before) { "
  + "if (before !== $before) $before.set(before.length === $before.length ? before : before.subarray(0, $before.length)); "
  + "$find(); return checkChanges(); }";

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
