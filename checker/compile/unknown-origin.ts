/** What is said of a function whose source is not known, so that it cannot be compiled: why that may be, and what to do. */

export function unknownOrigin(name: string): string {
  return `${name} is not a function of a module loaded through thpcheck, or it is async, a class member, bound, or nested in a routine. `
    + 'Where Vitest loads it, plugins of vitest.config.ts must have thpcheckPlugin() from "thpcheck/vitest"; '
    + "anywhere else, run: npx thpcheck check FILE";
}
