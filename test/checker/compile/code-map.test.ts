/** Blocks by text: the very places at which programs count, function by function; and what lines are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeMap, type BlockRef, type CodeUnit } from "../../../checker/compile/code-map.ts";
import { compileScenario } from "../../../checker/compile/compile.ts";
import { everyRoutine } from "../../coverage/every-routine.ts";
import { ROOT } from "../../coverage/recorded.ts";

const name = ({ function: f, block }: BlockRef): string => `${f.name} ${block}`;

describe("codeMap", () => {
  it("has the counters of each routine and helper of the kernel, and no others", () => {
    const { image } = compileScenario(everyRoutine, { coverage: true, refine: false });
    const sites = image.blocks.map((site) => image.sites[site]!).filter((s) => s.file.startsWith(join(ROOT, "impl/")));
    const counted = Map.groupBy(sites, (s) => s.file);
    expect(counted.size).toBeGreaterThan(50);
    for (const [file, of] of counted) {
      const places = new Set(of.map((s) => `${s.line}:${s.column}`));
      const { functions } = codeMap(readFileSync(file, "utf8"));
      const mapped = functions.map((f) => f.blocks.map((b) => `${b.line}:${b.column}`));
      expect([...places].filter((p) => !mapped.flat().includes(p)), file).toEqual([]);
      // A function that is counted is counted everywhere.
      const known = mapped.filter((blocks) => blocks.some((p) => places.has(p)));
      expect(known.flat().filter((p) => !places.has(p)), file).toEqual([]);
      // No two blocks begin at one place, so that counts by place are counts by block.
      expect(known.flat().length, file).toBe(new Set(known.flat()).size);
    }
  });

  const TEXT = `import { at } from "thpcheck";
/** A count. */
const LIMIT = 3;
type K = { readonly n: number };
export function* walk(k: K, n: number): Routine {
  yield at("look", () => n > LIMIT);
  // A comment.
  if (n > 1) {
    const more = n > 2
      ? 5
      : 6;
    if (more === 5) return;
    k.n.set(more);
  }
  k.n.add(1);
}
const scheme = { get: (k: K) => k.n.get(), put(k: K) {
  k.n.set(0);
} };
function helper(k: K): boolean {
  return [1, 2].some((x) => x === 1
    && k.n.get() === x);
}
`;
  const map = codeMap(TEXT);
  const blocksOf = (from: number, count = 1): string[] =>
    [...new Set(map.lines(from, count).units.map((u) => name(u.unit.ref)))];

  it("names functions by what is around them, and hashes their text without comments and spacing", () => {
    expect(map.functions.map((f) => f.name)).toEqual(["walk", "walk#2", "scheme.get", "scheme.put", "helper", "helper#2"]);
    const other = codeMap(TEXT.replace("  // A comment.\n", "").replace("n > 1", "n  >  1").replace("k.n.set(0)", "k.n.set(1)"));
    const same = map.functions.filter((f) => other.functions.some((g) => g.name === f.name && g.hash === f.hash));
    expect(same.map((f) => f.name)).toEqual(["walk", "walk#2", "scheme.get", "helper", "helper#2"]);
  });

  it("knows the block of each line", () => {
    expect(blocksOf(5)).toEqual(["walk 0"]);
    expect(blocksOf(8)).toEqual(["walk 1"]); // behind the yield
    expect(blocksOf(9)).toEqual(["walk 2"]); // in the if
    expect(blocksOf(10)).toEqual(["walk 3"]);
    expect(blocksOf(11)).toEqual(["walk 4"]);
    expect(blocksOf(12)).toEqual(["walk 2", "walk 5"]); // the test, and what it guards
    expect(blocksOf(13)).toEqual(["walk 6"]); // behind a statement that may leave
    expect(blocksOf(15)).toEqual(["walk 7"]);
    expect(blocksOf(17)).toEqual(["scheme.get 0", "scheme.put 0"]);
    expect(blocksOf(14)).toEqual([]); // a brace
  });

  it("knows of what is written inside of a statement both blocks", () => {
    const [guard] = map.lines(6, 1).units.slice(-1);
    const around: string[] = [];
    for (let unit: CodeUnit | null = guard!.unit; unit !== null; unit = unit.outer) around.push(name(unit.ref));
    expect([...new Set(around)]).toEqual(["walk#2 0", "walk 0"]);
    expect(blocksOf(22)).toEqual(["helper#2 0"]);
  });

  it("says what other lines are", () => {
    expect([1, 2, 3, 4, 7].map((line) => map.lines(line, 1).others)).toEqual([
      ["imports and exports"], ["comments"], ["constants"], ["types"], ["comments"],
    ]);
    expect(map.lines(1, 4)).toEqual({ units: [], others: ["imports and exports", "comments", "constants", "types"] });
  });

  it("knows what runs when the code comes to a place between lines", () => {
    const before = (line: number): string | null => {
      const unit = map.before(line);
      return unit === null ? null : name(unit.ref);
    };
    expect(before(6)).toBe("walk 0");
    expect(before(8)).toBe("walk 1");
    expect(before(10)).toBe("walk 2"); // in the middle of a statement
    expect(before(13)).toBe("walk 6");
    expect(before(14)).toBe("walk 6"); // the end of the list: whoever is behind the last statement
    expect(before(16)).toBe("walk 7");
    expect(before(4)).toBeNull();
    // Behind what may leave nobody counts.
    expect(codeMap("function f(k) {\n  if (k) return;\n}\n").before(3)).toBeNull();
    expect(name(codeMap("function f(k) {\n  if (k) {\n  }\n  k.x();\n}\n").before(3)!.ref)).toBe("f 1");
  });
});
