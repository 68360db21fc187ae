/** A state of the trace as the viewer looks at it: values in words, and what the step to it changed. */
import type { PageData } from "../page/data.ts";
import type { DrawnValue, Scene } from "../page/picture.ts";
import type { FieldPlan, LayoutPlan } from "../program/layout.ts";
import { elementName, elementText, type Shows } from "../program/value-text.ts";
import { makeWorld, positionOf, StateBytes } from "../program/world.ts";
import type { States, StateFacts } from "./states.ts";

/** An element of a field, by the field's path. */
export interface Word {
  readonly field: FieldPlan;
  readonly i: number;
  readonly j: number;
}

/** What all moments of a trace share. */
export interface Story {
  readonly page: PageData;
  readonly states: States;
  readonly fields: ReadonlyMap<string, FieldPlan>;
  readonly shows: Shows;
}

export function storyOf(page: PageData, states: States): Story {
  const fields = new Map((page.program.layout?.fields ?? []).map((f) => [f.path, f]));
  const shows = new Map(Object.entries(page.trace.shown).map(([path, words]) => [path, (v: number) => words[v] ?? String(v)] as const));
  return { page, states, fields, shows };
}

export class Moment {
  readonly story: Story;
  /** The number of the step that led here; 0: the initial state. */
  readonly step: number;
  readonly facts: StateFacts;
  /** Of the state before the step; of the initial state, its own. */
  readonly factsBefore: StateFacts;
  readonly #bytes: StateBytes;
  readonly #bytesBefore: StateBytes;

  constructor(story: Story, step: number) {
    const before = Math.max(0, step - 1);
    this.story = story;
    this.step = step;
    this.facts = story.states.facts(step);
    this.factsBefore = story.states.facts(before);
    this.#bytes = bytesOf(story.states.words(step));
    this.#bytesBefore = bytesOf(story.states.words(before));
  }

  get layout(): LayoutPlan | null { return this.story.page.program.layout; }

  /** Throws a RangeError for a field that there is not, or an object or element beyond what it has. */
  word(path: string, i = 0, j = 0): Word {
    const field = this.story.fields.get(path);
    if (field === undefined) throw new RangeError(`there is no field ${path}`);
    if (!(i >= 0 && i < field.count && j >= 0 && j < (field.length ?? 1))) throw new RangeError(`${path} has no element ${i}, ${j}`);
    return { field, i, j };
  }

  name({ field, i, j }: Word): string {
    return field.lockBase < 0 ? elementName(field, i, j) : this.layout!.locks[field.lockBase + i]!.name;
  }

  text(word: Word): string { return this.#text(word, this.#bytes); }
  textBefore(word: Word): string { return this.#text(word, this.#bytesBefore); }

  isChanged(word: Word): boolean {
    const { field, i, j } = word;
    if (field.lockBase >= 0) return this.text(word) !== this.textBefore(word);
    const position = positionOf(field, 0, i, j);
    return this.#bytes.raw(field, position) !== this.#bytesBefore.raw(field, position);
  }

  /** The actors that stand before the lock and cannot take it. */
  waiters(lock: string): string[] {
    const { actors } = this.story.page.program;
    return actors.filter((_, a) => this.facts.stands[a]?.lock === lock && !this.facts.stands[a].canMove);
  }

  scene(): Scene {
    const { page } = this.story;
    const word = (field: string, i?: number, j?: number): Word => this.word(field, i, j);
    return {
      k: makeWorld(this.layout!, copyOf(this.#bytes), 0), before: makeWorld(this.layout!, copyOf(this.#bytesBefore), 0),
      config: page.program.config, actors: page.program.actors,
      value: (field, i = 0, j = 0): DrawnValue => ({ field, i: word(field, i, j).i, j }),
      flag: (field, as, i = 0): DrawnValue => ({ field, i: word(field, i).i, j: 0, word: as }),
      text: (field, i, j) => this.text(word(field, i, j)),
      isChanged: (field, i, j) => this.isChanged(word(field, i, j)),
      waiters: (field, i) => this.waiters(this.name(word(field, i))),
    };
  }

  #text(word: Word, bytes: StateBytes): string {
    return elementText(this.layout!, bytes, word, { actors: this.story.page.program.actors, shows: this.story.shows });
  }
}

const bytesOf = (words: Int32Array): StateBytes => new StateBytes(words.buffer);
/** Of a state that somebody might store to. */
const copyOf = (bytes: StateBytes): StateBytes => new StateBytes(bytes.u8.buffer.slice(0));
