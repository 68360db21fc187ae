/** The default export of a CommonJS package: Node gives the module object, bundlers the export itself. */
export function defaultOf<F extends (...args: never[]) => unknown>(imported: F): F {
  return typeof imported === "function" ? imported : (imported as unknown as { default: F }).default;
}
