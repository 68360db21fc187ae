/** The table of calls: what carries them out goes by it, and no call returns an error that it does not name. */
import { readFileSync } from "node:fs";
import { parse } from "@babel/parser";
import type { Node, SwitchStatement } from "@babel/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as ERRNO from "../../../impl/errno.ts";
import { ADVICE, CALL, CALL_NAMES, CALLS, FOLL, type Arg, type CallName, type Errnos } from "../../../impl/entry/calls.ts";
import { StepFault } from "../../../checker/fault.ts";
import { MAY_RETURN, mayReturn } from "../../../impl/entry/errnos.ts";
import { MAP_FIXED } from "../../../impl/mmap.ts";
import { seeded } from "../../checker/compile/seeded.ts";
import { MACHINE } from "../calls.ts";
import { RW, SequentialKernel } from "../sequential-kernel.ts";

// Room for whatever three processes do in 60 calls: that a table of the model is full is no error number.
const ROOM = { frames: 128, vmas: 40, anonVmas: 64, anonVmaChains: 400, pageTables: 40, refcountMax: 255 };
/** With folios of two pages, which only splits make. */
const SIZES = { thpAnon: "8K:never;16K:inherit" };
const s = new SequentialKernel({ ...MACHINE, ...ROOM, ...SIZES, chargeMayFail: true, copyMayMeetPoison: true });
const PAGES = Number(s.config.vpnMax);
const argsOf = (name: CallName): readonly Arg[] => CALLS[name].args;

/** Source texts of the cases of the switch in `carryOut`; "default" for that. */
function dispatched(): readonly { readonly test: string; readonly does: string }[] {
  const text = readFileSync(new URL("../../../impl/entry/carry-out.ts", import.meta.url), "utf8");
  const of = (n: Node | null | undefined): string => (n ? text.slice(n.start!, n.end!) : "default");
  const program = parse(text, { sourceType: "module", plugins: ["typescript"] }).program.body;
  const carryOut = program.map((n) => (n.type === "ExportNamedDeclaration" ? n.declaration : n))
    .find((n) => n?.type === "FunctionDeclaration" && n.id?.name === "carryOut");
  if (carryOut?.type !== "FunctionDeclaration") throw new Error("impl/entry/carry-out.ts has no function carryOut");
  const statement = carryOut.body.body.find((n): n is SwitchStatement => n.type === "SwitchStatement")!;
  return statement.cases.map((c) => ({ test: of(c.test), does: c.consequent.map(of).join(" ") }));
}

describe("carryOut", () => {
  it("has one case for each call of the table, in its order, and none besides", () => {
    expect(dispatched().map((c) => c.test)).toEqual([...CALL_NAMES.map((name) => `CALL.${name}`), "default"]);
  });
  it("gives each call a routine of its own, and each of its arguments", () => {
    const cases = dispatched().slice(0, -1);
    const words = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7"];
    for (const [i, { does }] of cases.entries()) {
      const name = CALL_NAMES[i]!;
      const used = words.filter((w) => does.includes(w));
      expect([name, used]).toEqual([name, words.slice(0, argsOf(name).length)]);
    }
    const routines = cases.map(({ does }) => does.slice(does.indexOf("yield*")));
    expect(new Set(routines).size).toBe(CALL_NAMES.length);
  });
  it("takes a number that no call has for a bug", () => {
    s.reset();
    s.k.call.op.set(CALL_NAMES.length);
    expect(() => s.probe(0, [])).toThrow(/no call of calls.ts has this number/);
  });
  it.each([
    ["fry", [], "there is no call fry: it is one of mmap, munmap"],
    ["munmap", [1], "munmap takes (addr, length), and was given 1 arguments"], ["munmap", [1, 2, 3], "was given 3 arguments"],
    ["mremap", [0, 1, 1], "mremap takes (addr, oldLength, newLength, flags, [newAddr])"],
  ])("refuses %s %j in words", (name, args, why) => {
    expect(() => s.call(0, name as CallName, args)).toThrow(why);
  });
});

describe("the rows", () => {
  it.each(CALL_NAMES)("%s: at most 8 arguments with names of their own, the optional ones last; lengths say where they begin", (name) => {
    const args = argsOf(name);
    const names = args.map((a) => a.name);
    expect(args.length).toBeLessThanOrEqual(8);
    expect(new Set(names).size).toBe(names.length);
    expect(args.map((a) => a.optional ?? false)).toEqual(args.map((a) => a.optional ?? false).sort((a, b) => Number(a) - Number(b)));
    for (const { type } of args) if (type.kind === "pages") expect(names).toEqual(expect.arrayContaining([...type.from]));
    expect(CALLS[name].source).toMatch(/^(mm|kernel|arch\/x86\/mm)\/[\w-]+\.c \S/);
  });
});

// ---- error numbers ---------------------------------------------------------------------------------------------

/** A call whose process, and whose arguments that name processes and frames, are picked from those there are. */
interface Step {
  readonly name: CallName;
  readonly process: number;
  readonly numbers: readonly number[];
  readonly choices: readonly number[];
}

/** A number for each argument; what it stands for is known only when the step is made. */
function numberFor({ type }: Arg): fc.Arbitrary<number> {
  switch (type.kind) {
    case "page": return fc.oneof({ weight: 6, arbitrary: fc.nat(PAGES / 2) }, { weight: 1, arbitrary: fc.nat(PAGES - 1) });
    case "pages": return fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(1, 4, 8) },
      { weight: 3, arbitrary: fc.nat(PAGES / 2) },
      { weight: 1, arbitrary: fc.nat(PAGES) },
    );
    case "process": case "frame": return fc.nat(1000);
    case "content": return fc.integer({ min: 1, max: 9 });
    case "switch": return fc.nat(1);
    case "number": return fc.constantFrom(0, 0, 0, 1, 2);
    case "word": return fc.constantFrom(...Object.values(type.words));
    case "flags": return fc.subarray(Object.values(type.words)).map((bits) => bits.reduce((all, bit) => all | bit, 0));
  }
}
const times = (n: number, name: CallName): CallName[] => Array.from({ length: n }, () => name);
const OFTEN: readonly CallName[] = [
  ...CALL_NAMES, ...times(12, "touch"), ...times(12, "madvise"), ...times(4, "processMadvise"), ...times(3, "putUserPage"),
];
const fewFail = fc.array(fc.constantFrom(0, 0, 0, 0, 1), { maxLength: 24 });
const choices = fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fewFail });
const step: fc.Arbitrary<Step> = fc.constantFrom(...OFTEN).chain((name) => fc.record({
  name: fc.constant(name), process: fc.nat(2), numbers: fc.tuple(...argsOf(name).map(numberFor)), choices,
}));
/** Beyond the words of an argument, and refused. */
const UNKNOWN_PROT = 4;

/** null: a choice that was to fail has one outcome only, so that this run is none. */
function tried(process: number, name: CallName, args: readonly number[], script: readonly number[]): number | null {
  try {
    return s.call(process, name, args, script);
  } catch (e) {
    if (e instanceof StepFault && e.rule === "choose-from-nothing") return null;
    throw e;
  }
}

/** Makes the steps that can be made, and gives what each returned. */
function run(steps: readonly Step[]): readonly (readonly [CallName, number])[] {
  s.reset();
  s.sysfs("enabled", "always");
  s.mmap(0, 0, PAGES / 2, RW, MAP_FIXED);
  const alive = [0];
  const unborn = [1, 2];
  const held: { readonly frame: number; readonly vpn: number; readonly process: number; readonly flags: ReadonlySet<string> }[] = [];
  const results: [CallName, number][] = [];
  for (const { name, process, numbers, choices } of steps) {
    const caller = alive[process % alive.length];
    if (caller === undefined) break;
    // Also processes that have ended, or are not there yet: ESRCH.
    let args = numbers.map((n, i) => (argsOf(name)[i]!.type.kind === "process" ? n % 3 : n));
    if (name === "fork") {
      const child = unborn.shift();
      if (child === undefined) continue;
      args = [child];
    }
    const hold = held[(numbers[1] ?? 0) % Math.max(1, held.length)];
    if (name === "putUserPage" || name === "pageStore") {
      if (hold === undefined) continue;
      args = name === "putUserPage" ? [hold.frame, Number(hold.flags.has("pin"))] : [hold.vpn, hold.frame, numbers[2]!];
    }
    if (name === "touch") args[1] = Math.min(args[1]!, PAGES - args[0]!);
    if (name === "mprotect" && process === 2) args[2] = UNKNOWN_PROT;
    const by = name === "pageStore" ? hold!.process : caller;
    // A page that is only referenced is shared by fork, and then nobody may store to it: that is what pins are for.
    const writes = hold?.flags.has("pin") === true && hold.flags.has("write") && alive.includes(by) && s.frame(by, hold.vpn) === hold.frame;
    if (name === "pageStore" && !writes) continue;
    const result = tried(by, name, args, choices);
    if (result === null) break;
    results.push([name, result]);
    if (name === "fork" && result >= 0) alive.push(args[0]!);
    if (name === "exit") alive.splice(alive.indexOf(caller), 1);
    if (name === "putUserPage") held.splice(held.indexOf(hold!), 1);
    if (name === "getUserPage" && result >= 0) {
      const flags = new Set(Object.entries(FOLL).filter(([, bit]) => (args[1]! & bit) !== 0).map(([flag]) => flag));
      held.push({ frame: result, vpn: args[0]!, process: caller, flags });
    }
  }
  return results;
}

const nameOf = (errno: number): string => Object.entries(ERRNO).find(([, n]) => n === errno)?.[0] ?? String(errno);

/** The n-th thing that can fail does, for each n, on small pages that a child shares. Gives what the call returned. */
function failing(name: CallName, args: readonly number[]): number[] {
  return Array.from({ length: 30 }, (_, n) => n).flatMap((n) => {
    s.reset();
    s.sysfs("enabled", "never");
    s.mmap(0, 0, 4, RW, MAP_FIXED);
    s.touch(0, 0, 4, 1);
    s.fork(0, 1);
    return tried(0, name, args, [...Array.from({ length: n }, () => 0), 1]) ?? [];
  });
}
const { COLLAPSE, POPULATE_WRITE } = ADVICE;
const RARE: readonly (readonly [CallName, readonly number[]])[] = [
  ["madvise", [0, 4, COLLAPSE]], ["madvise", [0, 4, POPULATE_WRITE]],
  ["processMadvise", [0, 0, 4, 0, 0, COLLAPSE, 0, 1]], ["processMadvise", [0, 0, 4, 0, 0, POPULATE_WRITE, 0, 1]],
  ["processMadvise", [1, 0, 4, 0, 0, COLLAPSE, 0, 0]],
];
/** What no call returns that comes after another one. */
const NEVER_ALONE: Readonly<Record<string, string>> = {
  "madvise EFAULT": "the address space would have to be given up (MMF_UNSTABLE), and then nobody runs in it",
  "processMadvise EFAULT": "as of madvise; another process's memory can only be collapsed",
};

describe("error numbers", () => {
  const seen = new Map<string, number>();
  const note = (name: CallName, result: number): void => {
    const what = `${name} ${result < 0 ? nameOf(-result) : "success"}`;
    seen.set(what, (seen.get(what) ?? 0) + 1);
    if (result < 0) expect(Object.keys(CALLS[name].errnos), `${name} returned ${result}`).toContain(nameOf(-result));
  };
  it("no call returns one that its row does not name", () => {
    fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), (steps) => {
      for (const [name, result] of run(steps)) note(name, result);
    }), seeded(1500));
    for (const [name, args] of RARE) for (const result of failing(name, args)) note(name, result);
  });
  it("each that a row names was returned, but for those with a reason", () => {
    const named = CALL_NAMES.flatMap((name) => ["success", ...Object.keys(CALLS[name].errnos as Errnos)].map((e) => `${name} ${e}`));
    expect(named.filter((n) => !seen.has(n))).toEqual(Object.keys(NEVER_ALONE));
  });
});

/** System calls that test/scenarios/any-calls.ts does not put beside any other, with the reason. */
const NOT_ANY_CALL: Readonly<Partial<Record<CallName, string>>> = {
  processMadvise: "madvise by another process, to which process-madvise.ts adds what is its own",
  fork: "beside 8 calls of a sibling and of the child in any-call-fork, which would not fit in beside all",
  exit: "as fork", thpDisable: "sets flags that later faults ask: as the knob in faults.ts", getThpDisable: "reads flags",
};
it("any-calls chooses each system call, but for those with a reason, and holds it to its own error numbers", () => {
  const text = readFileSync(new URL("../../scenarios/any-calls.ts", import.meta.url), "utf8");
  const chosen = new Set([...text.matchAll(/= yield\* (?:sys)?(\w+)\(.*\); may = MAY_RETURN\.(\w+);/g)].map(([, routine, name]) => {
    expect(routine === "move" ? "mremap" : routine!.toLowerCase()).toBe(name);
    return name!;
  }));
  const calls = CALL_NAMES.filter((name) => CALLS[name].way === "system call");
  expect(calls.filter((name) => !chosen.has(name))).toEqual(Object.keys(NOT_ANY_CALL));
});

it.each(CALL_NAMES)("%s: a routine can ask for its error numbers", (name) => {
  const named = Object.keys(CALLS[name].errnos);
  const asked = Object.entries(ERRNO).filter(([, n]) => mayReturn(MAY_RETURN[name], -n)).map(([e]) => e);
  expect([asked.sort(), mayReturn(MAY_RETURN[name], 0)]).toEqual([named.sort(), true]);
});

it("each call has a number", () => {
  expect(CALL_NAMES.map((n) => CALL[n])).toEqual(CALL_NAMES.map((_, i) => i));
});
