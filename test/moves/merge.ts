/**
 * A three-way merge of text by tokens instead of lines: two changes to one line do not meet unless they touch the same
 * words, and a line that was only broken anew is no change to its words.
 *
 * The result is our text with their changes put in, so everything that they left alone keeps our line breaks.
 */
import { diffIndices } from "node-diff3";

/** Words and single signs; blanks stick to the token before them. */
const TOKEN = /(?:[\w$]+|[^\w\s$])\s*|\s+/g;

export interface Conflict {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
}

/** Our text with their change; or the words that both sides changed. */
export type Merged = { readonly text: string } | { readonly conflict: Conflict };

const tokensOf = (text: string): string[] => text.match(TOKEN) ?? [];
const wordsOf = (tokens: readonly string[]): string[] => tokens.map((t) => t.trim());

const blanksOf = (token: string | undefined): string => /\s*$/.exec(token ?? "")![0];

interface Hunk {
  /** Tokens [from, to) of the base are replaced by tokens [start, end) of the other side. */
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

function hunksOf(base: readonly string[], side: readonly string[]): Hunk[] {
  return diffIndices([...base], [...side]).map(({ buffer1: [from, length], buffer2: [start, size] }) => ({
    from,
    to: from + length,
    start,
    end: start + size,
  }));
}

/** Changes that only touch are apart, unless both put something in at the same place. */
function meet(a: Hunk, b: Hunk): boolean {
  if (a.from === a.to || b.from === b.to)
    return (
      a.from <= b.to && b.from <= a.to && (a.from === b.from || (a.from > b.from && a.from < b.to) || (b.from > a.from && b.from < a.to))
    );
  return a.from < b.to && b.from < a.to;
}

/** `theirs` is the change of `base` that is to be carried to `ours`. */
export function mergeByTokens(ours: string, base: string, theirs: string): Merged {
  const tokens = { ours: tokensOf(ours), base: tokensOf(base), theirs: tokensOf(theirs) };
  const words = { ours: wordsOf(tokens.ours), base: wordsOf(tokens.base), theirs: wordsOf(tokens.theirs) };
  const ourHunks = hunksOf(words.base, words.ours);
  // How far a place of the base has moved in our text.
  const ourPlace = (at: number, end: boolean): number => {
    let shift = 0;
    for (const h of ourHunks) if (h.to < at || (h.to === at && (h.from < at || end))) shift = h.end - h.to;
    return at + shift;
  };
  const out = [...tokens.ours];
  for (const h of hunksOf(words.base, words.theirs).reverse()) {
    const met = ourHunks.find((o) => meet(o, h));
    const put = tokens.theirs.slice(h.start, h.end);
    if (met !== undefined) {
      if (met.from === h.from && met.to === h.to && wordsOf(put).join(" ") === words.ours.slice(met.start, met.end).join(" ")) continue;
      return {
        conflict: {
          base: tokens.base.slice(h.from, h.to).join(""),
          ours: tokens.ours.slice(met.start, met.end).join(""),
          theirs: put.join(""),
        },
      };
    }
    const [from, to] = [ourPlace(h.from, false), ourPlace(h.to, false)];
    // Blanks follow the side that changed them: at the end of the change, and at the end of the tokens before and after it.
    const after = out[to];
    if (after !== undefined && after === tokens.base[h.to]) out[to] = after.trimEnd() + blanksOf(tokens.theirs[h.end]);
    const kept = blanksOf(out[Math.max(from, to) - 1]);
    if (put.length > 0 && h.to > h.from && blanksOf(put.at(-1)) === blanksOf(tokens.base[h.to - 1]))
      put[put.length - 1] = put.at(-1)!.trimEnd() + kept;
    const before = blanksOf(tokens.theirs[h.start - 1]);
    if (from > 0 && before !== blanksOf(tokens.base[h.from - 1])) out[from - 1] = out[from - 1]!.trimEnd() + before;
    out.splice(from, to - from, ...put);
  }
  return { text: out.join("") };
}
