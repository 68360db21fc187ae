/** What the attack is made of: one malformed input, and what is drawn and chosen by a seed. */

/** How a run of the command must end. A run that is refused ends with exit code 2; one that fails, with any but 0. */
export type Ending = "refused" | "failed" | "any";

/** What an input needs of a process of its own. */
export interface Alone {
  readonly env?: Readonly<Record<string, string>>;
  /** Where its standard output goes, in place of the judge. */
  readonly stdout?: string;
}

export interface Input {
  readonly family: string;
  /** What is wrong with it, in a word or two: a sample has inputs of every rule. */
  readonly rule: string;
  /** Which one of its rule. */
  readonly what: string;
  /** The folder that it runs in, by the names of its files. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly args: readonly string[];
  readonly ends: Ending;
  /** It runs in the folder of the project itself, or of a copy of it. */
  readonly inProject?: true;
  /** Null, or left out: many such inputs share a process. */
  readonly alone?: Alone;
  /** Seconds that it may take; 20 unless given. */
  readonly seconds?: number;
  /** Files that it may write. */
  readonly writes?: readonly string[];
  /** Standard output that is no success at all: of a damaged trace, that of the whole one. */
  readonly mayOnlySay?: string;
}

export const nameOf = (i: Input): string => `${i.family}/${i.rule}/${i.what}`;

/** Numbers from a seed. S. Vigna, xorshift128+ would do as well; this is mulberry32. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** 0..n - 1 */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }
}

/** `count` of the inputs: at least one of every rule, as long as there is room, and the rest drawn from all. */
export function sampleOf(all: readonly Input[], count: number, dice: Dice): Input[] {
  const rules = Map.groupBy(all, (i) => `${i.family}/${i.rule}`);
  const firsts = dice.shuffled([...rules.values()].map((inputs) => dice.of(inputs)));
  const rest = dice.shuffled(all.filter((i) => !firsts.includes(i)));
  const chosen = new Set([...firsts, ...rest].slice(0, count));
  return all.filter((i) => chosen.has(i));
}
