/**
 * A program of system calls, as data: knobs, and steps that processes carry out one after the other. It runs on a real
 * kernel (`host.ts`) and on `impl/` (`implementation.ts`).
 *
 *     { "enabled": "madvise", "steps": ["0 mmap 0.0 2.0 rw fixed", "0 madvise 0.0 2.0 HUGEPAGE", "0 write 0.3 0.1 7", "0 fork 1", "1 read 0.0 0.8"] }
 *
 * A step is the process, the call and its arguments. Addresses and lengths count pages of the test area and are written
 * as huge ranges and pages: 2.0 is 1024 pages, 0.3 is three. Process 0 is there from the start; a fork names its child.
 * `hold` takes a reference to a page, as vmsplice() does, under a number by which `release` gives it back; `read` and
 * `write` stop at a signal; `split` is debugfs' split_huge_pages; `contents` reads everything that is there, which faults nothing in.
 */

export const HPAGE = 512;
/** Huge ranges of the test area. */
export const AREA_RANGES = 8;
export const AREA_PAGES = AREA_RANGES * HPAGE;
/** Processes that a program can have in its life. */
export const PROCESSES = 4;
/** Pages that can be held at a time. */
export const HOLDS = 4;
/** `write` stores contents 1..CONTENTS, another one to each page. */
export const CONTENTS = 29;

const CALLS = ["mmap", "munmap", "mprotect", "mremap", "madvise", "read", "write", "fork", "exit", "thp_disable", "khugepaged", "contents", "hold", "release", "split", "process_madvise"] as const;
export type Call = (typeof CALLS)[number];

export interface Step {
  readonly process: number;
  readonly call: Call;
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

export interface Program {
  readonly knobs: Knobs;
  readonly steps: readonly Step[];
}

// ---- words -----------------------------------------------------------------------------------------------------

/** A set of bits by name; the names are joined by a bar. */
const PROT = { none: 0, r: 1, w: 2, rw: 3 } as const;
const MAP = { fixed: 1, noreplace: 3 } as const;
const MREMAP = { "-": 0, maymove: 1, fixed: 3, "fixed-without-maymove": 2, dontunmap: 7, "dontunmap-without-maymove": 4, unknown: 8 } as const;
export const ADVICE = {
  DONTNEED: 4, FREE: 8, DONTFORK: 10, DOFORK: 11, HUGEPAGE: 14, NOHUGEPAGE: 15, WIPEONFORK: 18, KEEPONFORK: 19, POPULATE_READ: 22, POPULATE_WRITE: 23, COLLAPSE: 25, UNKNOWN: 31,
} as const;
export type AdviceName = keyof typeof ADVICE;
const SWITCH = { off: 0, on: 1 } as const;
const EXCEPT = { all: 0, unknown: 1, "except-advised": 2 } as const;

type Words = Readonly<Record<string, number>>;
type Kind = "pages" | "number" | Words;
const SIGNATURE: Readonly<Record<Call, readonly Kind[]>> = {
  mmap: ["pages", "pages", PROT, MAP], munmap: ["pages", "pages"], mprotect: ["pages", "pages", PROT], mremap: ["pages", "pages", "pages", MREMAP, "pages"], madvise: ["pages", "pages", ADVICE],
  read: ["pages", "pages"], write: ["pages", "pages", "number"], fork: ["number"], exit: [], thp_disable: [SWITCH, EXCEPT], khugepaged: [], contents: [], hold: ["number", "pages"], release: ["number"], split: ["pages", "pages"], process_madvise: ["number", "pages", "pages", ADVICE],
};

const pagesToText = (n: number): string => `${Math.floor(n / HPAGE)}.${n % HPAGE}`;

function argToText(kind: Kind, value: number): string {
  if (kind === "pages") return pagesToText(value);
  if (kind === "number") return String(value);
  return Object.keys(kind).find((name) => kind[name] === value) ?? String(value);
}

/** Throws RangeError for what the argument cannot be. */
function textToArg(kind: Kind, text: string): number {
  const pages = /^(\d+)\.(\d+)$/.exec(text);
  if (kind === "pages" && pages !== null && Number(pages[2]) < HPAGE) return Number(pages[1]) * HPAGE + Number(pages[2]);
  if (kind === "number" && /^\d+$/.test(text)) return Number(text);
  const word = typeof kind === "string" ? undefined : kind[text];
  if (word === undefined) throw new RangeError(`${JSON.stringify(text)} is not ${typeof kind === "string" ? (kind === "pages" ? "a number of pages such as 1.0 (a huge page) or 0.3" : "a number") : `one of ${Object.keys(kind).join(", ")}`}`);
  return word;
}

// ---- text ------------------------------------------------------------------------------------------------------

export function stepToText(s: Step): string {
  return [String(s.process), s.call, ...SIGNATURE[s.call].map((kind, i) => argToText(kind, s.args[i]!))].join(" ");
}

/** Throws RangeError that says what is wrong with the step. */
export function textToStep(text: string): Step {
  const [process = "", call = "", ...words] = text.trim().split(/\s+/);
  if (!/^\d$/.test(process) || Number(process) >= PROCESSES) throw new RangeError(`step ${JSON.stringify(text)}: it begins with the number of a process, 0..${PROCESSES - 1}`);
  const known = CALLS.find((c) => c === call);
  if (known === undefined) throw new RangeError(`step ${JSON.stringify(text)}: the call is one of ${CALLS.join(", ")}`);
  const signature = SIGNATURE[known];
  if (words.length !== signature.length) throw new RangeError(`step ${JSON.stringify(text)}: ${known} takes ${signature.length} arguments`);
  try {
    return { process: Number(process), call: known, args: words.map((w, i) => textToArg(signature[i]!, w)) };
  } catch (e) {
    throw new RangeError(`step ${JSON.stringify(text)}: ${(e as Error).message}`);
  }
}

/** The form that is kept in files: only the knobs that are not as usual. */
export interface ProgramJson extends Partial<Knobs> {
  readonly steps: readonly string[];
}

export function programToJson({ knobs, steps }: Program): ProgramJson {
  const changed = Object.entries(knobs).filter(([name, value]) => DEFAULT_KNOBS[name as keyof Knobs] !== value);
  return { ...Object.fromEntries(changed), steps: steps.map(stepToText) };
}

/** Throws RangeError for a program that is not well formed. */
export function programFromJson(json: ProgramJson): Program {
  const { steps, ...knobs } = json;
  if (!Array.isArray(steps)) throw new RangeError('a program is { "steps": ["0 mmap 0.0 1.0 rw fixed", ...] }, with knobs beside the steps');
  const unknown = Object.keys(knobs).filter((name) => !(name in DEFAULT_KNOBS));
  if (unknown.length > 0) throw new RangeError(`the knob ${unknown[0]} is none of ${Object.keys(DEFAULT_KNOBS).join(", ")}`);
  const program = { knobs: { ...DEFAULT_KNOBS, ...knobs }, steps: steps.map(textToStep) };
  const problem = malformed(program);
  if (problem !== null) throw new RangeError(problem);
  return program;
}

/** Why the program cannot be run, or null. Each step needs a process that lives; areas stay inside the test area. */
export function malformed({ steps }: Program): string | null {
  const alive = new Set([0]);
  const used = new Set([0]);
  const held = new Set<number>();
  for (const [i, s] of steps.entries()) {
    const what = `step ${i}, ${stepToText(s)}`;
    if (!alive.has(s.process) && s.call !== "khugepaged") return `${what}: process ${s.process} does not live`;
    if (s.call === "exit") alive.delete(s.process);
    if (s.call === "fork") {
      const child = s.args[0]!;
      if (child >= PROCESSES || used.has(child)) return `${what}: the child must be a process 1..${PROCESSES - 1} that was not there yet`;
      alive.add(child);
      used.add(child);
    }
    if (s.call === "hold") {
      if (s.args[0]! >= HOLDS || held.has(s.args[0]!)) return `${what}: a page is held under one of the numbers 0..${HOLDS - 1}, that is free`;
      held.add(s.args[0]!);
    }
    if (s.call === "process_madvise" && !alive.has(s.args[0]!)) return `${what}: process ${s.args[0]} does not live`;
    if (s.call === "release" && !held.delete(s.args[0]!)) return `${what}: nothing is held under that number`;
    if (s.call === "write" && (s.args[2]! < 1 || s.args[2]! > CONTENTS)) return `${what}: contents are 1..${CONTENTS}`;
    const ends = s.call === "process_madvise" ? [s.args[1]! + s.args[2]!] : s.call === "mremap" ? [s.args[0]! + s.args[1]!, s.args[4]! + s.args[2]!, s.args[0]! + s.args[2]!] : SIGNATURE[s.call][1] === "pages" ? [s.args[0]! + s.args[1]!] : [];
    if (ends.some((end) => end > AREA_PAGES)) return `${what}: the test area has ${AREA_RANGES} huge ranges`;
  }
  return null;
}

/** Calls in the order of the agent's numbers. */
export function callNumber(call: Call): number {
  return CALLS.indexOf(call);
}
