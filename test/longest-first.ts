/**
 * In which order test files start. Without times of an earlier run, as on a clean clone, Vitest goes by the size of files; and the
 * longest are of the smallest, those that start a process which checks many faults. One that starts last runs alone to the end.
 */
import { statSync } from "node:fs";
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files of half a minute and more, on two cores that both run tests. The longest comes first; by how much does not matter. */
export const LONGEST: readonly string[] = [
  "test/cases/kernel.test.ts",
  "test/impl/mthp-collapse-faults.test.ts",
  "test/bugs/traces.test.ts",
  "test/refinement/faults.test.ts",
  "test/impl/mthp-split-faults.test.ts",
  "test/pairs/pairs.test.ts",
  "test/mutation/mutation.test.ts",
  "test/force/recording.test.ts",
  "test/checker/compile/kept-image.test.ts",
  "test/package/newcomer.test.ts",
  "test/package/package.test.ts",
  "test/impl/mthp-faults.test.ts",
  "test/picture/picture.test.ts",
  "test/cases/conform.test.ts",
  "test/impl/lost-function.test.ts",
  "test/impl/config/grain.test.ts",
  "test/page/reports.test.ts",
  "test/impl/exits/races.test.ts",
  "test/policies/traces.test.ts",
  "test/checker/cli/patch-impact.test.ts",
];

/** The listed before the others, and these by size, the larger first. */
export function byLength(sizeOf: (path: string) => number): (a: string, b: string) => number {
  const places = new Map(LONGEST.map((path, place) => [path, place]));
  const place = (path: string): number => places.get(path) ?? LONGEST.length;
  return (a, b) => place(a) - place(b) || sizeOf(b) - sizeOf(a);
}

/** Files that have a process each come first, as Vitest has it: files that share one are short, and fill what is left. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config;
    const compare = byLength((path) => statSync(`${root}/${path}`).size);
    const path = (file: TestSpecification): string => relative(root, file.moduleId);
    const shares = (file: TestSpecification): number => (file.project.config.isolate ? 0 : 1);
    return files.toSorted((a, b) => shares(a) - shares(b) || compare(path(a), path(b)));
  }
}
