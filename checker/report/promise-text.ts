/** The broken promise in words: what was expected, what was found, what it read, and why it is promised. */
import { match } from "ts-pattern";
import { shortPath } from "../error-sentence.ts";
import type { PropertyRef, ReadWord, ReplayedTrace, TraceStory } from "../result.ts";
import { END_STAYS_REACHABLE } from "../search/traps/goals.ts";
import { packed, type Line, type Style } from "./text-lines.ts";

/** So many words that it read last come before all others: with them it knew. */
const DECISIVE_WORDS = 3;
/** So many words say why an actor cannot move. */
const BLOCKED_WORDS_MAX = 3;

/** `always "NoOverlap"`, `deadlock`, `rule "range"`. */
export function promiseInWords(p: PropertyRef): string {
  const name = JSON.stringify(p.name);
  return match(p.kind)
    .with("always", () => `always ${name}`)
    .with("step", () => `step ${name}`)
    .with("finally", () => `finally ${name}`)
    .with("sometimes", () => `sometimes ${name}`)
    .with("recurring", () => (p.name === END_STAYS_REACHABLE ? p.name : `recurring ${name}`))
    .with("eventually", "leadsTo", "alwaysEventually", "eventuallyAlways", "progress", (kind) => `${kind} ${name}`)
    .with("deadlock", () => "freedom from deadlock")
    .with("fault", () => `rule ${name}`)
    .exhaustive();
}

/** Characters that a line may take, and lines that what the promise reads may take. */
export interface PromiseRoom {
  readonly width: number;
  readonly reads: number;
}

export function promiseLines(t: ReplayedTrace, story: TraceStory, room: PromiseRoom): Line[] {
  const { width } = room;
  const { property, message, explanation, waiting } = t;
  const lines: Line[] = [];
  const paragraph = (text: string, style: Style): void => {
    const first = /^ */.exec(text)![0].length;
    for (const line of packed(text.trim().split(" "), " ", width, { first, indent: first + 2 })) lines.push({ text: line, style });
  };
  paragraph(`broken: ${promiseInWords(property)}`, "alarm");
  if (explanation === null) {
    sentences(property, message).forEach((sentence, n) => { paragraph(`${n === 0 ? "  " : "    "}${sentence}`, "plain"); });
    if (story.expectation !== null) paragraph(`  expected: ${story.expectation}`, "plain");
  } else {
    const { conjunct, values, source, throws } = explanation;
    const place = source === null || story.ownWords ? "" : `  (${shortPath(source)})`;
    // A plain "return false" says nothing: what the promise read says what it saw.
    if (throws !== undefined) paragraph(`  it throws ${throws}${place}`, "plain");
    else if (conjunct !== "false") paragraph(`  expected: ${conjunct}${place}`, "plain");
    else paragraph(`  it returned false${place}`, "plain");
    // The sentence about a machine has the machine and its states in it.
    const isOfMachine = property.kind === "step" && property.name.startsWith("refines ");
    const found = isOfMachine ? values.filter((v) => !conjunct.includes(v.value)) : values;
    if (found.length > 0) list(lines, "  found: ", found.map((v) => `${v.name} = ${v.value}`), width, null);
  }
  if (story.reads.length > 0) list(lines, "  it read: ", mostTelling(story).map((r) => readInWords(r, t)), width, room.reads);
  if (story.why !== null) paragraph(`  why it is promised: ${story.why}`, "dim");
  for (const sentence of waiting) paragraph(`  ${sentence}${whyBlocked(sentence, t, story)}`, "plain");
  return lines;
}

/** A finding of a sanitizer tells of several threads, and what to do: each of these begins a line. */
function sentences({ kind, name }: PropertyRef, message: string): string[] {
  const isOfSanitizer = kind === "fault" && ["atomicity", "data-race", "lock-order"].includes(name);
  return isOfSanitizer ? message.split(/(?<=[;.]) (?=[A-Za-z])/) : [message];
}

/**
 * What it read, the most telling first: what it read last, beginning with the latest; what some step changed; what was only
 * stored again, or is as it was at first, the latest read first; then the locks, which mostly say that nobody was in the middle
 * of something.
 */
function mostTelling({ reads, steps }: TraceStory): ReadWord[] {
  const changed = new Set(steps.flatMap((s) => s.writes.filter((w) => w.before !== w.after).map((w) => w.name)));
  const used = new Set(steps.flatMap((s) => s.locks.map((l) => l.lock)));
  const decisive = new Set(reads.filter((r) => !used.has(r.name)).slice(-DECISIVE_WORDS));
  const weight = (r: ReadWord): number => {
    if (used.has(r.name) || r.value === "free") return r.value !== "free" ? 4 : r.writer > 0 ? 5 : 6;
    if (decisive.has(r)) return 0;
    return changed.has(r.name) ? 1 : r.writer > 0 ? 2 : 3;
  };
  const order = reads.map((r, n) => ({ r, weight: weight(r), n: weight(r) === 0 || weight(r) === 3 ? -n : n }));
  return order.sort((a, b) => a.weight - b.weight || a.n - b.n).map(({ r }) => r);
}

/** What the guard of an actor reads that cannot move, or one that goes round in a trap; a lock has been named. */
function whyBlocked(sentence: string, t: ReplayedTrace, { blocked }: TraceStory): string {
  const stuck = ["waits at", "cannot move", "goes round"];
  const of = blocked.find((b) => stuck.some((what) => sentence.startsWith(`${b.actor} ${what}`)));
  if (of === undefined || of.reads.length === 0) return "";
  const telling = [...of.reads.filter((r) => r.writer > 0), ...of.reads.filter((r) => r.writer === 0)];
  const more = telling.length > BLOCKED_WORDS_MAX ? ", ..." : "";
  const words = telling.slice(0, BLOCKED_WORDS_MAX).map((r) => readInWords(r, t)).join(", ");
  return `${sentence.endsWith("its guard is false") ? ":" : "; it reads"} ${words}${more}`;
}

function list(lines: Line[], title: string, parts: readonly string[], width: number, max: number | null): void {
  const [head, ...rest] = parts;
  const limit = max === null ? {} : { max, what: "value" };
  for (const text of packed([`${title.trimStart()}${head!}`, ...rest], ", ", width, { first: 2, indent: 4, ...limit })) {
    lines.push({ text, style: "change" });
  }
}

function readInWords({ name, value, writer }: ReadWord, t: ReplayedTrace): string {
  return writer === 0 ? `${name} = ${value}` : `${name} = ${value} (step ${writer}, ${t.rows[writer]?.actor ?? ""})`;
}
