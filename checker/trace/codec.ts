/**
 * The short string of a trace, `tc1.<scenario>.<base64url>`: a recipe packed into bytes, for a bug report or a command
 * line. A step without choices takes two bytes.
 *
 *     byte     1 when the rest is deflated, 0 when it is not
 *     4 bytes  CRC-32 of the packed recipe and the scenario's name: a string cut short is refused, not replayed
 *     then     HASH_BYTES of the program's hash (all zero: unknown), and variable-length integers:
 *              seed, kind, name (length, UTF-8), loop + 1 (0: none), initial choices (count, each),
 *              steps (count; each 2 * actor + has-choices, [count, each choice], then one byte of the label)
 *
 * Example: in scenario `racy`, actor 1 takes a step that chooses 3, labelled with byte 0x5a: `03 01 03 5a`.
 *
 * Left out: configuration, policy and patch, all covered by the program's hash. The JSON form keeps them.
 */
import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import type { PropertyRef, Trace } from "../result.ts";
import { UsageError } from "../usage-error.ts";
import { labelByte, type Recipe, type RecipeStep } from "./recipe.ts";

export const TRACE_STRING_PREFIX = "tc1.";
const HASH_BYTES = 6;
/** Far above any trace that a search records; keeps a damaged or hostile string from asking for memory. */
const PACKED_BYTES_MAX = 1 << 24;
const KINDS = [
  "always",
  "step",
  "finally",
  "sometimes",
  "deadlock",
  "fault",
  "recurring",
  "eventually",
  "leadsTo",
  "alwaysEventually",
  "eventuallyAlways",
  "progress",
] as const satisfies readonly PropertyRef["kind"][];

class ByteWriter {
  readonly #bytes: number[] = [];
  byte(value: number): void { this.#bytes.push(value); }
  /** Seven bits a byte, lowest first, the top bit set on all but the last. */
  integer(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`a trace string holds integers from 0 upward, not ${value}`);
    while (value >= 128) {
      this.#bytes.push((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.#bytes.push(value);
  }
  integers(values: readonly number[]): void {
    this.integer(values.length);
    for (const v of values) this.integer(v);
  }
  text(value: string): void {
    const utf8 = Buffer.from(value, "utf8");
    this.integer(utf8.length);
    this.#bytes.push(...utf8);
  }
  finish(): Buffer { return Buffer.from(this.#bytes); }
}

class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) { this.#bytes = bytes; }
  byte(): number {
    const b = this.#bytes[this.#at++];
    if (b === undefined) throw new RangeError("it ends too early");
    return b;
  }
  integer(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 128) {
      const b = this.byte();
      value += (b & 127) * scale;
      if (b < 128) return value;
    }
    throw new RangeError("an integer is too large");
  }
  integers(): number[] {
    return Array.from({ length: this.#count() }, () => this.integer());
  }
  text(): string {
    const length = this.#count();
    this.#at += length;
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }
  /** A count of things that take at least a byte each, so that it cannot exceed the bytes that are left. */
  #count(): number {
    const n = this.integer();
    if (n > this.#bytes.length - this.#at) throw new RangeError("it ends too early");
    return n;
  }
  steps(): RecipeStep[] {
    return Array.from({ length: this.#count() }, () => {
      const head = this.integer();
      const choices = head % 2 === 1 ? this.integers() : [];
      return { actor: Math.floor(head / 2), choices, label: this.byte() };
    });
  }
  get done(): boolean { return this.#at === this.#bytes.length; }
}

const checksum = (packed: Buffer, scenario: string): number => crc32(scenario, crc32(packed));

/** The short string of a trace. `actors`: the scenario's actor names, in order. Throws a RangeError for an actor that is not among them. */
export function encodeTrace(trace: Trace, actors: readonly string[]): string {
  const w = new ByteWriter();
  const hash = Buffer.alloc(HASH_BYTES);
  hash.write(trace.programHash.slice(0, 2 * HASH_BYTES), "hex");
  for (const b of hash) w.byte(b);
  w.integer(trace.seed);
  w.integer(KINDS.indexOf(trace.property.kind));
  w.text(trace.property.name);
  w.integer(trace.loop === null ? 0 : trace.loop + 1);
  w.integers(trace.initial);
  w.integer(trace.steps.length);
  for (const step of trace.steps) {
    const actor = actors.indexOf(step.actor);
    if (actor < 0) throw new RangeError(`the trace names an actor ${JSON.stringify(step.actor)}, which the scenario does not have`);
    w.integer(2 * actor + (step.choices.length > 0 ? 1 : 0));
    if (step.choices.length > 0) w.integers(step.choices);
    w.byte(labelByte(step.label));
  }
  const packed = w.finish();
  const deflated = deflateRawSync(packed, { level: 9 });
  const smaller = deflated.length < packed.length;
  const head = Buffer.alloc(5);
  head.writeUInt8(smaller ? 1 : 0, 0);
  head.writeUInt32LE(checksum(packed, trace.scenario), 1);
  return `${TRACE_STRING_PREFIX}${trace.scenario}.${Buffer.concat([head, smaller ? deflated : packed]).toString("base64url")}`;
}

/** Reads a short string. Throws a UsageError that says what is wrong with it. */
export function decodeTrace(text: string): Recipe {
  const bad = (what: string): UsageError => new UsageError(`the trace string is damaged: ${what}; copy it again, from "tc1." to its end`);
  const dot = text.lastIndexOf(".");
  if (!text.startsWith(TRACE_STRING_PREFIX) || dot < TRACE_STRING_PREFIX.length) {
    throw bad("it is not of the form tc1.<scenario>.<letters>");
  }
  const scenario = text.slice(TRACE_STRING_PREFIX.length, dot);
  const encoded = text.slice(dot + 1);
  const odd = /[^A-Za-z0-9_-]/.exec(encoded);
  if (odd !== null) throw bad(`${JSON.stringify(odd[0])} is not a letter of its alphabet`);
  const bytes = Buffer.from(encoded, "base64url");
  if (bytes.length < 5) throw bad("it ends too early");
  if (bytes[0]! > 1 || bytes.toString("base64url") !== encoded) throw bad("it is not a string that thpcheck wrote");
  try {
    const body = bytes.subarray(5);
    const packed = bytes[0] === 1 ? inflateRawSync(body, { maxOutputLength: PACKED_BYTES_MAX }) : body;
    if (checksum(packed, scenario) !== bytes.readUInt32LE(1)) throw new RangeError("its checksum does not fit");
    return unpack(scenario, packed);
  } catch (e) {
    throw bad(e instanceof RangeError ? e.message : "its contents cannot be unpacked");
  }
}

function unpack(scenario: string, packed: Buffer): Recipe {
  const hash = packed.subarray(0, HASH_BYTES);
  const r = new ByteReader(packed.subarray(HASH_BYTES));
  const seed = r.integer();
  const kind = KINDS[r.integer()];
  if (kind === undefined) throw new RangeError("it names a kind of property that this version does not know");
  const name = r.text();
  const loop = r.integer();
  const initial = r.integers();
  const steps = r.steps();
  if (!r.done) throw new RangeError("something follows its last step");
  return {
    scenario, programHash: hash.every((b) => b === 0) ? "" : hash.toString("hex"),
    seed, property: { kind, name }, initial, steps, loop: loop === 0 ? null : loop - 1,
  };
}
