/**
 * The soundness of the atomicity rule, tried out: a program in which it finds nothing reaches the same states whether
 * its blocks run whole or operation by operation.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findingKey, type Finding } from "../../../checker/sanitizer/evidence.ts";
import type { Sanitizer } from "../../../checker/sanitizer/sanitize.ts";
import { exploreBlocks, exploreOperations, tinyProgram, type FieldName, type LockName, type Op, type TinyBlock, type TinyProgram } from "./tiny-programs.ts";

const rules = { rules: ["atomicity", "data-race"] } as const;

/**
 * Findings that speak against whole blocks: those of the atomicity rule, and those on somebody's ownership, which that rule
 * relies on. Other data races are about single accesses, and named at two lines.
 */
const findingsOf = (sanitizer: Sanitizer): Finding[] => sanitizer.findings().filter((f) => f.rule === "atomicity" || f.sites[0] === f.sites[1]);

const queues = (program: TinyProgram): boolean =>
  program.some((blocks) => blocks.some((b) => b.ops.some((op) => op.do === "lock" && op.lock === "q" && op.mode === "exclusive")));

/** "silent": the rule found nothing. "lossy": whole blocks miss states that single operations reach. */
function compare(program: TinyProgram, whole = exploreBlocks(program, rules)): { readonly silent: boolean; readonly lossy: boolean } | null {
  const single = exploreOperations(program);
  if (whole === null || single === null) return null;
  const same = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => a.size === b.size && [...a].every((x) => b.has(x));
  // Behind a queue, states are equal up to who waits in it; see docs/proofs/block-atomicity.md.
  const lossy = !same(whole.ends, single.ends) || (!queues(program) && !same(whole.yields, single.yields));
  return { silent: findingsOf(whole.sanitizer).length === 0, lossy };
}

const thread = (...blocks: (readonly Op[])[]): TinyBlock[] => blocks.map((ops) => ({ guard: [], ops }));
const bump: Op = { do: "bump", field: "a" };
const lock = (name: LockName, mode: "exclusive" | "shared" = "exclusive"): Op => ({ do: "lock", lock: name, mode });
const trylock = (name: LockName, mode: "exclusive" | "shared" = "exclusive"): Op => ({ do: "try", lock: name, mode, skip: 1 });
const unlock = (name: LockName): Op => ({ do: "unlock", lock: name });
const own = (takes: boolean): Op => ({ do: "own", takes });
const read = (field: FieldName): Op => ({ do: "read", field, marked: true });
const write = (field: FieldName, value: number): Op => ({ do: "write", field, value, marked: true });

const set = (bit: 0 | 1): Op => ({ do: "bit", bit, sets: true });
/** Takes the box when a is 1, and stores to it twice. */
const takesAtSignal = (locks: readonly Op[]): TinyBlock[] => [{ guard: [{ field: "a", value: 1 }], ops: locks.length === 0 ? [own(true), write("v", 1), write("v", 2)] : [] }, ...(locks.length === 0 ? [] : thread([...locks, own(true), write("v", 1), write("v", 2)]))];

describe("what whole blocks miss, the rule finds", () => {
  const misses: readonly (readonly [string, TinyProgram])[] = [
    ["a lost update", [thread([read("u"), { do: "write", field: "u", value: 1, marked: false }]), thread([read("u"), write("u", 2)])]],
    ["the state between two stores under a lock, seen without it", [thread([lock("m"), write("x", 1), write("x", 2), unlock("m")]), thread([read("x")])]],
    ["the trylock that fails because of a critical section", [thread([lock("m"), unlock("m")]), thread([trylock("m"), read("u")])]],
    // The tryer's own critical section makes the first writer queue; the second overtakes it, having seen the trylock fail.
    ["a reader's trylock that fails because a writer waits, though nobody holds the lock", [
      thread([lock("q", "shared"), unlock("q")], [trylock("q", "shared")], [write("u", 1)], [unlock("q")]),
      thread([lock("q")], [read("z")], [unlock("q")]),
      [{ guard: [{ field: "u", value: 1 }], ops: [] }, ...thread([lock("q")], [write("z", 1)], [unlock("q")])],
    ]],
    ["a value read before it is published", [thread([write("u", 1), write("o", 2)]), thread([read("u"), read("o")])]],
    ["a value that is set after it is published, to a reader who waits for that", [
      thread([{ do: "increment", field: "u" }, write("o", 1)]), [{ guard: [{ field: "u", value: 1 }, { field: "o", value: 0 }], ops: [] }],
    ]],
    ["a set value that is overwritten under its readers", [thread([write("o", 1)], [write("o", 2)]), thread([read("u"), read("o"), read("o")]), thread([write("u", 1)])]],
    ["a write under a reader's hold", [thread([lock("r", "shared"), read("y"), read("y"), unlock("r")]), thread([lock("r", "shared"), write("y", 1), unlock("r")])]],
    // The reference leads from the first object to the second while a thread that holds the first one's lock writes twice.
    ["a reference that changes without the lock that it names", [
      thread([lock("l0"), read("p"), { do: "if", value: 1, skip: 2 }, write("w", 1), write("w", 2), unlock("l0")]),
      thread([write("p", 2)]),
      [{ guard: [{ field: "p", value: 2 }], ops: [] }, ...thread([lock("l1"), read("w"), unlock("l1")])],
    ]],
    ["what is done to an object while no reference says whose it is", [
      thread([write("p", 0)], [write("w", 1), write("w", 2)]), thread([lock("l0"), read("w"), unlock("l0")]),
    ]],
    ["a reference that leads to a lock which another thread has already", [
      thread([lock("l0"), read("w"), write("p", 2)], [unlock("l0")]),
      thread([trylock("l0")], [lock("l1"), write("w", 1)], [unlock("l0")], [unlock("l1")]),
    ]],
    ["a writer with the first of two locks beside a reader with the second, in one block each", [
      thread([lock("m"), write("e", 1), write("e", 2), unlock("m")]), thread([lock("r", "shared"), read("e"), unlock("r")]),
    ]],
    ["a write under one lock beside a reader with the other", [thread([lock("m"), write("e", 1), write("e", 2), unlock("m")]), thread([lock("r", "shared")], [read("e")], [unlock("r")])]],
    ["additions that somebody looks at", [thread([bump, bump]), thread([read("a")])]],
    ["what another thread does to a box that this one believes to be its own", [
      thread([bump, own(true), write("v", 1), write("v", 2)]), thread([read("v")]),
    ]],
    ["what the owner still does to a box that it has given away", [thread([bump, own(true)], [write("u", 1), own(false), write("v", 1)]), [{ guard: [{ field: "u", value: 1 }], ops: [read("v")] }]]],
    ["a box that is taken while another thread is at it", [
      thread([write("v", 1), write("v", 2)]), thread([read("u"), own(true), read("v"), write("u", 1), own(false)]),
    ]],
    // The two see no more of one another than that both take the box: nobody looks into it but its owner.
    ["a box that one thread takes for good while another has it for a moment", [
      thread([write("a", 0), own(true), bump, { do: "read", field: "o", marked: false }]),
      thread([{ do: "write", field: "u", value: "read", marked: false }, own(true), bump, { do: "read", field: "v", marked: false }, { do: "increment", field: "u" }, own(false)], []),
    ]],
    ["a box that is taken from under a thread that has given the signal for it, and has still a look", [
      thread([write("a", 1), read("v")]), takesAtSignal([]),
    ]],
    ["the same, with a lock each", [thread([lock("m"), write("a", 1), read("v"), unlock("m")]), takesAtSignal([lock("l0")])]],
    ["the same, with a lock that both have shared", [thread([lock("r", "shared"), write("a", 1), read("v"), unlock("r")]), takesAtSignal([lock("r", "shared")])]],
    ["a group's values with a lock that is released between", [
      thread([lock("m"), write("i", 1), unlock("m"), write("j", 1)]), thread([lock("m"), read("i"), read("j"), unlock("m")]),
    ]],
    ["two bits of a set, for those who look at the set", [thread([set(0), set(1)]), thread([read("s")])]],
    ["what the owner does under a lock, which somebody who steals the box does without", [
      thread([lock("l0"), write("a", 1), own(true), read("f"), unlock("l0")]),
      [{ guard: [{ field: "a", value: 1 }], ops: [own(true), { do: "increment", field: "f" }] }],
    ]],
    ["a guard that no state satisfies", [[{ guard: [{ field: "u", value: 0 }, { field: "u", value: 1 }], ops: [write("a", 1)] }], thread([write("u", 1)])]],
  ];
  for (const [what, program] of misses) {
    it(`such as ${what}`, () => expect(compare(program)).toEqual({ silent: false, lossy: true }));
  }

  it("and correct programs it leaves alone", () => {
    const section = thread([lock("m"), read("x"), write("x", 1), read("a"), unlock("m")]);
    const publisher = thread([lock("m"), write("o", 1), write("x", 2), unlock("m")]);
    expect(compare([section, section, publisher])).toEqual({ silent: true, lossy: false });
    const moves = thread([lock("l0")], [lock("l1"), write("p", 2), write("w", 1), unlock("l1"), unlock("l0")]);
    const first = thread([lock("l0"), read("p"), { do: "if", value: 1, skip: 2 }, read("w"), write("w", 2), unlock("l0")]);
    expect(compare([moves, first])).toEqual({ silent: true, lossy: false });
    const reads = thread([lock("r", "shared"), read("e"), read("e"), unlock("r")]);
    const writes = thread([lock("m")], [lock("r"), write("e", 1), write("e", 2), unlock("r"), read("e"), unlock("m")]);
    expect(compare([reads, writes])).toEqual({ silent: true, lossy: false });
    expect(compare([thread([bump, bump]), thread([bump, bump])])).toEqual({ silent: true, lossy: false });
    const made = thread([write("a", 1), own(true), write("v", 1), write("b", 1)], [read("v"), write("v", 2), write("u", 1), own(false)]);
    const finder: TinyBlock[] = [{ guard: [{ field: "u", value: 1 }], ops: [] }, ...thread([read("v")], [lock("m"), read("b"), write("b", 2), unlock("m")])];
    expect(compare([made, finder])).toEqual({ silent: true, lossy: false });
    const underOneLock = thread([lock("m"), write("a", 1), read("v"), unlock("m")]);
    expect(compare([underOneLock, takesAtSignal([lock("m")])])).toEqual({ silent: true, lossy: false });
    const pair = thread([write("i", 1), { do: "scratch" }, write("j", 1)]);
    expect(compare([pair, thread([read("i"), read("j")]), thread([read("i")])])).toEqual({ silent: true, lossy: false });
    const instruction: TinyBlock[] = [{ guard: [], ops: [read("u"), write("a", 1)], instruction: true }];
    expect(compare([instruction, thread([write("u", 1)], [read("a")])])).toEqual({ silent: true, lossy: false });
    expect(compare([thread([set(0), set(0)]), thread([set(1), set(1)])])).toEqual({ silent: true, lossy: false });
  });
});

describe("whole blocks against single operations", () => {
  it("reach the same states in every random program without an atomicity finding", () => {
    let tried = 0;
    let silent = 0;
    fc.assert(fc.property(tinyProgram, (program) => {
      const whole = exploreBlocks(program, rules);
      tried++;
      if (whole === null || findingsOf(whole.sanitizer).length > 0) return;
      const result = compare(program, whole);
      if (result === null) return;
      silent++;
      expect(result).toEqual({ silent: true, lossy: false });
    }), { numRuns: 3000 });
    expect(silent).toBeGreaterThan(tried / 3); // else the test would say little
  });
});

describe("raising with the knowledge of a first exploration", () => {
  it("throws for each finding of it, and for nothing else", () => {
    let raised = 0;
    fc.assert(fc.property(tinyProgram, (program) => {
      const first = exploreBlocks(program);
      if (first === null) return;
      const knowledge = first.sanitizer.blocks();
      const findings = first.sanitizer.findings();
      for (const f of findings) {
        const raise = { raise: true, knowledge, only: new Set([findingKey(f)]) };
        expect(() => exploreBlocks(program, raise)).toThrow(expect.objectContaining({ rule: f.rule }));
        raised++;
      }
      const others = new Set(["atomicity:0,0", ...findings.map((f) => `${f.rule}:-7`)]);
      expect(() => exploreBlocks(program, { raise: true, knowledge, only: others })).not.toThrow();
      if (findings.length === 0) expect(() => exploreBlocks(program, { raise: true, knowledge })).not.toThrow();
    }), { numRuns: 200 });
    expect(raised).toBeGreaterThan(50);
  });
});
