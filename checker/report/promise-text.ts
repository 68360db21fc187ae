/** The broken promise in words: what was expected, what was found, what it read, and why it is promised. */
import { match } from "ts-pattern";
import { shortPath } from "../error-sentence.ts";
import type { PropertyRef, ReadWord, ReplayedTrace, TraceStory } from "../result.ts";
import { END_STAYS_REACHABLE } from "../search/traps/goals.ts";
import { packed, type Line, type Style } from "./text-lines.ts";

/** Lines that what a promise reads may take. */
const READS_LINES_MAX = 4;

/** `always "NoOverlap"`, `deadlock`, `rule "range"`. */
export function promiseInWords(p: PropertyRef): string {
  const name = JSON.stringify(p.name);
  return match(p.kind)
    .with("always", () => `always ${name}`)
    .with("step", () => `step ${name}`)
    .with("finally", () => `finally ${name}`)
    .with("sometimes", () => `sometimes ${name}`)
    .with("recurring", () => (p.name === END_STAYS_REACHABLE ? p.name : `recurring ${name}`))
    .with("deadlock", () => "freedom from deadlock")
    .with("fault", () => `rule ${name}`)
    .exhaustive();
}

export function promiseLines(t: ReplayedTrace, story: TraceStory, width: number): Line[] {
  const { property, message, explanation, waiting } = t;
  const lines: Line[] = [];
  const paragraph = (text: string, style: Style): void => {
    const first = /^ */.exec(text)![0].length;
    for (const line of packed(text.trim().split(" "), " ", width, { first, indent: first + 2 })) lines.push({ text: line, style });
  };
  paragraph(`broken: ${promiseInWords(property)}`, "alarm");
  if (explanation === null) paragraph(`  ${message}`, "plain");
  else {
    const { conjunct, values, source } = explanation;
    const place = source === null || story.ownWords ? "" : `  (${shortPath(source)})`;
    // A plain "return false" says nothing: what the promise read says what it saw.
    if (conjunct !== "false") paragraph(`  expected: ${conjunct}${place}`, "plain");
    else paragraph(`  it returned false${place}`, "plain");
    if (values.length > 0) list(lines, "  found: ", values.map((v) => `${v.name} = ${v.value}`), width, null);
  }
  if (story.reads.length > 0) {
    const locks = new Set(story.steps.flatMap((s) => s.locks.map((l) => l.lock)));
    const weight = (r: ReadWord): number => (r.writer === 0 ? 0 : locks.has(r.name) ? 1 : 2);
    const read = [...story.reads].sort((a, b) => weight(b) - weight(a)).map((r) => readInWords(r, t));
    list(lines, "  it read: ", read, width, READS_LINES_MAX);
  }
  if (story.why !== null) paragraph(`  why it is promised: ${story.why}`, "dim");
  for (const sentence of waiting) paragraph(`  ${sentence}`, "plain");
  return lines;
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
