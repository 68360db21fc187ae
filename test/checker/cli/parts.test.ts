import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { didYouMean, editDistance } from "../../../checker/nearest.ts";
import { positiveInteger, positiveSeconds, seed, size } from "../../../checker/cli/options.ts";
import { updatePins } from "../../../checker/project/pins.ts";
import { shellQuote } from "../../../checker/report/replay-command.ts";

describe("option values", () => {
  it.each<[(text: string) => number, string, number]>([
    [positiveInteger, "1", 1], [positiveInteger, "1_000_000", 1e6], [positiveInteger, "1,000", 1000], [positiveSeconds, "0.5", 0.5], [positiveSeconds, "90", 90],
    [size, "512M", 2 ** 29], [size, "2GiB", 2 ** 31], [size, "1.5k", 1536], [size, "100", 100], [seed, "0", 0], [seed, "4294967295", 2 ** 32 - 1],
  ])("%o reads %s", (read, text, value) => {
    expect(read(text)).toBe(value);
  });
  it.each<[(text: string) => number, string]>([
    [positiveInteger, "0"], [positiveInteger, "-1"], [positiveInteger, "1.5"], [positiveInteger, "NaN"], [positiveInteger, ""], [positiveInteger, "1e3"], [positiveInteger, "99999999999999999"],
    [positiveSeconds, "0"], [positiveSeconds, "-1"], [positiveSeconds, "Infinity"], [positiveSeconds, "1.2.3"], [size, "0"], [size, "M"], [size, "-1G"], [size, "1X"], [seed, "-1"], [seed, "4294967296"], [seed, "0x10"],
  ])("%o refuses %s", (read, text) => {
    expect(() => read(text)).toThrow(/must be/);
  });
});

describe("nearest names", () => {
  it("counts edits, a swap of neighbours as one", () => {
    expect([editDistance("", "abc"), editDistance("kitten", "sitting"), editDistance("racy", "rcay"), editDistance("same", "same")]).toEqual([3, 3, 1, 0]);
  });
  it("offers what is near and nothing else", () => {
    expect(didYouMean("petersen-4", ["peterson-4", "peterson-5", "refcount-33"])).toBe(' Did you mean "peterson-4" or "peterson-5"?');
    expect(didYouMean("thp", ["thp-resv-s"])).toBe(' Did you mean "thp-resv-s"?');
    expect(didYouMean("zebra", ["peterson-4"])).toBe("");
  });
});

describe("shell quoting", () => {
  it.each([["tc1.racy.AA-_9", "tc1.racy.AA-_9"], ["a(b)", "'a(b)'"], ["it's", "'it'\\''s'"], ["my file.ts", "'my file.ts'"]])("%s", (word, quoted) => {
    expect(shellQuote(word)).toBe(quoted);
  });
});

describe("updating pins", () => {
  const update = (source: string, pins: Record<string, number>, name = "a"): { outcome: string; message: string; text: string } => {
    const folder = mkdtempSync(join(tmpdir(), "thpcheck-pins-"));
    const file = join(folder, "s.ts");
    writeFileSync(file, source);
    const { outcome, message } = updatePins(file, name, pins);
    const text = readFileSync(file, "utf8");
    rmSync(folder, { recursive: true });
    return { outcome, message, text };
  };
  const found = { states: 1_344_692, transitions: 99, depth: 32 };

  it.each([
    ['scenario({ name: "a", expect: holds() })', 'scenario({ name: "a", expect: holds({ states: 1_344_692 }) })'],
    ['scenario({ name: "a", expect: holds({}) })', 'scenario({ name: "a", expect: holds({ states: 1_344_692 }) })'],
    ['scenario({ name: "a", expect: holds({ states: 5 }) })', 'scenario({ name: "a", expect: holds({ states: 1_344_692 }) })'],
    ['scenario({ name: `a`, expect: holds({ depth: 5, states: 7, }) as const })', null],
    ["f({ name: 'a', expect: holds({ depth: 5, // levels\n states: 7 }) })", "f({ name: 'a', expect: holds({ depth: 32, // levels\n states: 1_344_692 }) })"],
    ['[{ name: "b", expect: holds({ states: 1 }) }, { name: "a", expect: holds({ transitions: 1 }) }]', '[{ name: "b", expect: holds({ states: 1 }) }, { name: "a", expect: holds({ states: 1_344_692, transitions: 99 }) }]'],
  ])("edits the numbers of %s and nothing else", (source, wanted) => {
    const r = update(`export default ${source};\n`, found);
    if (wanted === null) expect(r.outcome).toBe("by hand");
    else expect(r.text).toBe(`export default ${wanted};\n`);
  });

  it("pins the length of a trace", () => {
    expect(update('x({ name: "a", expect: violated("p") });', { length: 7 }).text).toBe('x({ name: "a", expect: violated("p", { length: 7 }) });');
    expect(update('x({ name: "a", expect: violated("p", { length: 9 }) });', { length: 7 }).text).toBe('x({ name: "a", expect: violated("p", { length: 7 }) });');
  });

  it("leaves a file with the right pins alone", () => {
    expect(update('x({ name: "a", expect: holds({ states: 1344692 }) });', found).outcome).toBe("unchanged");
  });

  it.each([
    ["a name made in a loop", "for (const n of [1]) x({ name: `a${n}`, expect: holds({ states: 1 }) });", "no object in that file has this name written out"],
    ["a count that is computed", 'x({ name: "a", expect: holds({ states: N }) });', "states is not written as a number"],
    ["counts kept elsewhere", 'x({ name: "a", expect: holds(PINS) });', "the counts are not written out"],
    ["a name used twice", 'x({ name: "a", expect: holds() }); y({ name: "a", expect: holds() });', "several objects"],
  ])("asks a person where there is %s", (_what, source, why) => {
    const r = update(source, found);
    expect(r.outcome).toBe("by hand");
    expect(r.message).toContain(why);
    expect(r.message).toContain("they are states: 1_344_692, transitions: 99, depth: 32");
    expect(r.text).toBe(source);
  });
});
