/** The fields of a reference-count scheme are read and written by the scheme alone; everything else asks it. */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import { describe, expect, it } from "vitest";
import { kernelConfig } from "../../impl/config/options.ts";
import { schemeFields } from "../../impl/refcount/fields.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Where the schemes are, and where the specification says what their counters mean. */
const ROOMS = /^(impl\/refcount\/|spec\/invariants\/refcount-)/;

const bounds = kernelConfig({ pagesPerHugePage: 2, hugeRanges: 1, frames: 4, mms: 1, cpus: 1 });
const FIELDS: ReadonlySet<string> = new Set(Object.values(schemeFields(bounds)).flatMap((group) => Object.keys(group)));

/** Each `....page.<field of a scheme>` of the text, with its line. */
function uses(text: string): string[] {
  const found: string[] = [];
  t.traverseFast(parse(text, { sourceType: "module", plugins: ["typescript"] }), (node) => {
    if (!t.isMemberExpression(node) || !t.isIdentifier(node.property) || !FIELDS.has(node.property.name)) return;
    const struct = node.object;
    if (!t.isMemberExpression(struct) || !t.isIdentifier(struct.property, { name: "page" })) return;
    found.push(`${node.loc!.start.line}: page.${node.property.name}`);
  });
  return found;
}

describe("the fields of a reference-count scheme", () => {
  it("are known to this test", () => {
    const folio = ["entireMapcount", "largeMapcount", "maybeShared", "mmId0", "mmId1", "mmIdMapcount0", "mmIdMapcount1", "nrPagesMapped", "pincount"];
    expect([...FIELDS]).toEqual(expect.arrayContaining(folio));
  });

  it("are used by the scheme, and nowhere else in impl/ or spec/", () => {
    const users = globSync("{impl,spec}/**/*.ts", { cwd: ROOT }).sort()
      .flatMap((path) => uses(readFileSync(`${ROOT}/${path}`, "utf8")).map((use) => `${path}:${use}`));
    expect(users.filter((use) => !ROOMS.test(use))).toEqual([]);
    expect(users.length).toBeGreaterThan(20);
  });

  it.each([
    ["k.page.pincount.get(0);", ["1: page.pincount"]],
    ["\nif (k.page.largeMapcount.get(folio) + 1 > 0) k.page.mmId0.set(folio, 1);", ["2: page.largeMapcount", "2: page.mmId0"]],
    ["k.page.refcount.get(0); k.page.mapcount.get(0); vma.pincount.get(0);", []],
  ])("would be noticed in %j", (text, found) => {
    expect(uses(text)).toEqual(found);
  });
});
