/** Entries on disk: believed only when they are whole and the right ones. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { find, keep, keyOf, trim } from "../../../checker/cache/entries.ts";
import { cacheFolder } from "../../../checker/cache/folder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "thpcheck-entries-"));
  vi.stubEnv("THPCHECK_CACHE", folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const KEY = keyOf(["a"]);
const CONTENT = Buffer.from("what was made");

describe("an entry", () => {
  it("is what was kept under its key", () => {
    expect(find(KEY)).toBeNull();
    keep(KEY, CONTENT);
    expect(find(KEY)).toEqual(CONTENT);
    expect(find(keyOf(["b"]))).toBeNull();
    keep(KEY, Buffer.alloc(0));
    expect(find(KEY)).toEqual(Buffer.alloc(0));
  });

  it("has a key that tells lists of parts apart", () => {
    expect(new Set([["a", "b"], ["ab", ""], ["ab"], ["", "ab"], ["1:a", "b"]].map(keyOf)).size).toBe(5);
  });

  it("with any byte changed, cut short, or longer is not believed", () => {
    keep(KEY, CONTENT);
    const path = join(folder, KEY);
    const whole = readFileSync(path);
    for (let n = 0; n < whole.length; n++) {
      writeFileSync(path, whole.with(n, whole[n]! ^ 1));
      expect(find(KEY), `byte ${n}`).toBeNull();
      writeFileSync(path, whole.subarray(0, n));
      expect(find(KEY), `${n} bytes`).toBeNull();
    }
    writeFileSync(path, Buffer.concat([whole, Buffer.from("x")]));
    expect(find(KEY)).toBeNull();
    writeFileSync(path, whole);
    expect(find(KEY)).toEqual(CONTENT);
  });

  it("of another key is not believed, nor a folder in its place", () => {
    const other = keyOf(["other"]);
    keep(other, CONTENT);
    writeFileSync(join(folder, KEY), readFileSync(join(folder, other)));
    expect(find(KEY)).toBeNull();
    vi.stubEnv("THPCHECK_CACHE", join(folder, KEY));
    keep(KEY, CONTENT);
    expect(find(KEY)).toBeNull();
  });
});

describe("the folder", () => {
  it("is not made, and nothing is found in it, when it is off", () => {
    keep(KEY, CONTENT);
    vi.stubEnv("THPCHECK_CACHE", "off");
    expect(cacheFolder()).toBeNull();
    expect(find(KEY)).toBeNull();
    keep(keyOf(["b"]), CONTENT);
    expect(readdirSync(folder)).toEqual([KEY]);
  });

  it("is made where it is missing, and is beside the packages unless it is named", () => {
    const deep = join(folder, "a", "b");
    vi.stubEnv("THPCHECK_CACHE", deep);
    keep(KEY, CONTENT);
    expect(existsSync(join(deep, KEY))).toBe(true);
    vi.stubEnv("THPCHECK_CACHE", "");
    expect(cacheFolder()).toBe(join(process.cwd(), "node_modules", ".cache", "thpcheck"));
  });

  it("loses its oldest entries where they are too large, and nothing that is no entry", () => {
    const keys = ["a", "b", "c", "d"].map((name) => keyOf([name]));
    for (const [n, key] of keys.entries()) {
      keep(key, Buffer.alloc(1000));
      utimesSync(join(folder, key), n, n);
    }
    writeFileSync(join(folder, "somebody-else's"), Buffer.alloc(5000));
    const { size } = statSync(join(folder, keys[0]!));
    trim(folder, 4 * size);
    expect(readdirSync(folder)).toHaveLength(5);
    trim(folder, 4 * size - 1);
    expect(keys.map((key) => find(key) !== null)).toEqual([false, false, true, true]);
    expect(existsSync(join(folder, "somebody-else's"))).toBe(true);
  });
});
