/**
 * A selftest of the kernel, re-expressed: its cases by the names that the kernel gives them, each as a program of calls
 * with what it expects. The table of cases is `cases.ts`; what needs a part that this kernel lacks is in `missing.ts`.
 */
import { describe, expect, test } from "vitest";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { CASES, type SelftestFile } from "./cases.ts";
import { Machine } from "./machine.ts";
import { missingOf } from "./missing.ts";

export type Body = (s: Machine) => void;
/** A case that only makes sense from some number of pages per huge page on, or needs another machine. */
export interface Case {
  readonly sizes?: readonly number[];
  readonly machine?: (h: number) => KernelOptions;
  readonly body: Body;
}
export interface Selftest {
  /** The machine for so many pages per huge page. */
  readonly machine: (h: number) => KernelOptions;
  readonly sizes: readonly number[];
  readonly cases: Readonly<Record<string, Body | Case>>;
}

/**
 * Declares the tests of one file of tools/testing/selftests/mm: each case at each size, with all memory and every object
 * given back at the end; and that no case of the file is forgotten.
 */
export function selftest(file: SelftestFile, { machine, sizes, cases }: Selftest): void {
  const machines = new Map<string, Machine>();
  const machineOf = (options: KernelOptions): Machine => {
    const key = JSON.stringify(options);
    const known = machines.get(key);
    if (known !== undefined) {
      known.reset();
      return known;
    }
    const made = new Machine(options);
    machines.set(key, made);
    return made;
  };
  describe.each(Object.entries(cases))("%s", (_name, given) => {
    const one: Case = typeof given === "function" ? { body: given } : given;
    test.each(one.sizes ?? sizes)("%i pages per huge page", (h) => {
      const s = machineOf((one.machine ?? machine)(h));
      one.body(s);
      expect(s.leftovers()).toEqual([]);
    });
  });
  test("every case is here, or listed with what it needs", () => {
    expect([...Object.keys(cases), ...missingOf(file)].sort()).toEqual([...CASES[file]].sort());
  });
}
