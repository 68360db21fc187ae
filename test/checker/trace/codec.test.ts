import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Trace } from "../../../checker/result.ts";
import { decodeTrace, encodeTrace } from "../../../checker/trace/codec.ts";
import { checkTrace, writeTrace } from "../../../checker/trace/json.ts";
import { labelByte } from "../../../checker/trace/recipe.ts";

const actors = ["alice", "bob", "khugepaged/0"];
const hex = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 12, maxLength: 64 }).map((digits) => digits.map((d) => d.toString(16)).join(""));
const choices = fc.array(fc.nat({ max: 300 }), { maxLength: 4 });
const trace: fc.Arbitrary<Trace> = fc.record({
  format: fc.constant("thpcheck-trace" as const),
  version: fc.constant(1 as const),
  scenario: fc.stringMatching(/^\w[\w.+()=,@-]*$/),
  programHash: hex,
  config: fc.constant({}),
  policy: fc.constant(null),
  patch: fc.constant(null),
  memoryModel: fc.constant("sc" as const),
  seed: fc.nat({ max: 2 ** 32 - 1 }),
  property: fc.record({ kind: fc.constantFrom("always" as const, "step" as const, "deadlock" as const, "fault" as const), name: fc.string({ unit: "grapheme" }) }),
  initial: choices,
  steps: fc.array(fc.record({ actor: fc.constantFrom(...actors), label: fc.string(), choices }), { maxLength: 200 }),
  loop: fc.option(fc.nat({ max: 0 })),
});

describe("the trace string", () => {
  it("keeps everything that replay needs", () => {
    fc.assert(fc.property(trace, (t) => {
      const r = decodeTrace(encodeTrace(t, actors));
      expect(r).toEqual({
        scenario: t.scenario, programHash: t.programHash.slice(0, 12), seed: t.seed, property: t.property, initial: t.initial, loop: t.loop,
        steps: t.steps.map((s) => ({ actor: actors.indexOf(s.actor), label: labelByte(s.label), choices: s.choices })),
      });
    }));
  });

  const sample: Trace = {
    format: "thpcheck-trace", version: 1, scenario: "racy", programHash: "0123456789abcdef", config: {}, policy: null, patch: null, memoryModel: "sc", seed: 0,
    property: { kind: "always", name: "I1" }, initial: [], steps: Array.from({ length: 30 }, (_, i) => ({ actor: actors[i % 2]!, label: `step ${i}`, choices: [] })), loop: null,
  };
  const text = encodeTrace(sample, actors);

  it("is short: thirty steps in fewer than 130 characters", () => {
    expect(text).toMatch(/^tc1\.racy\.[\w-]+$/);
    expect(text.length).toBeLessThan(130);
  });

  it("stays short for a long trace that repeats itself", () => {
    const long = { ...sample, steps: Array.from({ length: 10_000 }, (_, i) => sample.steps[i % 3]!) };
    const packed = encodeTrace(long, actors);
    expect(packed.length).toBeLessThan(400);
    expect(decodeTrace(packed).steps).toHaveLength(10_000);
  });

  it("has not changed its form: strings in old reports must stay readable", () => {
    expect(encodeTrace({ ...sample, steps: sample.steps.slice(0, 2) }, actors)).toBe("tc1.racy.AL72tRkBI0VniasAAAJJMQAAAgCLAhg");
  });

  it("refuses any one changed, lost or added character", () => {
    fc.assert(fc.property(fc.integer({ min: 9, max: text.length - 1 }), fc.constantFrom("cut", "change", "add"), (at, how) => {
      const other = text[at] === "A" ? "B" : "A";
      const damaged = how === "cut" ? text.slice(0, at) + text.slice(at + 1) : how === "add" ? text.slice(0, at) + other + text.slice(at) : text.slice(0, at) + other + text.slice(at + 1);
      expect(() => decodeTrace(damaged)).toThrow(/the trace string is damaged/);
    }));
  });

  it.each([
    ["tc1.", "not of the form"], ["tc1.racy", "not of the form"], ["tc1.racy.", "ends too early"], ["tc1.racy.AAAA", "ends too early"], ["tc1.racy.A!!A", '"!" is not a letter'],
    [text.replace("racy", "rasy"), "checksum"], [text.slice(0, -4), "damaged"],
  ])("says what is wrong with %s", (damaged, what) => {
    expect(() => decodeTrace(damaged)).toThrow(what);
  });

  it("survives any garbage", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(() => decodeTrace(`tc1.x.${Buffer.from(bytes).toString("base64url")}`)).toThrow(/damaged/);
    }));
  });
});

describe("the trace file", () => {
  it("round-trips", () => {
    fc.assert(fc.property(trace.filter((t) => t.loop === null || t.loop <= t.steps.length), (t) => {
      expect(checkTrace(JSON.parse(writeTrace(t)), "a.json")).toEqual(t);
    }));
  });

  const good = { format: "thpcheck-trace", version: 1, scenario: "racy", programHash: "ab", config: {}, policy: null, patch: null, memoryModel: "sc", seed: 0, property: { kind: "always", name: "I1" }, initial: [], steps: [{ actor: "a", label: "l", choices: [0] }], loop: null };
  it.each([
    [[], "the file must be an object, found an array"],
    [{ ...good, format: "itf" }, 'format must be "thpcheck-trace", found "itf"'],
    [{ ...good, version: 2 }, "is a trace of version 2; this thpcheck reads version 1"],
    [{ ...good, seed: -1 }, "seed must be an integer from 0 upward, found -1"],
    [{ ...good, steps: [{ actor: 7, label: "l", choices: [] }] }, "steps[0].actor must be a string, found 7"],
    [{ ...good, steps: [...good.steps, { actor: "a", label: "l", choices: [0.5] }] }, "steps[1].choices[0] must be an integer from 0 upward, found 0.5"],
    [{ ...good, property: { kind: "never", name: "x" } }, 'property.kind must be one of always, step, finally, sometimes, deadlock, fault, recurring, ' +
      'eventually, leadsTo, alwaysEventually, eventuallyAlways, progress, found "never"'],
    [{ ...good, loop: 5 }, "loop must be a state of the trace, 0..1, found 5"],
    [{ ...good, initial: undefined }, "initial must be an array, found nothing"],
  ])("says what is wrong: %#", (value, message) => {
    expect(() => checkTrace(value, "a.json")).toThrow(message);
  });
});
