import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeByTokens } from "./merge.ts";

const text = (m: ReturnType<typeof mergeByTokens>): string | null => ("text" in m ? m.text : null);

describe("a merge by tokens", () => {
  it("joins two changes of one line", () => {
    expect(text(mergeByTokens("f(kernel, a, b);", "f(k, a, b);", "f(k, a, b, c);"))).toBe("f(kernel, a, b, c);");
  });
  it("keeps our line breaks where they changed nothing", () => {
    expect(text(mergeByTokens("if (a &&\n    b) go();\n", "if (a && b) go();\n", "if (a && b) stay();\n"))).toBe(
      "if (a &&\n    b) stay();\n",
    );
  });
  it("takes their blanks with their words", () => {
    expect(text(mergeByTokens("x = one(a);\n", "x = f(a);\n", "x = f(a) & ~B;\n"))).toBe("x = one(a) & ~B;\n");
    expect(text(mergeByTokens("one(a, -1);\n", "f(a, -1);\n", "f(a) - 1;\n"))).toBe("one(a) - 1;\n");
  });
  it("removes what they removed", () => {
    expect(
      text(mergeByTokens("first();\n  if (c) lock(k2);\n  last();\n", "first();\n  if (c) lock(k);\n  last();\n", "first();\n  last();\n")),
    ).toBeNull();
    expect(text(mergeByTokens("first(k2);\n  lock(k);\n  last();\n", "first(k);\n  lock(k);\n  last();\n", "first(k);\n  last();\n"))).toBe(
      "first(k2);\n  last();\n",
    );
  });
  it("names the words that both sides changed", () => {
    expect(mergeByTokens("f(a3);", "f(a);", "f(b);")).toEqual({ conflict: { base: "a", ours: "a3", theirs: "b" } });
  });
  it("accepts the same change on both sides", () => {
    expect(text(mergeByTokens("f(b);", "f(a);", "f(b);"))).toBe("f(b);");
  });

  const word = fc.constantFrom("a", "b", "c", "(", ")", ";", "if");
  const line = fc.array(word, { maxLength: 12 }).map((w) => w.join(" "));
  it("is their text where we changed nothing, and ours where they changed nothing", () => {
    fc.assert(fc.property(line, line, (base, other) => {
      const words = (t: string | null): string | undefined => t?.replace(/\s+/g, " ").trim();
      expect(words(text(mergeByTokens(base, base, other)))).toBe(other.trim());
      expect(text(mergeByTokens(other, base, base))).toBe(other);
    }));
  });
});
