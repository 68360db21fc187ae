/**
 * Programs at 512 pages per huge page, said at a few. The pages of a huge range from the last of these few on are treated alike
 * by every step, and are one page there. Which pages these are shows in the numbers: a step begins at one of the first
 * pages, and ends behind one of them, or at the end of the range.
 */
import { CALL, CALLS, type CallName } from "../../impl/entry/calls.ts";
import { FOLL_PIN } from "../../impl/gup.ts";
import { HPAGE, stepToText, type Step } from "../conformance/program.ts";
import { argumentsOf, OPERATIONS } from "../conformance/vocabulary.ts";

/** The place of a page among `pages` to a huge page. Throws a RangeError for one that others are treated like. */
export function scaledPage(page: number, pages: number): number {
  const within = page % HPAGE;
  if (within >= pages) throw new RangeError(`page ${page}: of a huge range only the first ${pages} have a number of their own`);
  return Math.floor(page / HPAGE) * pages + within;
}
/** The same, and -1 where that cannot be said. */
export const scaledOrNone = (page: number, pages: number): number => (page % HPAGE < pages ? scaledPage(page, pages) : -1);

/** The number of the call of impl/entry/calls.ts that the step is, and its eight arguments, with `pages` to a huge page. */
export function scaledWords(step: Step, pages: number): readonly number[] {
  const { call, args } = nameOf(step);
  const places = CALLS[call].args;
  const said = args.map((value, i) => {
    const type = places[i]!.type;
    if (type.kind === "page") return scaledPage(value, pages);
    if (type.kind !== "pages") return value;
    const first = args[places.findIndex((p) => p.name === type.from[0])]!;
    return scaledPage(first + value, pages) - scaledPage(first, pages);
  });
  const words = [CALL[call], ...said];
  return [...words, ...Array.from({ length: 9 - words.length }, () => 0)];
}

function nameOf(step: Step): { readonly call: CallName; readonly args: readonly number[] } {
  const [a = 0, b = 0, c = 0] = step.args;
  switch (step.call) {
    case "read": return { call: "load", args: [a] };
    case "write": return { call: "touch", args: [a, b, c, 0] };
    // process_vm_readv() pins the page while it copies.
    case "hold": return { call: "getUserPage", args: [b, FOLL_PIN, 0] };
    default: {
      const { call } = OPERATIONS[step.call];
      if (call === null) throw new RangeError(`${stepToText(step)}: in no pair`);
      return { call, args: argumentsOf(call, step.args) };
    }
  }
}
