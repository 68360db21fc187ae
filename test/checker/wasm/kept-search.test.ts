/** Lowered searches from an earlier process: the same as new ones, and none where anything that decides them is another. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { COMPILER_FOLDERS } from "../../../checker/compile/identity.ts";
import type { ProgramImage } from "../../../checker/image/image.ts";
import type { Scenario } from "../../../checker/scenario.ts";
import { LOWERING_FOLDERS, lowerOrKept } from "../../../checker/wasm/kept-search.ts";
import { lowerSearch, type SearchRequest } from "../../../checker/wasm/lower-search.ts";
import { ROOT, sourceOf, sources, targets } from "../../house/sources.ts";
import { doorScenario } from "../refinement/doors.ts";
import mixedKinds from "./mixed-kinds.ts";

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "thpcheck-lowered-"));
  vi.stubEnv("THPCHECK_CACHE", cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

const REQUEST: SearchRequest = { seed: 1, fingerprintBits: 64, workers: 1, programHash: "a program" };
/** The image as a compilation makes it, which nobody has run. */
const imageOf = (scenario: Scenario): ProgramImage => compileScenario(scenario, { sourceMap: true }).image;
/** By name, the file of each entry. */
const written = (): string[] => readdirSync(cache).map((name) => `${name} ${statSync(join(cache, name)).ino}`).toSorted();

describe("a search that was lowered before", () => {
  it.each(["none", "silent"] as const)("is the same: doors, %s", (fault) => {
    const image = imageOf(doorScenario(fault));
    const made = lowerSearch(image, REQUEST);
    expect(lowerOrKept(image, REQUEST)).toEqual(made);
    const first = written();
    expect(lowerOrKept(imageOf(doorScenario(fault)), REQUEST)).toEqual(made);
    expect(written()).toEqual(first);
  });

  it("or why there is none is", () => {
    const image = imageOf(mixedKinds as unknown as Scenario);
    const made = lowerSearch(image, REQUEST);
    expect([lowerOrKept(image, REQUEST), lowerOrKept(image, REQUEST)]).toEqual([made, made]);
    expect(written()).toHaveLength(1);
  });

  it("is another where the program, its machines or the request are others", () => {
    const image = imageOf(doorScenario("none"));
    const others: [ProgramImage, SearchRequest][] = [
      [imageOf(doorScenario("ignored")), REQUEST], [{ ...image, refineAll: true }, REQUEST],
      [imageOf({ ...doorScenario("none"), refine: [] }), REQUEST], [{ ...image, stateWords: image.stateWords + 1 }, REQUEST],
      [image, { ...REQUEST, seed: 2 }], [image, { ...REQUEST, fingerprintBits: 32 }], [image, { ...REQUEST, workers: 2 }],
      [image, { ...REQUEST, programHash: "another" }],
    ];
    lowerOrKept(image, REQUEST);
    for (const [other, request] of others) expect(lowerOrKept(other, request)).toEqual(lowerSearch(other, request));
    expect(written()).toHaveLength(1 + others.length);
  });

  it("has nothing of what machines have answered", () => {
    const image = imageOf(doorScenario("none"));
    const made = lowerOrKept(image, REQUEST);
    const answered = { ...image, refinement: { ...image.refinement!, cells: image.refinement!.cells.map(() => 0) } };
    expect(lowerOrKept(answered, REQUEST)).toEqual(made);
    expect("reason" in made ? null : Object.keys(made.contents)).not.toContain("cells");
    expect(written()).toHaveLength(1);
  });

  it("is made anew where its entry is damaged", () => {
    const image = imageOf(doorScenario("none"));
    const made = lowerOrKept(image, REQUEST);
    const [name] = readdirSync(cache);
    const entry = readFileSync(join(cache, name!));
    entry[entry.length - 7]! ^= 1;
    writeFileSync(join(cache, name!), entry);
    expect(lowerOrKept(image, REQUEST)).toEqual(made);
    expect(readFileSync(join(cache, name!)).equals(entry)).toBe(false);
  });
});

it("what lowers is named whole: every module that it may use", () => {
  const folders = [...COMPILER_FOLDERS, ...LOWERING_FOLDERS];
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    const source = sources.find((s) => s.path === path) ?? sourceOf(path, readFileSync(join(ROOT, path), "utf8"));
    for (const target of targets(source)) visit(target);
  };
  visit("checker/wasm/lower-search.ts");
  const folderOf = (path: string): string => /^checker\/(?:(.*)\/)?[^/]+$/.exec(path)?.[1] ?? "";
  expect([...reached].filter((path) => !folders.includes(folderOf(path)))).toEqual([]);
});
