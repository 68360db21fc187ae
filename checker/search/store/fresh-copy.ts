/**
 * Copies of a function that share no type feedback with it or with each other: V8 keeps feedback by the text of a
 * function, and would otherwise optimise the hot loop of one search for what another search has done.
 *
 * A copy is made from the text of the function (`toString`). Limits:
 *
 * - The function must be closed: it uses its parameters and globals, and nothing else. The copy does not see its module.
 * - The text must be as it was written, types aside. A tool that rewrites source breaks the copy: coverage by
 *   instrumentation (Istanbul) puts in counters of the module, bundlers put in helpers (`__name` of esbuild), and a
 *   minifier renames what is to be replaced. Coverage by V8 (`NODE_V8_COVERAGE`) rewrites nothing.
 * - Stack traces name the copy as code without a file.
 */

let generated = 0;

/** A comment that no other generated function has. */
export function ownComment(): string {
  return `/* ${generated++} */`;
}

type Constants = Readonly<Record<string, boolean>>;

/**
 * Calls a fresh copy of `kernel` and returns what it returns. Where the text says `constants.x`, the copy has the value
 * itself, so that branches which are not for it do not exist: V8 inlines by the size of a function.
 *
 * Throws an Error in words when the text of the kernel has been rewritten so that a copy cannot work. What a kernel uses
 * only later, in functions that it returns, is not tried out.
 */
export function callCopy<A extends readonly unknown[], R>(kernel: (...args: A) => R, constants: Constants, ...args: A): R {
  let text = kernel.toString();
  for (const [name, value] of Object.entries(constants)) {
    if (!text.includes(`constants.${name}`)) throw rewritten(`it does not say constants.${name}`, null);
    text = text.replaceAll(`constants.${name}`, String(value));
  }
  try {
    const make = new Function(`${ownComment()} return (${text});`) as () => typeof kernel;
    return make()(...args);
  } catch (error) {
    if (error instanceof ReferenceError || error instanceof SyntaxError) throw rewritten(error.message, error);
    throw error;
  }
}

function rewritten(why: string, cause: Error | null): Error {
  return new Error(
    `[thpcheck internal] the inner loop of the search cannot be copied: ${why}. Its source was probably rewritten, by coverage `
    + "instrumentation, a bundler or a minifier; leave thpcheck's own files out of that, or take coverage with NODE_V8_COVERAGE",
    { cause },
  );
}
