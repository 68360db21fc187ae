/**
 * A program of system calls, as data: knobs, and steps that processes carry out one after the other. It runs on a real
 * kernel (`host.ts`) and on `impl/` (`implementation.ts`).
 *
 *     { "enabled": "madvise",
 *       "steps": ["0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", "0 write 0.3 0.1 7", "0 fork 1", "1 read 0.0 0.8"] }
 *
 * A step is the process, the call and its arguments. Addresses and lengths count pages of the test area and are written
 * as huge ranges and pages: 2.0 is 1024 pages, 0.3 is three. Process 0 is there from the start; a fork names its child.
 * The flags of mmap may be two words: "fixed stack" is MAP_FIXED | MAP_STACK.
 * `hold` takes a reference to a page, as vmsplice() does, under a number by which `release` gives it back; `read` and
 * `write` stop at a signal; `split` is debugfs' split_huge_pages; `contents` reads everything that is there, which faults nothing in.
 */
import * as v from "valibot";
import { objectOf, oneOf, problemOf as problemOfForm, whole, type Form } from "../../checker/form.ts";
import type { Words } from "../../impl/entry/calls.ts";
import { lackedOfSizes } from "./sizes.ts";
import { OPERATION_NAMES, OPERATIONS, type Kind, type OperationName, type Parameter } from "./vocabulary.ts";

export const HPAGE = 512;
/** Huge ranges of the test area. */
export const AREA_RANGES = 8;
export const AREA_PAGES = AREA_RANGES * HPAGE;
/** Processes that a program can have in its life. */
export const PROCESSES = 6;
/** Pages that can be held at a time. */
export const HOLDS = 4;
/** `write` stores contents 1..CONTENTS, another one to each page. */
export const CONTENTS = 29;

export interface Step {
  readonly process: number;
  readonly call: OperationName;
  readonly args: readonly number[];
}

/** What is written to the files of /sys/kernel/mm/transparent_hugepage before the program starts. */
export interface Knobs {
  readonly enabled: "always" | "madvise" | "never";
  readonly use_zero_page: number;
  readonly max_ptes_none: number;
  readonly max_ptes_swap: number;
  readonly max_ptes_shared: number;
}
export const DEFAULT_KNOBS: Knobs = { enabled: "madvise", use_zero_page: 1, max_ptes_none: 511, max_ptes_swap: 64, max_ptes_shared: 256 };

/** What a machine must have for a program: options of `conform --kernel`, in their words. */
export interface GuestMachine {
  /** MiB of each node: "512,512". */
  readonly memory?: string;
  /** "zram:256". */
  readonly swap?: string;
  /** For the kernel's command line: "thp_anon=64K:always". */
  readonly append?: string;
}

export interface Program {
  readonly knobs: Knobs;
  readonly steps: readonly Step[];
  /** A guest of its own; without it any machine will do. */
  readonly machine?: GuestMachine;
}

/** What `impl/` lacks to run the program; empty: nothing. */
export function lackedBy(program: Program): readonly string[] {
  const { steps, machine = {} } = program;
  const parts = steps.flatMap(({ call, args }) => OPERATIONS[call].lacks(args) ?? []);
  const ofMachine = [...(machine.swap === undefined ? [] : ["swap"]), ...(machine.memory?.includes(",") === true ? ["NUMA"] : []),
    ...(machine.append === undefined ? [] : ["words of the kernel's command line"])];
  return [...new Set([...ofMachine, ...parts, ...lackedOfSizes(program)])];
}

// ---- words -----------------------------------------------------------------------------------------------------

const SWITCH: Words = { off: 0, on: 1 };

const pagesToText = (n: number): string => `${Math.floor(n / HPAGE)}.${n % HPAGE}`;

function argToText(type: Kind, value: number): string {
  if (type.kind === "page" || type.kind === "pages") return pagesToText(value);
  const words = wordsOf(type);
  return (words === null ? undefined : Object.keys(words).find((name) => words[name] === value)) ?? String(value);
}
function wordsOf(type: Kind): Words | null {
  return type.kind === "word" || type.kind === "flags" ? type.words : type.kind === "switch" ? SWITCH : null;
}

/** Throws RangeError for what the argument cannot be. */
function textToArg({ name, type }: Parameter, text: string): number {
  const refused = (what: string): RangeError => new RangeError(`${name} ${JSON.stringify(text)} is not ${what}`);
  if (type.kind === "page" || type.kind === "pages") {
    const pages = /^(\d+)\.(\d+)$/.exec(text);
    if (pages === null || Number(pages[2]) >= HPAGE) throw refused("a number of pages such as 1.0 (a huge page) or 0.3");
    return Number(pages[1]) * HPAGE + Number(pages[2]);
  }
  const words = wordsOf(type);
  if (words !== null) {
    if (!Object.hasOwn(words, text)) throw refused(`one of ${Object.keys(words).join(", ")}`);
    return words[text]!;
  }
  if (!/^\d+$/.test(text)) throw refused("a number");
  return Number(text);
}

// ---- text ------------------------------------------------------------------------------------------------------

export function stepToText(s: Step): string {
  return [String(s.process), s.call, ...OPERATIONS[s.call].args.map(({ type }, i) => argToText(type, s.args[i]!))].join(" ");
}

/** The last argument may have a name of several words: "fixed stack". */
function argumentsIn(words: readonly string[], args: readonly Parameter[]): readonly string[] {
  const last = args.at(-1);
  const names = last === undefined ? null : wordsOf(last.type);
  if (words.length <= args.length || names === null || !Object.keys(names).some((name) => name.includes(" "))) return words;
  return [...words.slice(0, args.length - 1), words.slice(args.length - 1).join(" ")];
}

/** Throws RangeError that says what is wrong with the step. */
export function textToStep(text: string): Step {
  const [process = "", call = "", ...said] = text.trim().split(/\s+/);
  const refused = (why: string): RangeError => new RangeError(`step ${JSON.stringify(text)}: ${why}`);
  if (!/^\d$/.test(process) || Number(process) >= PROCESSES) throw refused(`it begins with the number of a process, 0..${PROCESSES - 1}`);
  const known = OPERATION_NAMES.find((c) => c === call);
  if (known === undefined) throw refused(`the call is one of ${OPERATION_NAMES.join(", ")}`);
  const { args } = OPERATIONS[known];
  const words = argumentsIn(said, args);
  if (words.length !== args.length) {
    throw refused(`${known} takes ${args.length} arguments${args.length === 0 ? "" : ` (${args.map((a) => a.name).join(", ")})`}`);
  }
  try {
    return { process: Number(process), call: known, args: words.map((w, i) => textToArg(args[i]!, w)) };
  } catch (e) {
    throw refused((e as Error).message);
  }
}

/** The form that is kept in files: only the knobs that are not as usual. */
export interface ProgramJson extends Partial<Knobs> {
  readonly machine?: GuestMachine;
  readonly steps: readonly string[];
}

export function programToJson({ knobs, steps, machine }: Program): ProgramJson {
  const changed = Object.entries(knobs).filter(([name, value]) => DEFAULT_KNOBS[name as keyof Knobs] !== value);
  return { ...Object.fromEntries(changed), ...(machine === undefined ? {} : { machine }), steps: steps.map(stepToText) };
}

const upTo = (max: number): Form => v.optional(whole(0, max, `an integer in 0..${max}`));
const KNOBS = {
  enabled: v.optional(oneOf(["always", "madvise", "never"])), use_zero_page: upTo(1),
  max_ptes_none: upTo(HPAGE - 1), max_ptes_swap: upTo(HPAGE - 1), max_ptes_shared: upTo(HPAGE - 1),
} satisfies Readonly<Record<keyof Knobs, unknown>>;
const text = (like: string): Form => v.optional(v.string(`a text such as "${like}"`));
const MACHINE = { memory: text("512,512"), swap: text("zram:256"), append: text("thp_anon=64K:always") };
const FORM = objectOf(
  {
    steps: v.array(v.string("a text such as \"0 mmap 0.0 1.0 rw fixed\""), "an array of texts"),
    machine: v.optional(v.strictObject(MACHINE, "what a guest must have: memory, swap, append")), ...KNOBS,
  },
  'a program, { "steps": ["0 mmap 0.0 1.0 rw fixed", ...] }, with knobs beside the steps',
);

/** Throws RangeError for a program that is not well formed. */
export function programFromJson(json: ProgramJson): Program {
  const unknown = Object.keys(json ?? {}).find((name) => name !== "steps" && name !== "machine" && !Object.hasOwn(KNOBS, name));
  if (unknown !== undefined && !Array.isArray(json)) {
    throw new RangeError(`the knob ${unknown} is none of ${Object.keys(KNOBS).join(", ")}`);
  }
  const wrong = problemOfForm(FORM, json);
  if (wrong !== null) throw new RangeError(wrong);
  const { steps, machine, ...knobs } = json;
  const program: Program = {
    knobs: { ...DEFAULT_KNOBS, ...knobs }, steps: steps.map(textToStep), ...(machine === undefined ? {} : { machine }),
  };
  const problem = malformed(program);
  if (problem !== null) throw new RangeError(problem);
  return program;
}

/** Why the program cannot be run, or null. Each step needs a process that lives; areas stay inside the test area. */
export function malformed({ steps }: Program): string | null {
  const now: Now = { alive: new Set([0]), used: new Set([0]), held: new Set() };
  for (const [i, s] of steps.entries()) {
    const why = problemOf(s, now);
    if (why !== null) return `step ${i}, ${stepToText(s)}: ${why}`;
  }
  return null;
}

/** What the steps until now have left. */
interface Now {
  readonly alive: Set<number>;
  /** Numbers of processes that are or were there. */
  readonly used: Set<number>;
  readonly held: Set<number>;
}

/** Carries the step on in `now`, unless something is wrong with it. */
function problemOf(s: Step, now: Now): string | null {
  if (!now.alive.has(s.process) && s.call !== "khugepaged") return `process ${s.process} does not live`;
  const { args } = OPERATIONS[s.call];
  const named = new Map(args.map((a, i) => [a.name, s.args[i]!]));
  for (const { name, type } of args) {
    const why = outOfRange(type, named.get(name)!, named, now, s.call);
    if (why !== null) return why;
  }
  if (s.call === "exit") now.alive.delete(s.process);
  if (s.call === "fork") {
    now.alive.add(s.args[0]!);
    now.used.add(s.args[0]!);
  }
  if (s.call === "hold") now.held.add(s.args[0]!);
  if (s.call === "release" && !now.held.delete(s.args[0]!)) return "nothing is held under that number";
  return null;
}

function outOfRange(
  type: Kind, value: number, named: ReadonlyMap<string, number>, { alive, used, held }: Now, call: OperationName,
): string | null {
  switch (type.kind) {
    case "process":
      if (call !== "fork") return alive.has(value) ? null : `process ${value} does not live`;
      return value < PROCESSES && !used.has(value) ? null : `the child must be a process 1..${PROCESSES - 1} that was not there yet`;
    case "slot":
      if (call !== "hold") return null;
      return value < HOLDS && !held.has(value) ? null : `a page is held under one of the numbers 0..${HOLDS - 1}, that is free`;
    case "content": return value >= 1 && value <= CONTENTS ? null : `contents are 1..${CONTENTS}`;
    case "page": return value <= AREA_PAGES ? null : AREA;
    case "pages": return type.from.every((first) => (named.get(first) ?? 0) + value <= AREA_PAGES) ? null : AREA;
    default: return null;
  }
}
const AREA = `the test area has ${AREA_RANGES} huge ranges`;
