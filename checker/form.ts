/**
 * The form of what people write (scenarios, configurations, files), in words: where, what must stand there, what does.
 * Schemas are made with valibot, whose issues carry the path; each schema's message is the phrase after "must be".
 */
import * as v from "valibot";
import { didYouMean } from "./nearest.ts";
import { functionInWords, inWords, isRecord, shortened } from "./value-in-words.ts";

/** What a person wrote has the wrong form. The message is one sentence that names the place. */
export class FormError extends RangeError {
  constructor(message: string) {
    super(message);
    this.name = "FormError";
  }
}

/** A schema whose issues say what must be there. */
export type Form = v.GenericSchema;

// ---- parts of schemas -------------------------------------------------------------------------------------------

export const text = (what = "a text"): v.GenericSchema<string> => v.pipe(v.string(what), v.nonEmpty(what));
export const flag = (): v.GenericSchema<boolean> => v.boolean("true or false");
export const whole = (min: number, max: number, what: string): v.GenericSchema<number> =>
  v.pipe(v.number(what), v.integer(what), v.minValue(min, what), v.maxValue(max, what));
/** A count: an integer from 0 upward. */
export const count = (what = "an integer from 0 upward"): v.GenericSchema<number> => whole(0, Number.MAX_SAFE_INTEGER, what);

type AnyFunction = (...args: never) => unknown;
/** A function that is neither async nor a generator. */
export const plainFunction = (what = "a function"): v.GenericSchema<AnyFunction> =>
  v.custom<AnyFunction>((f) => typeof f === "function" && functionInWords(f) === "a function", what);
export const anyFunction = (what = "a function"): v.GenericSchema<AnyFunction> =>
  v.custom<AnyFunction>((f) => typeof f === "function" && functionInWords(f) !== "a class", what);

export const oneOf = (options: readonly string[]): v.GenericSchema<string> =>
  v.picklist(options, options.map((o) => JSON.stringify(o)).join(", ").replace(/, ([^,]*)$/, " or $1"));

/** Names and values of one kind. `what` says what the whole must be. */
export function recordOf(value: Form, what: string, key: v.GenericSchema<string> = text("a name that is not empty")): Form {
  const special = ["__proto__", "prototype", "constructor"];
  return v.pipe(
    v.custom<Record<string, unknown>>(isRecord, what),
    v.check((r) => special.every((s) => !Object.hasOwn(r, s)), `${what}, none of them named ${special.join(", ")}`),
    v.record(key, value, what),
  );
}

/** An object with at least these members; of one that is missing the message is the member's own. */
export function recordForm(members: v.ObjectEntries, what = "an object"): Form {
  return v.pipe(v.custom<Record<string, unknown>>(isRecord, what), v.object(members, missing(members, what)));
}

function missing(members: v.ObjectEntries, what: string): (issue: v.BaseIssue<unknown>) => string {
  return (issue) => {
    const member = members[String(issue.path?.at(-1)?.key)];
    return member === undefined ? what : v.safeParse(member, undefined).issues?.[0].message ?? what;
  };
}

/** An object with these members and no others. */
export function objectOf(members: v.ObjectEntries, what: string): Form {
  const names = Object.keys(members);
  return v.pipe(
    v.custom<Record<string, unknown>>(isRecord, what),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const unknown = Object.keys(dataset.value).find((key) => !names.includes(key));
      if (unknown === undefined) return;
      const near = didYouMean(unknown, names);
      addIssue({ message: `there is no ${inWords(unknown)}`, expected: near === "" ? ` It has ${names.join(", ")}` : near });
    }),
    v.object(members, missing(members, what)),
  );
}

/** Numbers, texts, booleans, null, and arrays and records of them: what can be written down and read again. */
export function plainData(what: string): v.CheckAction<unknown, string> {
  return v.check((value: unknown) => isPlain(value, []), what);
}

function isPlain(value: unknown, above: readonly unknown[]): boolean {
  if (value === null || value === undefined || typeof value === "string" || typeof value === "boolean") return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (above.includes(value) || !(Array.isArray(value) || isRecord(value))) return false;
  return Object.values(value).every((part) => isPlain(part, [...above, value]));
}

// ---- words ------------------------------------------------------------------------------------------------------

/** `always["no update is lost"]`, `threads[0].run`. */
export function pathInWords(keys: readonly unknown[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "string" && /^[A-Za-z_$][\w$]*$/.test(key)) return path === "" ? key : `${path}.${key}`;
    return `${path}[${typeof key === "number" ? key : shortened(JSON.stringify(String(key)))}]`;
  }, "");
}

/** What is wrong with the form of `value`: the end of a sentence that begins with whose it is; null: nothing. */
export function problemOf(schema: Form, value: unknown): string | null {
  let issue: v.BaseIssue<unknown> | undefined;
  try {
    issue = v.safeParse(schema, value, { abortEarly: true }).issues?.[0];
  } catch (e) {
    return `it cannot be read: ${e instanceof Error ? e.message : inWords(e)}`;
  }
  if (issue === undefined) return null;
  const path = pathInWords((issue.path ?? []).map((item) => item.key));
  // What is said of members that do not exist.
  if (issue.type === "raw_check") return `${issue.message}${path === "" ? "" : ` in ${path}`}.${issue.expected ?? ""}`;
  return `${path === "" ? "it" : path} must be ${issue.message}, found ${inWords(issue.input)}`;
}
