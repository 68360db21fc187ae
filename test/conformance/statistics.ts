/** What programs have reached: so that agreement is worth something. */
import { ERRNO, type Observations } from "./observation.ts";
import { ADVICE, CALLS } from "../../impl/entry/calls.ts";
import { COLLAPSED_TO, MILESTONES, reachedBy, type Milestone } from "./milestones.ts";
import type { Program, Step } from "./program.ts";
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
  "size": ["success"],
  "folios": ["success"],
  "stats": ["success"],
  "split_to": ["success"],
  "split_at": ["success"],
};
/** How often each outcome is wanted. */
const WANTED = 20;

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
  readonly #collapsesToSizes: boolean;
  readonly #reached = new Map<Milestone, number>();
  readonly #outcomes = new Map<string, number>();

  /** `collapsesToSizes`: khugepaged of this kernel makes folios between a page and a huge page. */
  constructor(collapsesToSizes: boolean) { this.#collapsesToSizes = collapsesToSizes; }

  /** @param seen - what the real kernel or impl/ says: they agree */
  add(program: Program, seen: Observations): void {
    this.programs++;
    this.steps += program.steps.length;
    const reached = new Set<Milestone>();
    for (const [i, step] of program.steps.entries()) {
      for (const milestone of reachedBy(step, seen[i - 1] ?? [], seen[i] ?? [])) reached.add(milestone);
      for (const line of seen[i] ?? []) {
        if (!line.startsWith("r ")) continue;
        const what = `${callOf(step)}: ${outcomeOf(step, line)}`;
        this.#outcomes.set(what, (this.#outcomes.get(what) ?? 0) + 1);
      }
    }
    for (const m of reached) this.#reached.set(m, (this.#reached.get(m) ?? 0) + 1);
  }

  /** Share of programs that reached each milestone, with what is wanted. */
  milestones(): readonly { readonly name: string; readonly share: number; readonly wanted: number }[] {
    const share = (name: string): number => (this.#reached.get(name as Milestone) ?? 0) / Math.max(1, this.programs);
    return Object.entries(MILESTONES).filter(([name]) => name !== COLLAPSED_TO || this.#collapsesToSizes)
      .map(([name, wanted]) => ({ name, share: share(name), wanted }));
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
