/**
 * The index of a project: which scenarios run which basic blocks, of whatever tier. A file beside the configuration, made by
 * `thpcheck reach --update` and committed, so that a question about a line costs no search.
 *
 * Blocks are known by file, function and number within the function, whose text is kept as a hash: lines may move. A row is true
 * of one program, known by a hash of what it is made from; `thpcheck reach --check`, and a test, compare it with that of today.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { readJson } from "../files.ts";
import { count, flag, oneOf, problemOf, recordForm, text } from "../form.ts";
import type { Tier } from "../result.ts";
import { UsageError } from "../usage-error.ts";
import type { ReachedFunction } from "./reached.ts";

export const REACH_FILE = "thpcheck.reach.json";
const FORMAT = "thpcheck-reach";
const VERSION = 1;

/** A function that is part of some program. */
export interface IndexedFunction {
  readonly file: string;
  readonly name: string;
  readonly hash: string;
  readonly blocks: number;
}

export interface ReachRow {
  readonly scenario: string;
  /** The module that has it, relative to the root. */
  readonly file: string;
  readonly tier: Tier;
  /** States explored: what the scenario costs. */
  readonly states: number;
  /** All its states were explored: what it does not run here, it never runs. */
  readonly complete: boolean;
  /** As `Reached.program`. */
  readonly program: string;
}

/** A row with what its scenario runs. */
export interface MeasuredRow extends ReachRow {
  readonly functions: readonly ReachedFunction[];
}

const hasBit = (bits: Uint8Array, bit: number): boolean => ((bits[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
const setBit = (bits: Uint8Array, bit: number): void => { bits[bit >> 3]! |= 1 << (bit & 7); };

const keyOf = (file: string, name: string): string => `${file}\0${name}`;

export class ReachIndex {
  readonly functions: readonly IndexedFunction[];
  readonly rows: readonly ReachRow[];
  readonly #bits: readonly Uint8Array[];
  readonly #parts: readonly Uint8Array[];
  /** The bit of each function's first block. */
  readonly #first = new Map<string, { readonly at: number; readonly n: number; readonly fn: IndexedFunction }>();

  /**
   * `bits`: of each row, a bit for each block of each function, in order: it runs. `parts`: of a row that is not complete, a bit
   * for each function: it is part of the program. Of others nobody asks.
   */
  constructor(functions: readonly IndexedFunction[], rows: readonly ReachRow[], bits: readonly Uint8Array[], parts: readonly Uint8Array[]) {
    this.functions = functions;
    this.rows = rows;
    this.#bits = bits;
    this.#parts = parts;
    let at = 0;
    for (const [n, fn] of functions.entries()) {
      this.#first.set(keyOf(fn.file, fn.name), { at, n, fn });
      at += fn.blocks;
    }
  }

  functionNamed(file: string, name: string): IndexedFunction | null {
    return this.#first.get(keyOf(file, name))?.fn ?? null;
  }

  /** The blocks of a function that the row's scenario runs. */
  ran(row: number, file: string, name: string): number[] {
    const found = this.#first.get(keyOf(file, name));
    if (found === undefined) return [];
    return Array.from({ length: found.fn.blocks }, (_, block) => block).filter((block) => hasBit(this.#bits[row]!, found.at + block));
  }

  /** The scenarios that run the block; unless a block is named, those that run any of the function. */
  reaching(file: string, name: string, block: number | null): ReachRow[] {
    const found = this.#first.get(keyOf(file, name));
    if (found === undefined) return [];
    const blocks = block === null ? Array.from({ length: found.fn.blocks }, (_, n) => n) : [block];
    return this.rows.filter((_, row) => blocks.some((n) => hasBit(this.#bits[row]!, found.at + n)));
  }

  /** The scenarios, too large to be explored whole, that have the function, and may run more of it than is known. */
  mayReach(file: string, name: string): ReachRow[] {
    const n = this.#first.get(keyOf(file, name))?.n;
    return n === undefined ? [] : this.rows.filter((r, row) => !r.complete && hasBit(this.#parts[row]!, n));
  }

  /** Whether the function is part of the program of a row that is not complete. */
  isPart(row: number, { file, name }: IndexedFunction): boolean {
    return hasBit(this.#parts[row]!, this.#first.get(keyOf(file, name))!.n);
  }

  /** One function and one row a line. */
  text(): string {
    const functions = this.functions.map((f) => JSON.stringify([f.file, f.name, f.hash, f.blocks]));
    const rows = this.rows.map((r, i) => {
      const sets = [this.#bits, this.#parts].map((set) => textOfBits(set[i]!));
      return JSON.stringify([r.scenario, r.file, r.tier, r.states, r.complete, r.program, ...sets]);
    });
    const head = `{"format":"${FORMAT}","version":${VERSION},`;
    return `${head}"functions":[\n${functions.join(",\n")}\n],"rows":[\n${rows.join(",\n")}\n]}\n`;
  }
}

/** The index of these rows. `others`: functions that are part of programs, though none of the rows says so. */
export function indexOf(rows: readonly MeasuredRow[], others: readonly IndexedFunction[] = []): ReachIndex {
  const all = new Map<string, IndexedFunction>();
  for (const { file, name, hash, blocks } of [...others, ...rows.flatMap((r) => r.functions)]) {
    all.set(keyOf(file, name), { file, name, hash, blocks });
  }
  const order: readonly IndexedFunction[] = [...all.values()].sort((a, b) => (keyOf(a.file, a.name) < keyOf(b.file, b.name) ? -1 : 1));
  const first = new Map<string, number>();
  let bits = 0;
  for (const fn of order) {
    first.set(keyOf(fn.file, fn.name), bits);
    bits += fn.blocks;
  }
  const bitsOf = (row: MeasuredRow): Uint8Array => {
    const set = new Uint8Array(Math.ceil(bits / 8));
    for (const f of row.functions) {
      const at = first.get(keyOf(f.file, f.name))!;
      for (const block of f.ran) setBit(set, at + block);
    }
    return set;
  };
  const numbers = new Map(order.map((fn, n) => [keyOf(fn.file, fn.name), n]));
  const partsOf = (row: MeasuredRow): Uint8Array => {
    const set = new Uint8Array(row.complete ? 0 : Math.ceil(order.length / 8));
    if (!row.complete) for (const f of row.functions) setBit(set, numbers.get(keyOf(f.file, f.name))!);
    return set;
  };
  const sorted = [...rows].sort((a, b) => (a.scenario < b.scenario ? -1 : 1));
  return new ReachIndex(order, sorted.map(({ functions: _, ...row }) => row), sorted.map(bitsOf), sorted.map(partsOf));
}

/** Base64, in which a run of zeros (`A`) is written as its length between points: most rows are of a small part of the project. */
function textOfBits(bits: Uint8Array): string {
  return Buffer.from(bits).toString("base64").replaceAll(/A{4,}/g, (zeros) => `.${zeros.length}.`);
}

function bitsOfText(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(/\.(\d{1,7})\./g, (_, zeros: string) => "A".repeat(Number(zeros))), "base64");
}

const tuple = <const T extends readonly v.GenericSchema[]>(...items: T) => v.strictTuple(items, "a row of the index");
const bits = v.string("a text");
const form = recordForm({
  format: v.literal(FORMAT, JSON.stringify(FORMAT)),
  version: v.literal(VERSION, `${VERSION}, the version that this thpcheck reads`),
  functions: v.array(tuple(text(), text(), text(), count()), "an array"),
  rows: v.array(tuple(text(), text(), oneOf(["quick", "full", "nightly"]), count(), flag(), text(), bits, bits), "an array"),
});

interface IndexFile {
  readonly functions: readonly (readonly [string, string, string, number])[];
  readonly rows: readonly (readonly [string, string, Tier, number, boolean, string, string, string])[];
}

/** The index of the project at `root`; null when it has none. Throws a UsageError for a file that is no index. */
export function readIndex(root: string): ReachIndex | null {
  const path = join(root, REACH_FILE);
  if (!existsSync(path)) return null;
  const none = (why: string): UsageError => new UsageError(`${path} ${why}; "npx thpcheck reach --update" makes it anew`);
  const parsed = readJson(path, none);
  const problem = problemOf(form, parsed);
  if (problem !== null) throw none(`is no index: ${problem}`);
  const { functions, rows } = parsed as IndexFile;
  return new ReachIndex(
    functions.map(([file, name, hash, blocks]) => ({ file, name, hash, blocks })),
    rows.map(([scenario, file, tier, states, complete, program]) => ({ scenario, file, tier, states, complete, program })),
    rows.map((r) => bitsOfText(r[6])), rows.map((r) => bitsOfText(r[7])),
  );
}

/** Whether the text is an index: it may be overwritten. */
export function isIndex(text: string): boolean {
  return text.startsWith(`{"format":"${FORMAT}"`);
}
