/** A world that is too small says so by the bound: for every table, array and field whose size follows from one. */
import { describe, expect, it } from "vitest";
import { beyondBounds } from "../../../impl/config/beyond.ts";
import { kernelConfig, type KernelConfig, type KernelOptions } from "../../../impl/config/options.ts";
import { kernelStructs } from "../../../impl/mm-types.ts";
import { fieldsOf, type Field, type Structs } from "../../../checker/program/layout.ts";

const OPTIONS: KernelOptions = {
  pagesPerHugePage: 8, hugeRanges: 40, frames: 800, mms: 10, cpus: 12, vmas: 50, anonVmas: 60, anonVmaChains: 70, pageTables: 90,
  contents: 10, refcountMax: 100, gatherBatch: 9, lruBatch: 7, pmdsPerPage: 4,
};
const under = (policy: string | null): KernelOptions => (policy === null ? OPTIONS : { ...OPTIONS, policy });
const policies = ["rfc-2018", "first-write", null];

/** The size of a table, or the largest value of a field, by its path; what is not limited has none. */
function sizes(structs: Structs): Map<string, number> {
  const found = new Map<string, number>();
  for (const [struct, s] of Object.entries(structs)) {
    if (struct === "param") continue; // constants
    found.set(struct, s.count);
    for (const [field, f] of Object.entries(fieldsOf(s))) for (const [what, n] of sizesOf(f)) found.set(`${struct}.${field}${what}`, n);
  }
  return found;
}
function sizesOf(f: Field): [string, number][] {
  if (f.kind === "array") return [["", f.length], ...sizesOf(f.element).map(([, n]): [string, number] => [" element", n])];
  return f.kind === "int" ? [["", f.max]] : f.kind === "bitset" ? [["", f.size]] : [];
}

/** What a larger bound makes larger. */
function growing(o: KernelOptions, bound: keyof KernelConfig, more: number): string[] {
  const larger = { ...o, [bound]: (kernelConfig(o)[bound] as number) + more };
  const [small, large] = [sizes(kernelStructs(kernelConfig(o))), sizes(kernelStructs(kernelConfig(larger)))];
  return [...small].filter(([path, n]) => large.get(path) !== n && !path.endsWith(" element")).map(([path]) => path);
}

const BOUNDS: readonly (keyof KernelConfig)[] = [
  "pagesPerHugePage", "hugeRanges", "frames", "mms", "cpus", "vmas", "anonVmas", "anonVmaChains", "pageTables", "contents", "refcountMax",
  "gatherBatch", "lruBatch", "pinsPerThread", "pagesToScan",
];

describe("what grows with a bound has a sentence that names it", () => {
  it.each(BOUNDS)("%s", (bound) => {
    for (const policy of policies) {
      const o = under(policy);
      const words = beyondBounds(kernelConfig(o));
      const paths = growing(o, bound, bound === "pagesPerHugePage" ? 8 : bound === "frames" ? 8 : 1);
      expect(paths.length).toBeGreaterThan(0);
      for (const path of paths) {
        expect(words, path).toHaveProperty([path]);
        expect(words[path], path).toMatch(/%.*\d/);
        expect(BOUNDS.some((b) => new RegExp(`\\b${b}\\b`).test(words[path]!)), `${path}: ${words[path]}`).toBe(true);
      }
    }
  });
  it("and no other", () => {
    const all = new Set(policies.flatMap((policy) => [...sizes(kernelStructs(kernelConfig(under(policy)))).keys()]));
    for (const path of Object.keys(beyondBounds(kernelConfig(OPTIONS)))) {
      expect(all.has(path) || path in kernelConfig(OPTIONS), path).toBe(true);
    }
  });
});
