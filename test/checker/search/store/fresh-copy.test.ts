/** What cannot be copied is refused in words: a search must not fail, or lose states, because a tool rewrote its source. */
import { describe, expect, test } from "vitest";
import { callCopy } from "../../../../checker/search/store/fresh-copy.ts";

let counter = 0;
/** As esbuild writes a function whose name it keeps. */
const __name = <F>(f: F): F => f;
const named = (): number => __name(() => 1)();

describe("a fresh copy", () => {
  test("does what the function does, with its constants put in", () => {
    const kernel = (a: number, constants: { readonly double: boolean }): number => (constants.double ? 2 * a : a);
    expect(callCopy(kernel, { double: true }, 21, { double: false })).toBe(42);
  });

  test.each<[string, () => number]>([
    ["a name of its module", (): number => counter++],
    ["a helper that a bundler puts in", named],
  ])("is refused for a function that uses %s", (_, kernel) => {
    expect(() => callCopy(kernel, {})).toThrow(/cannot be copied: .* is not defined.*coverage instrumentation, a bundler or a minifier/);
    expect(counter).toBe(0);
  });

  test("is refused when a constant has another name in the text", () => {
    const renamed = (c: { readonly short: boolean }): boolean => c.short;
    expect(() => callCopy(renamed, { short: true }, { short: true })).toThrow(/does not say constants\.short/);
  });

  test("hands on what the function itself throws", () => {
    expect(() => callCopy(() => { throw new RangeError("out of range"); }, {})).toThrow(new RangeError("out of range"));
  });
});
