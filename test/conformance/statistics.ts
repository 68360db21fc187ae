/** What programs have reached: so that agreement is worth something. */
import { ERRNO, PAGE_HUGE, PAGE_LARGE, type Observations } from "./observation.ts";
import { ADVICE, CALLS } from "../../impl/entry/calls.ts";
import { HPAGE, type Program, type Step } from "./program.ts";
import { OPERATIONS } from "./vocabulary.ts";

/** Outcomes that a call can have in a sequential program of this area; what is left out is in the README. */
export const OUTCOMES: Readonly<Record<string, readonly string[]>> = {
  "mmap": ["success", "EEXIST", "EINVAL"],
  "munmap": ["success", "EINVAL"],
  "mprotect": ["success", "ENOMEM"],
  "mremap": ["success", "EFAULT", "EINVAL", "ENOMEM"],
  "madvise DONTNEED": ["success", "ENOMEM"],
  "madvise FREE": ["success", "ENOMEM"],
  "madvise DONTFORK": ["success", "ENOMEM"],
  "madvise DOFORK": ["success", "ENOMEM"],
  "madvise HUGEPAGE": ["success", "ENOMEM"],
  "madvise NOHUGEPAGE": ["success", "ENOMEM"],
  "madvise WIPEONFORK": ["success", "ENOMEM"],
  "madvise KEEPONFORK": ["success", "ENOMEM"],
  "madvise POPULATE_READ": ["success", "EINVAL", "ENOMEM"],
  "madvise POPULATE_WRITE": ["success", "EINVAL", "ENOMEM"],
  "madvise COLLAPSE": ["success", "EAGAIN", "EINVAL", "ENOMEM"],
  "madvise COLD": ["success", "ENOMEM"],
  "madvise PAGEOUT": ["success", "ENOMEM"],
  "madvise UNKNOWN": ["EINVAL"],
  "read": ["success", "signal"],
  "write": ["success", "signal"],
  "fork": ["success"],
  "exit": ["success"],
  "thp_disable": ["success", "EINVAL"],
  "khugepaged": ["success"],
  "contents": ["success"],
  "process_madvise": ["success", "EAGAIN", "EINVAL", "ENOMEM"],
  "split": ["success"],
  "hold": ["success", "EFAULT"],
  "release": ["success", "EAGAIN"],
};
/** How often each outcome is wanted. */
const WANTED = 20;

const ACROSS = "map a folio from two tables";
const MILESTONES = { "create a huge PMD": 0.5, "split one": 0.3, "collapse one": 0.2, "fork": 0.3, [ACROSS]: 0.4 } as const;
type Milestone = keyof typeof MILESTONES;

/** A process maps pages of one folio from two tables: it has moved them to another offset within a huge range. */
function mapsAcross(lines: readonly string[]): boolean {
  const tables = new Map<string, number>();
  for (const line of lines) {
    if (!line.startsWith("p ")) continue;
    const [process, start, pages, flags, frame] = line.split(" ").slice(1).map(Number) as [number, number, number, number, number];
    if ((flags & PAGE_LARGE) === 0) continue;
    for (let at = start; at < start + pages;) {
      const number = frame + at - start;
      const folio = `${process} ${Math.floor(number / HPAGE)}`;
      const table = Math.floor(at / HPAGE);
      if ((tables.get(folio) ?? table) !== table) return true;
      tables.set(folio, table);
      // To the end of the table, or of the folio.
      at += Math.min(HPAGE - (at % HPAGE), HPAGE - (number % HPAGE));
    }
  }
  return false;
}

function untold(): readonly (readonly [string, readonly string[]])[] {
  const told = new Set(Object.keys(OUTCOMES).map((what) => what.split(" ")[0]!));
  return Object.entries(OPERATIONS).flatMap(([name, { call }]) =>
    (call === null || told.has(name) ? [] : [[name, ["success", ...Object.keys(CALLS[call].errnos)]] as const]));
}

function callOf({ call, args }: Step): string {
  if (call !== "madvise") return call;
  return `madvise ${Object.keys(ADVICE).find((name) => ADVICE[name as keyof typeof ADVICE] === args[2]) ?? "?"}`;
}

function outcomeOf(step: Step, line: string): string {
  const [, , value, errno] = line.split(" ").map(Number);
  if (errno !== 0) return ERRNO[errno!] ?? `errno ${errno}`;
  return (step.call === "read" || step.call === "write") && value! < step.args[1]! ? "signal" : "success";
}

export class Statistics {
  programs = 0;
  steps = 0;
  readonly #reached: Record<Milestone, number> = {
    "create a huge PMD": 0, "split one": 0, "collapse one": 0, "fork": 0, [ACROSS]: 0,
  };
  readonly #outcomes = new Map<string, number>();

  /** @param seen - what the real kernel or impl/ says: they agree */
  add(program: Program, seen: Observations): void {
    this.programs++;
    this.steps += program.steps.length;
    const reached = new Set<Milestone>();
    for (const [i, step] of program.steps.entries()) {
      if (!reached.has(ACROSS) && mapsAcross(seen[i] ?? [])) reached.add(ACROSS);
      for (const line of seen[i] ?? []) {
        const words = line.split(" ");
        if (words[0] === "p" && (Number(words[4]) & PAGE_HUGE) !== 0) reached.add("create a huge PMD");
        // The columns of thp_split_pmd.
        if (words[0] === "k" && Number(words[8]) > 0) reached.add("split one");
        if (line.startsWith("t 1 succeeded")) reached.add("collapse one");
        if (words[0] === "r") {
          const what = `${callOf(step)}: ${outcomeOf(step, line)}`;
          this.#outcomes.set(what, (this.#outcomes.get(what) ?? 0) + 1);
          if (step.call === "fork" && words[3] === "0") reached.add("fork");
        }
      }
    }
    for (const m of reached) this.#reached[m]++;
  }

  /** Share of programs that reached each milestone, with what is wanted. */
  milestones(): readonly { readonly name: string; readonly share: number; readonly wanted: number }[] {
    const share = (name: string): number => this.#reached[name as Milestone] / Math.max(1, this.programs);
    return Object.entries(MILESTONES).map(([name, wanted]) => ({ name, share: share(name), wanted }));
  }

  /** Call and outcome, with how often it occurred. */
  outcomes(): readonly (readonly [string, number])[] {
    return [...this.#outcomes].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Outcomes that occurred fewer than 20 times. */
  rare(): readonly (readonly [string, number])[] {
    const wanted = Object.entries(OUTCOMES).flatMap(([call, all]) => all.map((o) => `${call}: ${o}`));
    return wanted.map((w) => [w, this.#outcomes.get(w) ?? 0] as const).filter(([, n]) => n < WANTED);
  }

  /** Outcomes that this file does not know of; of an operation that is not in it, what the table of calls does not know of. */
  unknown(): readonly string[] {
    const known = new Set([...Object.entries(OUTCOMES), ...untold()].flatMap(([call, all]) => all.map((o) => `${call}: ${o}`)));
    return [...this.#outcomes.keys()].filter((o) => !known.has(o));
  }
}
