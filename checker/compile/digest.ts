/**
 * What a scenario is made of, as lines that another process can compare with its own: every value and function that can be
 * reached from it, in the order in which they are met. A module that loads otherwise in another process (randomness, time, what
 * it finds there) gives another program there, and a check of one says nothing of the other.
 *
 * It is more than the program: a captured value counts whether or not the compiled text depends on it. It is less than all: of
 * objects of classes only the class counts (none can be part of a program), and machines of the configuration do not.
 */
import { createHash } from "node:crypto";
import { types } from "node:util";
import { shortPath } from "../error-sentence.ts";
import { inWords } from "../value-in-words.ts";
import type { Scenario } from "../scenario.ts";
import { isPlainObject } from "./captured.ts";
import { mapOf } from "./code-map.ts";
import { patchOf } from "../patch/patch.ts";
import { originOf, type Origin } from "./source-module.ts";

/** A line: where the value is, and what it is. */
export interface DigestLine {
  readonly where: string;
  readonly value: string;
}

/** Members that decide what is checked: what is expected of it does not. */
const PARTS = [
  "name", "config", "structs", "model", "init", "threads", "always", "step", "finally", "sometimes", "recurring", "endless",
  "eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress", "fairness",
  "initially", "within", "deadlock", "clearDeadLocals", "policy", "refine",
] as const;

/** A hash of all lines. */
export function digestOf(scenario: Scenario): string {
  const hash = createHash("sha256");
  // Where a value is matters only to who reads it.
  const text: string[] = [];
  new Walk((_, value) => text.push(value), null).scenario(scenario, PARTS);
  hash.update(text.join("\n"));
  return hash.digest("hex").slice(0, 16);
}

/**
 * Lines of all that a compilation of the scenario begins with. As `digestOf`, and with the routines through which the outside calls,
 * and the patch of each function. Not in it: the texts of modules of which only types are used, and what machines answer.
 */
export function programLines(scenario: Scenario): string {
  const text: string[] = [];
  const textOf: TextOf = (origin) => `${textInModule(origin)} ${patchOf(origin.module.url) ?? ""}`;
  new Walk((_, value) => text.push(value), null, textOf).scenario(scenario, [...PARTS, "calls"]);
  return text.join("\n");
}

/** What decides which states there are; where a violation is expected also what a search ends with. */
const STEPS = ["config", "structs", "model", "init", "threads", "initially", "within"] as const;
const ENDS = ["always", "step", "finally"] as const;

/**
 * A hash of what decides where the scenario's steps lead: of functions only their own text counts, without comments and spacing,
 * and without the places of their modules. It stays the same from one checkout, and from one version of the checker, to another.
 * Declarations of types are left out: they decide how wide a local is kept, and nothing else.
 */
export function stepsDigestOf(scenario: Scenario): string {
  const text: string[] = [];
  const parts = scenario.expect.verdict === "violated" ? [...STEPS, ...ENDS] : STEPS;
  // What is kept by it knows the parts by their order.
  new Walk((_, value) => text.push(value), null, ownText).scenario(scenario, parts, false);
  return createHash("sha256").update(text.join("\n")).digest("hex").slice(0, 16);
}

function ownText({ module: { text }, start }: Origin): string {
  return mapOf(text).functions.find((f) => f.start === start)?.hash ?? text.slice(start);
}

/** The lines themselves: the first that differs from another process's says what differs. */
export function digestLines(scenario: Scenario): DigestLine[] {
  const lines: DigestLine[] = [];
  new Walk((where, value) => lines.push({ where, value }), placeOf).scenario(scenario, PARTS);
  return lines;
}

/** The first line that is not the same, as a sentence without its full stop: where it is, and what it is here and there. */
export function firstDifference(here: readonly DigestLine[], there: readonly DigestLine[]): string {
  const at = here.findIndex((line, i) => line.value !== there[i]?.value);
  const [a, b] = at < 0 ? [undefined, there[here.length]] : [here[at], there[at]];
  return `${(a ?? b)?.where ?? "the scenario"} is ${a?.value ?? "not there"} in one and ${b?.value ?? "not there"} in the other`;
}

/** `file:line` of a function. */
function placeOf({ module: { url, text }, start }: Origin): string {
  return `${shortPath(url.replace(/\?.*$/, ""))}:${text.slice(0, start).split("\n").length}`;
}

type TextOf = (origin: Origin) => string;

class Walk {
  readonly #line: (where: string, value: string) => void;
  /** Null: nobody asks where a line is. */
  readonly #placeOf: TextOf | null;
  readonly #textOf: TextOf;
  readonly #numbers = new Map<unknown, number>();
  /** The same tables are captured by many functions. Of this walk alone: until the next one they may change. */
  readonly #dataTexts = new Map<object, string | null>();

  constructor(line: (where: string, value: string) => void, place: TextOf | null, textOf: TextOf = textInModule) {
    this.#line = line;
    this.#placeOf = place;
    this.#textOf = textOf;
  }

  /** `named`: which part a value belongs to counts, so that a promise about states is another than the same about end states. */
  scenario(s: Scenario, parts: readonly string[], named = true): void {
    for (const part of parts) {
      if (!(part in s)) continue;
      if (named) this.#line("the scenario", part);
      this.#value(part, (s as unknown as Record<string, unknown>)[part]);
    }
  }

  #value(where: string, value: unknown): void {
    if (typeof value !== "function" && (typeof value !== "object" || value === null)) return this.#line(where, simpleText(value));
    const known = this.#numbers.get(value);
    // One object is one object in both.
    if (known !== undefined) return this.#line(where, `number ${known}`);
    this.#numbers.set(value, this.#numbers.size);
    if (types.isProxy(value)) return this.#line(where, "a Proxy");
    if (typeof value === "function") return this.#function(where, value);
    if (!hasMembers(value)) return this.#line(where, inWords(value));
    if (this.#placeOf === null) {
      const text = this.#dataText(value);
      if (text !== null) return this.#line(where, text);
    }
    this.#line(where, Array.isArray(value) ? `an array of ${value.length}` : "an object");
    this.#members(where, value);
  }

  #members(where: string, value: object): void {
    for (const key of Object.keys(value)) {
      const d = Object.getOwnPropertyDescriptor(value, key)!;
      const member = this.#placeOf === null ? "" : Array.isArray(value) ? `${where}[${key}]` : `${where}.${key}`;
      this.#line(where, key);
      if (d.get !== undefined || d.set !== undefined) this.#line(member, "a getter");
      else this.#value(member, d.value);
    }
  }

  /** An object without functions as one text; null for any other. */
  #dataText(value: object): string | null {
    const known = this.#dataTexts.get(value);
    if (known !== undefined) return known;
    // Of one that reaches itself.
    this.#dataTexts.set(value, null);
    const text = this.#textOfMembers(value);
    this.#dataTexts.set(value, text);
    return text;
  }

  #textOfMembers(value: object): string | null {
    const parts: string[] = [];
    for (const [key, d] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
      const v: unknown = d.value;
      if (d.get !== undefined || d.set !== undefined || typeof v === "function" || typeof v === "symbol") return null;
      if (typeof v === "object" && v !== null) {
        const text = types.isProxy(v) || !hasMembers(v) ? null : this.#dataText(v);
        if (text === null) return null;
        parts.push(`${nameText(key)}: ${text}`);
      } else parts.push(`${nameText(key)}: ${simpleText(v)}`);
    }
    return `{ ${parts.join(", ")} }`;
  }

  #function(where: string, f: object): void {
    const origin = originOf(f);
    const name = String((f as { name?: unknown }).name);
    if (origin === null) this.#line(where, `function ${name}`);
    else {
      this.#line(where, `function ${name} ${this.#textOf(origin)}`);
      this.#captured(name === "" ? where : name, origin);
    }
    // Such as the excuse of a promise.
    this.#members(where, f);
  }

  #captured(name: string, origin: Origin): void {
    const place = this.#placeOf?.(origin) ?? "";
    let scope: Readonly<Record<string, unknown>>;
    try {
      scope = origin.captured();
    } catch (e) {
      return this.#line(name, `what it captures cannot be read: ${(e as Error).message}`);
    }
    for (const [captured, value] of Object.entries(scope)) {
      this.#line(name, captured);
      this.#value(`${captured} (captured by ${name}, ${place})`, value);
    }
  }
}

/** A name as it is, unless it could be taken for more than a name. */
function nameText(key: string): string {
  return /^[\w$.+@-]*$/.test(key) ? key : JSON.stringify(key);
}

function simpleText(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "bigint" ? `${value}n` : Object.is(value, -0) ? "-0" : String(value);
}

function hasMembers(value: object): boolean {
  return isPlainObject(value) || Object.getPrototypeOf(value) === Array.prototype;
}

const textInModule = (origin: Origin): string => `at ${origin.start} of ${textHash(origin)}`;

const hashes = new WeakMap<Origin["module"], string>();

/** Of the module's text, with its path: a file that changed between the two is another module. */
function textHash({ module }: Origin): string {
  let hash = hashes.get(module);
  if (hash === undefined) {
    hash = createHash("sha256").update(module.url.replace(/\?.*$/, "")).update(module.text).digest("hex").slice(0, 8);
    hashes.set(module, hash);
  }
  return hash;
}
