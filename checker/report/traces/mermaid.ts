/**
 * A sequence diagram of a trace, in Mermaid's language: documents, issues and merge requests draw it.
 *
 * A lifeline for each thread; its calls are messages to itself, with a bar for as long as they last. A note has what a step did. An
 * arrow between threads is a value, or a lock, that went from the one to the other: what was read of what the other had written in a
 * call that is still under way, and a lock that the other had released. Threads that wait for a lock say so where they are left.
 *
 * A diagram of more than some fifty lines is for nobody. Of a longer trace, steps that matter less to the broken promise are counted
 * and not shown, in the ranks of `trace/slice.ts`, and so are calls far in.
 */
import { count } from "../../numbers.ts";
import type { StoryStep, TraceRow, TraceStory } from "../../result.ts";
import { ranksOf, storyOfRows } from "../../trace/slice.ts";
import { loopBegins, loopEnds } from "../loop-text.ts";
import { freshInWords, staleInWords, storeInWords } from "../step-text.ts";
import { retake, type FormattedTrace, type TraceFormat } from "./trace-format.ts";

/** Lines between the lifelines and the end. */
export const LINES_MAX = 60;
/** Characters of a text: a note is not broken into lines by itself. */
const TEXT_MAX = 72;
/** What a note says of one step. */
const NOTE_LINES_MAX = 4;

export const mermaid: TraceFormat = {
  purpose: "a sequence diagram, for documents and issues",
  render(told: FormattedTrace): string {
    const diagram = new Diagram(told);
    const body = TRIES.map((t) => diagram.body(t)).find((b) => b.length <= LINES_MAX) ?? diagram.body(TRIES.at(-1)!);
    return ["sequenceDiagram", ...diagram.head(), ...body, ...diagram.end(), ""].join("\n");
  },
};

interface Tightness {
  /** Steps of this rank and of lower ones; 5: every step. */
  readonly rank: number;
  /** Calls nested deeper are not shown. */
  readonly depth: number;
}

/** From everything to what is left of a long trace: the first that fits is taken, or the last. */
const TRIES: readonly Tightness[] = [
  ...[5, 4, 3, 2].flatMap((rank) => [Infinity, 3, 2].map((depth) => ({ rank, depth }))), { rank: 1, depth: 2 }, { rank: 1, depth: 1 },
];

/** A thread on its lifeline. */
interface Life {
  readonly id: string;
  /** The routines that are shown as active, the outermost first. */
  readonly open: string[];
}

class Diagram {
  readonly #told: FormattedTrace;
  readonly #story: TraceStory;
  readonly #rows: readonly TraceRow[];
  readonly #ranks: ReadonlyMap<number, number>;
  /** By step, the initial state first: the lock that its thread waits for after it, and who holds that; null: for none. */
  readonly #waits: (string | null)[] = [];

  constructor(told: FormattedTrace) {
    this.#told = told;
    this.#rows = told.replayed.rows;
    this.#story = told.story ?? storyOfRows(told.replayed);
    this.#ranks = ranksOf(told.replayed, this.#story);
    retake(told, (n, system) => {
      const actor = system.actors.findIndex((a) => a.name === this.#rows[n]!.actor);
      const waits = actor < 0 ? null : system.position(actor).waitsFor;
      const isHeld = waits !== null && waits.holders.length > 0;
      this.#waits.push(isHeld ? `waits for ${waits.lock}, held by ${waits.holders.join(", ")}` : null);
    });
  }

  head(): string[] {
    const { replayed: { actors }, scenario } = this.#told;
    const first = this.#rows[0]!.choices;
    return [
      `  title ${text(scenario.name)}`,
      ...actors.map((name, n) => `  participant T${n} as ${text(name)}`),
      ...(first.length === 0 ? [] : [`  note over ${this.#all()}: ${text(`at first: ${first.join(", ")}`)}`]),
    ];
  }

  end(): string[] {
    return [`  note over ${this.#all()}: ${text(`broken: ${this.#told.replayed.message}`)}`];
  }

  body({ rank, depth }: Tightness): string[] {
    const lives = new Map(this.#told.replayed.actors.map((name, n): [string, Life] => [name, { id: `T${n}`, open: [] }]));
    const lines: string[] = [];
    const hidden = new Map<string, number>();
    const flush = (): void => {
      const words = [...hidden].map(([name, steps]) => `${count(steps, "step")} of ${name}`).join(", ");
      const over = hidden.size > 1 ? this.#all() : [...hidden.keys()].map((name) => lives.get(name)!.id).join();
      if (hidden.size > 0) lines.push(`  note over ${over}: ${text(`... ${words}`)}`);
      hidden.clear();
    };
    const { loop, steps: { length } } = this.#told.replayed.trace;
    for (const [n, step] of this.#story.steps.entries()) {
      const row = this.#rows[n + 1]!;
      const name = row.actor!;
      if (n === loop) {
        flush();
        lines.push(`  loop ${text(`for ever: ${loopBegins(n)}`)}`);
      }
      if ((this.#ranks.get(n + 1) ?? 5) > rank) {
        hidden.set(name, (hidden.get(name) ?? 0) + 1);
        continue;
      }
      flush();
      const life = lives.get(name)!;
      lines.push(...this.#moves(life, step, depth), ...this.#met(lives, life, n), ...this.#note(life, row, step));
      const wait = this.#waits[n + 1]!;
      const isLeft = this.#rows[n + 2] !== undefined && this.#rows[n + 2]!.actor !== name;
      if (wait !== null && isLeft) lines.push(`  note over ${life.id}: ${text(wait)}`);
    }
    flush();
    if (loop !== null && loop < length) lines.push("  end");
    if (loop !== null) lines.push(`  note over ${this.#all()}: ${text(loopEnds(loop, length))}`);
    for (const life of lives.values()) while (life.open.length > 0) lines.push(closing(life));
    return lines;
  }

  /** The calls that have ended since the thread was last shown, and those that have begun. */
  #moves(life: Life, { stack, call }: StoryStep, depth: number): string[] {
    const now = stack.slice(0, depth === Infinity ? undefined : depth).map((f) => f.routine);
    let same = 0;
    while (same < now.length && now[same] === life.open[same]) same++;
    const lines: string[] = [];
    while (life.open.length > same) lines.push(closing(life));
    for (const routine of now.slice(same)) {
      life.open.push(routine);
      // The call of the thread's own routine as the source has it.
      const words = life.open.length === 2 && call !== null ? call : `${routine}()`;
      lines.push(`  ${life.id}->>+${life.id}: ${text(words)}`);
    }
    return lines;
  }

  /** What reaches this thread from others. */
  #met(lives: ReadonlyMap<string, Life>, life: Life, n: number): string[] {
    const { fresh, locks } = this.#story.steps[n]!;
    const values = fresh.map((f) => ({ from: this.#rows[f.writer]!.actor!, words: freshInWords(f) }));
    const taken = locks.flatMap(({ kind, lock, from }) =>
      (kind === "takes" && from !== null ? [{ from: from.actor, words: `${lock}, released` }] : []));
    return [...values, ...taken].map(({ from, words }) => `  ${lives.get(from)!.id}-)${life.id}: ${text(words)}`);
  }

  #note(life: Life, { index, label, choices }: TraceRow, { writes, stale }: StoryStep): string[] {
    const did = [...writes.filter((w) => w.before !== w.after).map(storeInWords), ...stale.map(staleInWords)];
    const more = did.length - NOTE_LINES_MAX;
    const shown = more <= 0 ? did : [...did.slice(0, NOTE_LINES_MAX - 1), `and ${more + 1} more`];
    const words = [[`${index}. ${label ?? ""}`, ...choices].join(" "), ...shown];
    return [`  note over ${life.id}: ${words.map(text).join("<br/>")}`];
  }

  /** All lifelines, for notes that are of the whole. */
  #all(): string {
    const { actors } = this.#told.replayed;
    return actors.length === 1 ? "T0" : `T0,T${actors.length - 1}`;
  }
}

function closing(life: Life): string {
  const routine = life.open.pop()!;
  return `  ${life.id}-->>-${life.id}: ${text(`${routine}() done`)}`;
}

/** As Mermaid reads it back: signs that mean something to it, or to HTML, are written by their numbers. */
export function text(words: string): string {
  const short = words.length > TEXT_MAX ? `${words.slice(0, TEXT_MAX - 3)}...` : words;
  return short.replace(/\s+/g, " ").replace(/[#;<>&%${}"\\]/gu, (sign) => `#${sign.codePointAt(0)!};`);
}
