/** RELEASES.md is what the recordings and the rows say. Which program shows a row is asked of some; `thpcheck releases` asks all. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../checker/compile/seeded.ts";
import { SWITCH_NAMES } from "../../impl/config/release.ts";
import { recordings, type RecordedRun, type Recording } from "./recording.ts";
import {
  beyondText, changes, changesText, compared, differing, kernelsText, ofReleases, RELEASES, shownBy, UNSHOWN, type Shown,
} from "./releases.ts";

const text = readFileSync(RELEASES, "utf8");
const section = (title: string): string => `## ${title}\n${text.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? ""}`;
const all = ofReleases(recordings());
const withParts = all.map(compared);
const found = changes(all.map((r) => r.kernel));
const AGAIN = "written anew by: npx thpcheck releases --write";

/** The table's rows, read back. */
const rows: readonly Shown[] = section("Where behaviour changes").split("\n").filter((l) => l.startsWith("| `")).map((line, i) => {
  const cells = line.split(" | ");
  const by = /^(.*) \((\d+)\) \|$/.exec(cells.at(-1)!);
  const programs = by === null ? [] : [by[1]!, ...Array<string>(Number(by[2]) - 1).fill("")];
  return { ...found[i]!, programs };
});

describe("RELEASES.md", () => {
  it("has the kernels that were recorded, and what the programs said for which impl/ lacks a part", () => {
    expect(text, AGAIN).toContain(kernelsText(withParts).trimEnd());
    expect(text, AGAIN).toContain(beyondText(all).trimEnd());
  });
  it("has every switch that changes between two of them, and no other", () => {
    expect(rows).toHaveLength(found.length);
    expect(section("Where behaviour changes").trim(), AGAIN).toBe(changesText(rows).trim());
  });
  it("each of them is shown by a program, or says why none can", () => {
    const silent = rows.filter(({ programs }) => programs.length === 0).map((r) => r.name);
    expect(new Set(silent.filter((name) => UNSHOWN[name] === undefined))).toEqual(new Set());
    const shown = new Set(rows.filter(({ programs }) => programs.length > 0).map((r) => r.name));
    expect(Object.keys(UNSHOWN).filter((name) => shown.has(name as never))).toEqual([]);
  });
  it("the programs that it names show it: some rows are asked again", () => {
    const of = new Map(withParts.map((r) => [r.kernel, r]));
    fc.assert(fc.property(fc.constantFrom(...rows), (row) => {
      const asked = shownBy(row, row.from, differing(of.get(row.before)!, of.get(row.from)!));
      expect([asked[0], asked.length], row.name).toEqual([row.programs[0], row.programs.length]);
    }), seeded(3));
  });
});

describe("what changes", () => {
  it("is told between neighbours, by switch", () => {
    const names = (...kernels: string[]): string[] => changes(kernels).map((c) => `${c.name} ${String(c.value)} ${c.before} ${c.from}`);
    expect(names("7.3.4")).toEqual([]);
    expect(names("7.0.4", "7.0.13")).toEqual([]);
    expect(names("6.12.107", "6.12.117")).toContain("dontunmapKeepsSource true 6.12.107 6.12.117");
    expect(SWITCH_NAMES).toEqual(expect.arrayContaining(Object.keys(UNSHOWN)));
  });
  const run = (name: string, seen: string): RecordedRun => ({ name, program: { steps: [] }, seen: [[seen]] });
  const recording = (kernel: string, ...runs: RecordedRun[]): Recording => ({ kernel, runs });
  it("runs that both kernels have and that are not alike", () => {
    const before = recording("6.18.15", run("a", "r 0 0 0"), run("b", "r 0 0 0"));
    const after = recording("7.0.4", run("a", "r 0 1 0"), run("b", "r 0 0 0"), run("c", "r 0 0 0"));
    expect(differing(before, after).map((r) => r.name)).toEqual(["a"]);
  });
  it("of what impl/ lacks, the first step that is answered otherwise", () => {
    const program = { steps: ["0 mmap 0.0 1.0 rw fixed", "0 touch 0.0"] };
    const touch = (seen: string): RecordedRun => ({ name: "t", program, seen: [["r 0 0 0"], [seen]] });
    const answers = { "7.0.4": "r 1 0 0", "7.0.13": "r 1 0 0", "7.1.3": "r 1 -1 22" };
    const said = beyondText(Object.entries(answers).map(([kernel, seen]) => recording(kernel, touch(seen))));
    expect(said).toContain("| t | 7.0.13 | 7.1.3 | 0 touch 0.0 | returned 0 | failed: EINVAL |");
    expect(beyondText([recording("7.0.4", touch("r 1 0 0")), recording("7.1.3", touch("r 1 0 0"))])).toContain("- t (2)");
  });
});
