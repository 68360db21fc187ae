/**
 * What can be seen of a pair when both calls have returned, in the same words for a real kernel and for the checker. A page that
 * is one with others in the checker must be like all of them on the real kernel; where it is not, the outcome says so, and is
 * none of the checker's.
 */
import { COUNTERS, ERRNO, PAGE_WORDS, TRACEPOINTS } from "../conformance/observation.ts";
import { HPAGE, type Step } from "../conformance/program.ts";
import type { RealPair } from "./machine.ts";
import { scaledOrNone, scaledPage } from "./scaled.ts";
import { forEachSide, SIDES, type BySide } from "./schedule.ts";

export interface Outcome {
  /** What the calls of each side returned: a number, an errno by its name, or "signal"; by commas where there are several. */
  readonly returned: BySide<string>;
  /** Areas of the process: pages, protection, advice. */
  readonly areas: readonly string[];
  /** Each page that is there, in the checker's numbers: its state and what it holds. */
  readonly pages: readonly string[];
  /** Counters that have moved, and tracepoints that were passed, with a status. */
  readonly counters: readonly string[];
}

/** Two outcomes are the same if this is. */
export const outcomeKey = (o: Outcome): string => JSON.stringify([o.returned, o.areas, o.pages, o.counters]);

/** In a line. */
export function outcomeInWords({ returned, areas, pages, counters }: Outcome): string {
  const counted = counters.length === 0 ? "no counter moved" : counters.join(", ");
  return [...returned.map((r, side) => `${SIDES[side]} ${r}`), ...areas, ...pages, counted].join("; ");
}

/** What a call returned. `value` negative: -errno. */
export function returnInWords(step: Step, value: number, pages: number): string {
  if (step.call === "read" || step.call === "write") return value < 0 ? "signal" : step.call === "write" ? "stored" : String(value);
  if (value < 0) return ERRNO[-value] ?? String(value);
  if (step.call === "fork") return "a child";
  return step.call === "mremap" ? `page ${scaledOrNone(value, pages)}` : String(value);
}

const PROT = ["none", "r", "w", "rw"];
const ADVICE = ["VM_HUGEPAGE", "VM_NOHUGEPAGE", "VM_DONTCOPY", "VM_WIPEONFORK"];
/** `advice`: a number, not 0, for each of ADVICE that the area has. */
export function areaInWords(start: number, end: number, prot: number, advice: readonly number[], eligible: number): string {
  const words = ADVICE.filter((_, i) => advice[i] !== 0);
  return `area ${start}..${end} ${[PROT[prot], ...words, ...(eligible === 0 ? [] : ["eligible"])].join(" ")}`;
}
/** `flags`: PAGE_* of observation.ts; `content`: null where it cannot be read. */
export function pageInWords(flags: number, mapcount: number, content: number | null): string {
  const words = PAGE_WORDS.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word);
  return `${words.join(", ")}; mapcount ${mapcount}; holds ${content ?? "nothing that can be read"}`;
}

/** How often a tracepoint was passed with a status. */
export type Status = readonly [tracepoint: number, status: string, count: number];
/** By tracepoint and status how often, and by place in COUNTERS how much. */
export function countersInWords(counters: readonly number[], statuses: readonly Status[]): string[] {
  const moved = counters.flatMap((n, i) => (n === 0 ? [] : [`${COUNTERS[i]![0]} ${n > 0 ? "+" : ""}${n}`]));
  return [...moved, ...statuses.map(([kind, status, n]) => `${TRACEPOINTS[kind]!} ${status}${n === 1 ? "" : ` x${n}`}`).sort()];
}

// ---- of a real kernel ----------------------------------------------------------------------------------------------

/** What is compared, and with how many pages per huge page in the checker. */
export interface Compared extends Pick<RealPair, "calls"> {
  readonly pages: number;
  /** The last of these pages is one page, and not all that are behind it as well, of which nothing is said then. */
  readonly alone?: boolean;
}

/** From the lines of the agent behind the two calls. Those of process 0; a child's areas are not looked at. */
export function realOutcome(pair: Compared, lines: readonly string[]): Outcome {
  const numbers = numbersIn(lines);
  const returned = forEachSide(pair.calls, (calls, i) => {
    const said = numbers(SIDES[i].toLowerCase());
    return calls.map((call, n) => {
      const [value = 0, errno = 0] = said[n]!;
      return returnInWords(call, errno === 0 ? value : -errno, pair.pages);
    }).join(", ");
  });
  const statuses = lines.filter((l) => l.startsWith("t ")).map((l) => {
    const [, kind, status, count] = l.split(" ");
    return [Number(kind), status!, Number(count)] as const;
  });
  return {
    returned, ...memoryOf(pair, numbers),
    counters: countersInWords(numbers("k")[0] ?? [], statuses),
  };
}

/** The areas and pages of process 0, from lines of the agent. */
export function realMemory(pair: Compared, lines: readonly string[]): Pick<Outcome, "areas" | "pages"> {
  return memoryOf(pair, numbersIn(lines));
}

/** The numbers of each line of a kind. */
type Numbers = (kind: string) => number[][];
function numbersIn(lines: readonly string[]): Numbers {
  return (kind) => lines.filter((l) => l.startsWith(`${kind} `)).map((l) => l.split(" ").slice(1).map(Number));
}

function memoryOf({ pages, alone = false }: Compared, numbers: Numbers): Pick<Outcome, "areas" | "pages"> {
  const areas = numbers("v").filter(([process]) => process === 0).map(([, start = 0, end = 0, prot = 0, ...rest]) =>
    areaInWords(scaledOrNone(start, pages), scaledOrNone(end, pages), prot, rest.slice(0, 4), rest.at(-1)!));
  const state = new Map<number, readonly [flags: number, mapcount: number]>();
  for (const [process, start = 0, length = 0, flags = 0, , mapcount = 0] of numbers("p")) {
    for (let i = 0; process === 0 && i < length; i++) state.set(start + i, [flags, mapcount]);
  }
  const content = new Map<number, number>();
  for (const [start = 0, length = 0, value = 0] of numbers("w")) for (let i = 0; i < length; i++) content.set(start + i, value);
  const words = new Map<number, Set<string>>();
  const end = Math.max(0, ...[...state.keys()].map((page) => Math.ceil((page + 1) / HPAGE) * HPAGE));
  for (let page = 0; page < end; page++) {
    if (alone && page % HPAGE >= pages) continue;
    const [flags, mapcount] = state.get(page) ?? [0, 0];
    const range = page - (page % HPAGE);
    const place = scaledPage(range + Math.min(page % HPAGE, pages - 1), pages);
    const word = flags === 0 ? "" : pageInWords(flags, mapcount, content.get(page) ?? null);
    words.set(place, (words.get(place) ?? new Set()).add(word));
  }
  return {
    areas,
    pages: [...words].flatMap(([place, found]) => {
      const text = found.size === 1 ? [...found][0]! : `some of them ${[...found].sort().join(" / ")}`;
      return text === "" ? [] : [`page ${place}: ${text}`];
    }),
  };
}
