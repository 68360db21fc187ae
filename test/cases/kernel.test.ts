/** Scenarios of the kernel, and patches of `impl/`: see README.md. */
import { join } from "node:path";
import { describe, expect } from "vitest";
import { ask, CASES, testCase, type Answer } from "./run.ts";

const path = (file: string): string => join(CASES, "kernel", file);
const check = (what: string, ...more: string[]) => (): Promise<Answer> => ask(["check", what, ...more]);
const broken = (a: Answer, scenario: string): string | undefined => a.results[scenario]?.violation?.property;

/** What reclaim did until 7.3.2 is in test/scenarios/lazyfree-pmd-discard.ts. */
testCase({
  name: "reclaim of a lazyfree huge page, beside mprotect, MADV_DONTNEED and a frame scanner, by promises of project and file: it holds",
  ask: () => ask(["check", ...["minimal", "plain", "reclaim-dontneed"].map((name) => path(`reclaim-extra-${name}.ts`))]),
  today: null,
  right: (a) => {
    expect(Object.values(a.results).map((r) => r.verdict)).toEqual(["holds", "holds", "holds", "holds", "holds"]);
    expect(a.results["extra-mprotect-reclaim"]?.verdict).toBe("holds");
  },
});

testCase({
  name: "a call that leaves an argument out is refused, with what is missing",
  ask: check(path("mremap-five-arguments.ts")),
  today: null,
  right: (a) => {
    expect(a.code).toBe(2);
    expect(a.text).toMatch(/mremap-five-arguments\.ts:13:10: in second: sysMremap takes 6 arguments/);
    expect(a.text).toContain("(k, addr, oldLength, newLength, flags, newAddr), and 5 are given. newAddr is missing");
    expect(a.text).not.toContain("internal");
  },
});

testCase({
  name: "what the scenario's world is too small for is said by the bound",
  ask: check(path("addresses-outside.ts")),
  today: null,
  right: (a) => {
    const says = (name: string): string | undefined => a.results[`outside-${name}`]?.violation?.message;
    expect(says("store")).toMatch(/^range: address 2 is outside the address space: hugeRanges is 1 \(cpu\.tlb\[2\]/);
    expect(says("load")).toMatch(/^range: address 5 is outside the address space: hugeRanges is 1 \(local vpn = 5/);
    for (const name of ["madvise", "collapse"]) expect(says(name)).toMatch(/^range: address 4 is outside the address space/);
    expect(says("munmap")).toMatch(/^range: address 9 is outside the address space/);
    expect(says("mprotect")).toMatch(/^range: address 7 is outside the address space/);
    expect(says("store-content")).toMatch(/^range: there is no content 9: contents is 4/);
    expect(says("fork")).toMatch(/^range: there is no CPU 3: cpus is 1, one for each thread/);
    expect(says("split")).toMatch(/^range: there is no CPU 2: cpus is 1/);
  },
});

describe("calls that fail at once", () => {
  const right = (a: Answer): void => {
    expect(a.results["calls-that-fail"]).toMatchObject({
      verdict: "holds",
      warnings: [expect.stringMatching(/^no call ever succeeds, of 2 places: sysMunmap .*calls-that-fail\.ts:11.*:15/) as unknown],
    });
    expect(a.results["first-call-fails"]).toMatchObject({
      verdict: "holds",
      warnings: [expect.stringMatching(/^thread mapsNothing never gets past its first call, sysMmap .*which always fails/) as unknown],
    });
    expect(a.text).toMatch(/warning: no call ever succeeds/);
    expect(a.text).toMatch(/2 as expected, 2 with a warning/);
  };
  const file = path("calls-that-fail.ts");
  testCase({ name: "are warned of", ask: check(file), today: null, right: (a) => { right(a); expect(a.code).toBe(0); } });
  testCase({ name: "and so under a patch", ask: check(file, "--patch", path("harmless.patch")), today: null, right });
  testCase({ name: "a strict run fails", ask: check(file, "--strict"), today: null, right: (a) => { right(a); expect(a.code).toBe(1); } });
});

describe("patches of impl/", () => {
  testCase({
    name: "a split that fails early although nothing stands in its way",
    ask: check(path("k1-split-shared.ts"), "--patch", path("k1-early-failure.patch")),
    today: null,
    right: (a) => {
      expect(a.text).toMatch(/broken: .*nothing stands in the way/);
    },
  });
  testCase({
    name: "an anon_vma that two processes take up again",
    ask: check(path("k13-anon-vma-two-users.ts"), "--patch", path("k13-double-reuse.patch")),
    today: null,
    right: (a) => {
      expect(broken(a, "k13-anon-vma-two-users")).toMatch(/^N1 an anon_vma has one owner/);
    },
  });
  testCase({
    name: "a freeze that accepts a foreign reference is found",
    ask: check("split-gup-fast", "--patch", path("k11-freeze-with-foreign-reference.patch")),
    today: null,
    right: (a) => {
      expect(broken(a, "split-gup-fast")).toMatch(/^refines refcount/);
      expect(a.results["split-gup-fast"]?.violation?.length).toBe(72);
    },
  });
  testCase({
    name: "a step that changes nothing breaks nothing: other counts are a note",
    // The smallest of those whose walk meets a second area.
    ask: check("mremap-table-underused", "--patch", path("harmless.patch")),
    today: null,
    right: (a) => {
      expect(a.code).toBe(0);
      expect(a.results["mremap-table-underused"]).toMatchObject({ verdict: "holds", states: 11_383 });
      expect(a.text).toMatch(/note: under the patch 11,383 states, pinned are 11,326/);
    },
  });
});
