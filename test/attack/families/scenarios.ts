/** Scenarios: every member with every value that it is not made for, and members that there are not. */
import type { Ending, Input } from "../input.ts";
import { moduleWith } from "../base.ts";
import { VALUES, VALUE_NAMES, type ValueName } from "../values.ts";

/** A place in a scenario: the member, its text with the value in it, and the values that are right there, or may be. */
interface Place {
  readonly member: string;
  readonly text: (value: string) => string;
  readonly fits: readonly ValueName[];
  /** What is wrong is found when it runs, and need not be refused. */
  readonly later?: Ending;
}

const TEXTS: readonly ValueName[] = ["text", "lines", "long text"];
const RECORDS: readonly ValueName[] = ["undefined", "record", "bare", "proxy"];
const itself = (value: string): string => `(${value})`;
const place = (member: string, fits: readonly ValueName[], text: (value: string) => string = itself, later?: Ending): Place =>
  ({ member, text, fits, ...(later === undefined ? {} : { later }) });

const thread = (name: string, run: string, more = ""): string => `[{ name: ${name}, run: ${run}${more} }]`;
const PLACES: readonly Place[] = [
  place("name", ["text", "long text"]), place("why", TEXTS), place("tier", []), place("config", [...RECORDS, "stranger", "proto member"]),
  place("structs", []), place("structs", [], (v) => `{ counter: (${v}) }`), place("structs", [], (v) => `{ ...structs, other: (${v}) }`),
  place("structs", ["record", "bare", "proxy"], (v) => `{ ...structs, other: { ...structs.counter, fields: (${v}) } }`),
  place("structs", [], (v) => `{ ...structs, other: { ...structs.counter, fields: { f: (${v}) } } }`),
  place("structs", [], (v) => `{ ...structs, other: { ...structs.counter, count: (${v}) } }`),
  place("structs", [], (v) => `{ ...structs, other: { ...structs.counter, shape: (${v}) } }`),
  place("init", ["undefined", "function"]), place("threads", []), place("threads", [], (v) => `[(${v})]`),
  place("threads", ["text", "long text"], (v) => thread(`(${v})`, "increment")),
  // A routine without a yield has ended before the first state.
  place("threads", ["generator"], (v) => thread('"a"', `(${v})`)),
  place("threads", ["undefined", "yes"], (v) => thread('"a"', "increment", `, daemon: (${v})`)),
  place("threads", [], (v) => thread('"a"', "increment", `, zzz: (${v})`)),
  ...["always", "step", "finally", "sometimes", "recurring"].flatMap((m) => [
    // An object whose toString() throws is a record of one promise, of that name.
    place(m, [...RECORDS, "text that throws"]), place(m, ["function"], (v) => `{ p: (${v}) }`, "failed"),
  ]),
  place("always", ["undefined", "function"], (v) => `{ p: Object.assign((k: K) => true, { excuse: (${v}) }) }`),
  place("always", VALUE_NAMES, (v) => `{ p: Object.assign((k: K) => true, { why: (${v}) }) }`),
  place("endless", ["undefined", "yes"]), place("clearDeadLocals", ["undefined", "yes"]),
  place("clearDeadLocals", ["array"], (v) => `{ except: (${v}) }`), place("clearDeadLocals", [], (v) => `{ except: [(${v})] }`),
  place("sanitize", ["undefined", "yes", ...TEXTS]),
  place("deadlock", ["undefined", ...TEXTS]), place("initially", ["undefined"]), place("within", ["undefined"]),
  place("initially", ["function"], itself, "failed"), place("within", ["function"], itself, "failed"),
  place("policy", ["undefined", ...TEXTS]), place("underPolicy", ["undefined", "function", "bound"]),
  place("refine", ["undefined", "array"]),
  place("refine", [], (v) => `[(${v})]`), place("calls", ["undefined", "array"]), place("calls", [], (v) => `[(${v})]`),
  place("calls", ["generator"], (v) => `[{ run: (${v}) }]`),
  place("calls", ["undefined", "five", "minus one"], (v) => `[{ run: increment, failure: (${v}) }]`),
  place("allFail", ["undefined", ...TEXTS]), place("cutShort", RECORDS), place("cutShort", TEXTS, (v) => `{ a: (${v}) }`),
  place("beyond", RECORDS), place("beyond", TEXTS, (v) => `{ counter: (${v}) }`),
  place("expect", []), place("expect", RECORDS, (v) => `holds((${v}) as any)`),
  ...["states", "transitions", "depth", "statesWithoutClearing"].map((count) =>
    place("expect", ["undefined", "null", "five"], (v) => `holds({ ${count}: (${v}) } as any)`, "failed")),
  place("expect", TEXTS, (v) => `violated((${v}) as any)`, "failed"),
  place("expect", RECORDS, (v) => `violated("p", (${v}) as any)`, "failed"),
  place("expect", ["undefined", "null", "five"], (v) => `violated("p", { length: (${v}) } as any)`, "failed"),
  place("expect", [], (v) => `{ ...holds(), verdict: (${v}) }`), place("expect", [], (v) => `{ ...holds(), zzz: (${v}) }`),
  place("zzz", []), place("thread", []), place("invariants", []),
];

const MODEL = '{ structs, actors: [{ name: "a", step: (k: K) => null, atRest: (k: K) => true }] }';
const MODEL_PLACES: readonly Place[] = [
  place("model", []), place("model", ["record", "bare", "proxy"], (v) => `{ ...${MODEL}, structs: (${v}) }`),
  place("model", [], (v) => `{ ...${MODEL}, actors: (${v}) }`),
  place("model", ["undefined", "function"], (v) => `{ ...${MODEL}, init: (${v}) }`),
  place("model", [], (v) => `{ ...${MODEL}, zzz: (${v}) }`),
  place("model", [], (v) => `{ structs, actors: [(${v})] }`),
  place("model", ["text", "long text"], (v) => `{ structs, actors: [{ name: (${v}), step: (k: K) => null, atRest: (k: K) => true }] }`),
  place("model", ["function"], (v) => `{ structs, actors: [{ name: "a", step: (${v}), atRest: (k: K) => true }] }`, "failed"),
  place("model", ["function"], (v) => `{ structs, actors: [{ name: "a", step: (k: K) => null, atRest: (${v}) }] }`, "failed"),
  place("model", ["undefined"], (v) => `{ ...${MODEL}, system: (${v}) }`),
  place("model", [], (v) => `{ ...${MODEL}, system: { module: (${v}), data: 1 } }`),
];

function inputOf(p: Place, n: number, value: ValueName, isModel: boolean): Input {
  const rest: Record<string, null> = isModel ? { structs: null, threads: null, finally: null } : {};
  const fits = p.fits.includes(value);
  return {
    family: "scenarios", rule: `${p.member} ${n}`, what: value, args: ["check", "m.ts"],
    // Of what is no JavaScript, such as a Proxy, nothing is known; of what fits, whether the rest still holds.
    ends: fits ? "any" : p.later ?? "refused",
    files: { "m.ts": moduleWith({ ...rest, [p.member]: p.text(VALUES[value]) }) },
  };
}

// Not `why`, `tier` and `expect`, which have defaults (test/checker/own-scenario.test.ts).
const LEFT_OUT = ["name", "structs", "threads"];

export function scenarios(): Input[] {
  return [
    ...PLACES.flatMap((p, n) => VALUE_NAMES.map((v) => inputOf(p, n, v, false))),
    ...MODEL_PLACES.flatMap((p, n) => VALUE_NAMES.map((v) => inputOf(p, PLACES.length + n, v, true))),
    ...LEFT_OUT.map((member): Input => ({
      family: "scenarios", rule: "left out", what: member, args: ["check", "m.ts"], ends: "refused",
      files: { "m.ts": moduleWith({ [member]: null }) },
    })),
  ];
}
