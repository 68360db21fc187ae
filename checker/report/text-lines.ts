/** Text in lines of a width, in which no word is ever cut. */

export type Style = "plain" | "bold" | "dim" | "change" | "alarm";
export interface Line {
  readonly text: string;
  readonly style: Style;
}

export interface Packing {
  /** Spaces before each line but the first; default: 2. */
  readonly indent?: number;
  /** Spaces before the first line; default: none. */
  readonly first?: number;
  /** Lines at most; what does not fit is counted. Default: as many as it takes. */
  readonly max?: number;
  /** What is counted: `and 3 changes more`. */
  readonly what?: string;
}

/**
 * The parts in lines of at most `width` characters, as many on a line as fit. A part that is longer than a line is broken
 * between its words; a word that is longer than a line gets one of its own.
 */
export function packed(parts: readonly string[], separator: string, width: number, packing: Packing = {}): string[] {
  const { indent = 2, first = 0, max = Infinity, what = "part" } = packing;
  const lines: string[] = [];
  let line = " ".repeat(first);
  let isEmpty = true;
  const put = (text: string, gap: string): void => {
    if (!isEmpty && line.length + gap.length + text.length > width) {
      lines.push(line + gap.trimEnd());
      line = " ".repeat(indent);
      isEmpty = true;
    }
    line += isEmpty ? text : gap + text;
    isEmpty = false;
  };
  for (const [n, part] of parts.entries()) {
    const left = parts.length - n;
    const mark = { lines: [...lines], line, isEmpty };
    if (part.length <= width - indent) put(part, separator);
    else part.split(" ").forEach((word, i) => { put(word, i === 0 ? separator : " "); });
    const reserve = left > 1 && lines.length === max - 1 ? separator.length + more(left - 1, what).length : 0;
    if (lines.length < max && line.length + reserve <= Math.max(width, reserve)) continue;
    if (max === Infinity) continue;
    // Back to before this part, which no longer fits.
    return [...mark.lines, mark.line + (mark.isEmpty ? "" : separator) + more(left, what)];
  }
  return parts.length === 0 ? [] : [...lines, line];
}

const more = (n: number, what: string): string => `and ${n} ${what}${n === 1 ? "" : "s"} more`;
