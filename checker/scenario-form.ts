/**
 * The form of a scenario: every member of it, of its structs and fields, of its threads and its machines. Asked once, when
 * a module is loaded; nothing of it runs in a search.
 */
import * as v from "valibot";
import {
  FormError,
  anyFunction,
  count,
  flag,
  objectOf,
  oneOf,
  plainData,
  plainFunction,
  problemOf,
  recordOf,
  text,
  whole,
  type Form,
} from "./form.ts";
import { inWords, isRecord } from "./value-in-words.ts";
import {
  ACTORS_MAX,
    MASK_SIZE_MAX,
  NONE,
  OBJECTS_MAX,
  UNLOCKED_ACTORS_MAX,
  fieldsOf,
  type Field,
  type ScalarField,
  type Struct,
  type Structs,
} from "./program/layout.ts";

// ---- structs ----------------------------------------------------------------------------------------------------

const integer = (what = "an integer"): Form => whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, what);
const FIELD_OPTIONS = {
  meaning: text("a text that says what the field means"),
  guard: v.optional(text("a text such as \"lock\" or \"atomic\"")),
  role: v.optional(oneOf(["state", "ghost", "statistic"])),
  init: v.optional(v.union([v.boolean(), v.pipe(v.number(), v.integer())], "an integer, or true or false")),
  wrapping: v.optional(flag()),
  marks: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  show: v.optional(plainFunction("a plain function that says a value in words")),
};
const SCALAR = "a field: int(...), bool(...), ref(...) or bitset(...)";
const nesting = v.nullable(oneOf(["ascending", "nested"]));

const scalars: Readonly<Record<string, Form>> = {
  int: objectOf({ kind: text(), min: integer(), max: integer(), ...FIELD_OPTIONS }, SCALAR),
  bool: objectOf({ kind: text(), ...FIELD_OPTIONS }, SCALAR),
  ref: objectOf({ kind: text(), table: text("the name of a table"), ...FIELD_OPTIONS }, SCALAR),
  bitset: objectOf({ kind: text(), size: whole(0, MASK_SIZE_MAX, `an integer in 0..${MASK_SIZE_MAX}`), ...FIELD_OPTIONS }, SCALAR),
};
const lock = (queued: Form): Form => objectOf({ kind: text(), meaning: FIELD_OPTIONS.meaning, queued, nesting }, "a lock");
const exclusive = v.literal(false, "left out: only an rwsem can be queued");
const objects = whole(0, OBJECTS_MAX, `an integer in 0..${OBJECTS_MAX}`);

/** Chosen by `kind`, so that a problem names the member that is wrong and not the kinds there are. */
function byKind(kinds: Readonly<Record<string, Form>>, what: string): Form {
  return v.pipe(
    v.custom<unknown>((f) => isRecord(f) && typeof f["kind"] === "string" && Object.hasOwn(kinds, f["kind"]), what),
    v.lazy((f) => kinds[(f as { kind: string }).kind]!),
  );
}

const scalar = byKind(scalars, `${SCALAR}; there are no arrays of locks or of arrays`);
const field = byKind({
  ...scalars, spinlock: lock(exclusive), mutex: lock(exclusive), rwsem: lock(flag()),
  array: objectOf({ kind: text(), length: objects, element: scalar, meaning: FIELD_OPTIONS.meaning, dims: v.optional(v.array(objects)),
    part: v.optional(oneOf(["set", "items"])) }, "a field"),
}, `${SCALAR}, a lock, or array(...)`);

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
const name = (what: string): v.GenericSchema<string> => v.pipe(v.string(what), v.regex(IDENTIFIER, what));
/** Members of a record are named `record.member`. */
const member = v.pipe(v.string(), v.regex(/^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/, "a name without spaces and signs"));
const fields = recordOf(field, "a record of fields", member);
const struct = objectOf({ shape: oneOf(["struct", "table"]), count: objects, fields }, "struct({ ... }) or table(n, { ... })");
const structs = recordOf(struct, "a record of struct({ ... }) and table(n, { ... })", name("a name without spaces and signs"));

// ---- threads and machines ---------------------------------------------------------------------------------------

const actorName = v.pipe(text("a name of one line"), v.regex(/^[^\n\r]*$/, "a name of one line"));
const routine = v.custom((f) => typeof f === "function" && !inWords(f).includes("async"), "a routine, function*");
const thread = objectOf(
  {
    name: actorName,
    run: routine,
    daemon: v.optional(flag()),
  },
  "{ name, run }",
);
const actor = objectOf({
  name: actorName, daemon: v.optional(flag()),
  step: plainFunction("a plain function that takes a step"), atRest: plainFunction("a plain function that says whether it may rest"),
}, "{ name, step, atRest }");
const actors = (one: Form, most: number): Form => v.pipe(v.array(one, "an array"), v.maxLength(most, `at most ${most}`));
const init = plainFunction("a plain function that builds the initial state");
const model = objectOf({
  structs, init: v.optional(init), actors: actors(actor, UNLOCKED_ACTORS_MAX),
  system: v.optional(objectOf({ module: text("the URL of a module"), data: v.unknown() }, "{ module, data }")),
}, "{ structs, actors }");

export const refinement = objectOf(
  {
    machine: text("the name of a machine"),
    instances: count(),
    states: count(),
    bounds: recordOf(v.number("a number"), "a record of numbers"),
    title: anyFunction(),
    describe: anyFunction(),
    abstract: anyFunction(),
    next: anyFunction(),
    arrow: anyFunction(),
    sees: v.optional(recordOf(v.number("a number"), "a record of numbers")),
    events: v.array(objectOf({ event: count(), name: text(), payloads: count(), route: anyFunction() }, "an event"), "an array of events"),
    arrows: v.array(
      objectOf({ name: text(), lacks: v.nullable(text("a text, or null")) }, "{ name, lacks }"),
      "an array of { name, lacks }",
    ),
  },
  "a machine, as refinement.ts describes it",
);

/** What `calls` gives. */
export const outsideCalls = v.array(
  objectOf(
    {
      run: v.custom((f) => typeof f === "function" && inWords(f) === "a generator function", "a routine, function*"),
      failure: v.optional(integer()),
    },
    "{ run, failure }",
  ),
  "an array of { run, failure }",
);

// ---- what is expected -------------------------------------------------------------------------------------------

const pin = v.optional(v.nullable(count("a count from 0 upward")));
/** What `holds` takes. */
export const holdsPins = objectOf(
  { states: pin, transitions: pin, depth: pin, statesWithoutClearing: pin },
  "a record of counts such as { states: 5 }",
);
/** What `violated` takes besides the promise. */
export const violatedPins = objectOf({ length: pin }, "a record of counts such as { length: 7 }");

const EXPECT = "holds(...) or violated(\"promise\")";
const expectation = v.pipe(
  v.custom<unknown>((e) => isRecord(e) && (e["verdict"] === "holds" || e["verdict"] === "violated"), EXPECT),
  v.lazy((e) => ((e as { verdict: string }).verdict === "holds" ? expectsToHold : expectsViolation)),
);
const expectsToHold = objectOf(
  {
    verdict: text(),
    states: v.nullable(count()),
    transitions: v.nullable(count()),
    depth: v.nullable(count()),
    statesWithoutClearing: v.nullable(count()),
  },
  EXPECT,
);
const expectsViolation = objectOf({ verdict: text(), property: text("the name of a promise"), length: v.nullable(count()) }, EXPECT);

// ---- the whole --------------------------------------------------------------------------------------------------

const property = v.pipe(
  plainFunction("a plain function that is true where the promise is kept"),
  v.check((f) => {
    const excuse = (f as { readonly excuse?: unknown }).excuse;
    return excuse === undefined || (typeof excuse === "function" && inWords(excuse) === "a function");
  }, "a function whose excuse, if any, is a plain function"),
);
const properties = v.optional(recordOf(property, "a record of functions, { \"what is promised\": (k) => ... }"));

const shown = plainFunction("a plain function that is true of states that show it");
const runProperties = v.optional(recordOf(shown, "a record of functions, { \"what comes\": (k) => ... }"));

const COMMON = {
  name: v.pipe(v.string("a text"), v.regex(/^[\w][\w.+()=,@-]*$/, "made of letters, digits and -_.+=,()@, without spaces")),
  why: text("a text that says why the scenario exists"),
  tier: oneOf(["quick", "full", "nightly"]),
  config: v.optional(
    v.pipe(v.custom(isRecord, "a record of plain data"), plainData("plain data: numbers, texts, true, false, null, arrays, records")),
  ),
  clearDeadLocals: v.optional(v.union(
    [flag(), objectOf({ except: v.array(routine, "an array of routines") }, "{ except: [routine] }")],
    "true, false, or { except: [routine] }",
  )),
  picture: v.optional(text()),
  sanitize: v.optional(v.union([flag(), text()], "true or false, or a text that says why the sanitizers leave it out")),
  always: properties,
  step: properties,
  finally: properties,
  sometimes: v.optional(recordOf(plainFunction("a plain function that is true where it happens"), "a record of functions")),
  recurring: v.optional(recordOf(plainFunction("a plain function that is true of what must stay reachable"), "a record of functions")),
  eventually: runProperties, alwaysEventually: runProperties, eventuallyAlways: runProperties, progress: runProperties,
  leadsTo: v.optional(recordOf(objectOf(
    { from: shown, to: shown, why: v.optional(text("a text that says why it is promised")) }, "{ from, to }"), "a record of { from, to }")),
  fairness: v.optional(recordOf(oneOf(["weak", "strong", "none"]), "a record of \"weak\", \"strong\", \"none\" by thread")),
  endless: v.optional(flag()),
  initially: v.optional(plainFunction("a plain function that is true of initial states")),
  within: v.optional(plainFunction("a plain function that is true of states to go on from")),
  deadlock: v.optional(text("a text that says why it is fine that nothing can move")),
  calls: v.optional(outsideCalls), allFail: v.optional(text("a text that says why no call is to succeed")),
  cutShort: v.optional(recordOf(text("a text that says why the thread is not to get past its first call"), "a record of texts by thread")),
  beyond: v.optional(recordOf(text("a text in which % stands for the number"), "a record of texts")),
  policy: v.optional(text("the name of a policy")), underPolicy: v.optional(plainFunction()),
  refine: v.optional(v.array(refinement, "an array of machines")),
  expect: expectation,
};
const ofThreads = objectOf({ ...COMMON, structs, init: v.optional(init), threads: actors(thread, ACTORS_MAX) }, "scenario({ ... })");
const ofModel = objectOf({ ...COMMON, model }, "scenario({ ... })");

/** What is wrong with a scenario, as the end of a sentence; null: nothing. */
export function scenarioProblem(s: unknown): string | null {
  const isModel = isRecord(s) && "model" in s && !("threads" in s);
  return problemOf(isModel ? ofModel : ofThreads, s) ?? beyondForm(s as Parts);
}

/** Throws a FormError that begins with `whose` unless `pins` has the form. */
export function checkPins(form: Form, pins: unknown, whose: string): void {
  const problem = problemOf(form, pins);
  if (problem !== null) throw new FormError(`${whose}: ${problem}`);
}

/** What a ready-made system would have to heed by itself. */
const BOUNDS = [
  "initially", "within", "deadlock", "eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress", "fairness",
] as const;

/** The parts of a scenario that must fit one another. */
interface Parts {
  readonly structs?: Structs;
  readonly threads?: readonly { readonly name: string }[];
  readonly model?: { readonly structs: Structs; readonly actors: readonly { readonly name: string }[]; readonly system?: unknown };
  readonly always?: object;
  readonly step?: object;
  readonly finally?: object;
  readonly recurring?: object;
  readonly eventually?: object;
  readonly leadsTo?: object;
  readonly alwaysEventually?: object;
  readonly eventuallyAlways?: object;
  readonly progress?: object;
  readonly fairness?: Readonly<Record<string, string>>;
  readonly cutShort?: Readonly<Record<string, string>>;
  readonly initially?: unknown;
  readonly within?: unknown;
  readonly deadlock?: unknown;
}

function beyondForm(s: Parts): string | null {
  const actors = (s.model?.actors ?? s.threads)!;
  const alone = s.model?.system === undefined ? undefined : BOUNDS.find((b) => s[b] !== undefined);
  if (alone !== undefined) return `${alone} is given, of which a system that is ready made knows nothing`;
  if (actors.length === 0 && s.model?.system === undefined) return "there is no thread to run";
  const locked = Object.entries(s.model?.structs ?? {})
    .find(([, struct]) => Object.values(fieldsOf(struct)).some((f) => LOCKS.has(f.kind)));
  if (locked !== undefined && actors.length > ACTORS_MAX) {
    return `model.actors has ${actors.length}; at most ${ACTORS_MAX} where a struct has a lock, as ${locked[0]} does`;
  }
  const twice = firstTwice(actors.map((a) => a.name));
  if (twice !== undefined) return `two threads have the same name, ${inWords(twice)}; traces could not tell them apart`;
  const stranger = Object.keys(s.cutShort ?? {}).find((name) => !actors.some((a) => a.name === name));
  if (stranger !== undefined) return `cutShort names ${inWords(stranger)}, which is no thread of it`;
  const unfair = Object.keys(s.fairness ?? {}).find((name) => !actors.some((a) => a.name === name));
  if (unfair !== undefined) return `fairness names ${inWords(unfair)}, which is no thread of it`;
  const ofRuns = [s.eventually, s.leadsTo, s.alwaysEventually, s.eventuallyAlways, s.progress];
  const promise = firstTwice([s.always, s.step, s.finally, s.recurring, ...ofRuns].flatMap((g) => Object.keys(g ?? {})));
  if (promise !== undefined) return `two properties are named ${inWords(promise)}`;
  return structsProblem((s.model?.structs ?? s.structs)!);
}

const LOCKS: ReadonlySet<string> = new Set(["spinlock", "mutex", "rwsem"]);

const firstTwice = (names: readonly string[]): string | undefined => names.find((n, i) => names.indexOf(n) !== i);

const sound = new WeakSet<Structs>();

function structsProblem(all: Structs): string | null {
  if (sound.has(all)) return null;
  for (const [struct, s] of Object.entries(all)) {
    for (const [field, f] of Object.entries(fieldsOf(s))) {
      const problem = fieldProblem(all, s, field, f);
      if (problem !== null) return `structs.${struct}.${field} ${problem}`;
    }
  }
  sound.add(all);
  return null;
}

function fieldProblem(all: Structs, s: Struct, field: string, f: Field): string | null {
  if (field === "count") return "has the name of the number of objects; choose another";
  if (s.shape === "struct" && s.count !== 1) return `is in a struct of ${s.count} objects; table(${s.count}, { ... }) has several`;
  if (f.kind === "spinlock" || f.kind === "mutex" || f.kind === "rwsem") return null;
  return scalarProblem(all, (f.kind === "array" ? f.element : f) as ScalarField);
}

function scalarProblem(all: Structs, f: ScalarField): string | null {
  if (f.kind === "int" && !(f.max >= f.min && f.max - f.min <= 0xffff_ffff)) return `has no values: min is ${f.min} and max is ${f.max}`;
  if (f.kind === "ref" && all[f.table]?.shape !== "table") {
    const tables = Object.keys(all).filter((t) => all[t]!.shape === "table").join(", ");
    return `refers to ${inWords(f.table)}, which is no table of this scenario; its tables are ${tables === "" ? "none" : tables}`;
  }
  if (f.wrapping !== undefined && f.kind !== "int") return "is wrapping, which only an int can be";
  if (f.init === undefined) return null;
  const [min, max] = rangeOf(all, f);
  if (typeof f.init === "boolean" ? f.kind === "bool" : f.init >= min && f.init <= max) return null;
  return `has init ${inWords(f.init)}, which is not ${f.kind === "bool" ? "true or false" : `in ${min}..${max}`}`;
}

function rangeOf(all: Structs, f: ScalarField): readonly [number, number] {
  switch (f.kind) {
    case "int": return [f.min, f.max];
    case "bool": return [0, 1];
    case "bitset": return [0, 2 ** f.size - 1];
    case "ref": return [NONE, all[f.table]!.count - 1];
  }
}
