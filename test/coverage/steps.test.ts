/** The table of steps says what the kernel's routines do. */
import { expect, test } from "vitest";
import { compileImage } from "../../checker/compile/compile.ts";
import { wrongSteps } from "./check-steps.ts";
import { everyRoutine } from "./every-routine.ts";
import { COLLAPSE, GUP_FAST, HUGE_FAULT, OPERATIONS, SMALL_FAULT, SPLIT, ZAP, type Operation } from "./steps.ts";

const image = compileImage(everyRoutine);

/** Item numbers without the letters for "each page", "each VMA" and the failure branches. */
const numbers = (o: Operation): string[] => [...new Set(o.items.map((i) => i.item.replace(/(\d)[.a-z].*$/, "$1")).filter((i) => /\d/.test(i)))];
const upTo = (letter: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${letter}${i + 1}`);

test("every label exists in the compiled kernel", () => expect(wrongSteps(OPERATIONS, image)).toEqual([]));

test("every step of each operation is there, in order", () => {
  expect(numbers(HUGE_FAULT)).toEqual(upTo("F", 12));
  expect(numbers(SMALL_FAULT)).toEqual(upTo("f", 9));
  expect(numbers(COLLAPSE)).toEqual(upTo("K", 36));
  expect(numbers(SPLIT)).toEqual(upTo("S", 17));
  expect(numbers(GUP_FAST)).toEqual(upTo("G", 11));
  expect(numbers(ZAP)).toEqual(upTo("Z", 9));
});

test.each<[string, Operation["items"][number], RegExp]>([
  ["a label that no routine has", { item: "X1", does: "", labels: ["handleMmFault: pmdp_get"] }, /no yield "handleMmFault: pmdp_get"/],
  ["a label of another routine", { item: "X1", does: "", labels: ["handlePteFault: pmdp_get_lockless"] }, /no yield/],
  ["a lock that does not exist", { item: "X1", does: "", labels: ["zapHugePmd: spin_lock(mm.lock)"] }, /no yield/],
  ["a merge with nothing", { item: "X1", does: "", with: "X9", because: "a release" }, /part of X9/],
  ["no label", { item: "X1", does: "", labels: [] }, /no label/],
])("%s would be noticed", (_what, item, message) => expect(wrongSteps([{ title: "", items: [item] }], image).join()).toMatch(message));
