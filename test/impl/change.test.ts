/** huge-memory/change.ts where no system call gets by itself. What mprotect and mremap do is in their own tests. */
import { beforeEach, expect, it } from "vitest";
import { StraightLine } from "../../checker/compile/straight-line.ts";
import { makeWorld, StateBytes } from "../../checker/program/world.ts";
import { LEAF } from "../../impl/pgtable.ts";
import { CHANGE } from "./change-threads.ts";
import type { KernelStructs } from "../../impl/mm-types.ts";

const line = new StraightLine(CHANGE);
const k = makeWorld<KernelStructs>(line.system.image.plan, new StateBytes(line.system.vector.buffer), line.system.stateWords * 4);
beforeEach(() => line.system.init());

it("change_huge_pmd() finds that the PMD is no longer huge", () => {
  expect([line.run(2), k.mm.pmd.get(0, 1), k.mm.pmdLock.isHeld(0)]).toEqual([false, 0, false]);
});
it("move_huge_pmd() finds that the PMD is no longer huge", () => {
  expect([line.run(3), k.mm.pmd.get(0, 2), k.mm.pmdLock.isHeld(0)]).toEqual([false, 0, false]);
});
it("move_huge_pmd() finds a table at the new address; a huge page there is a bug", () => {
  k.knob.enabled.set(0);
  line.run(1);
  k.knob.enabled.set(2);
  line.run(0);
  const [source, there] = [k.mm.pmd.get(0, 0), k.mm.pmd.get(0, 2)];
  expect([source & LEAF, there & LEAF]).toEqual([LEAF, 0]);
  expect([line.run(3), k.mm.pmd.get(0, 0), k.mm.pmd.get(0, 2)]).toEqual([false, source, there]);
  k.mm.pmd.set(0, 2, source);
  expect(() => line.run(3)).toThrow(/finds a huge page at the new address/);
});
it("a new start splits the huge page that it cuts", () => {
  line.run(0);
  expect(k.mm.pmd.get(0, 0) & LEAF).toBe(LEAF);
  line.run(4);
  expect([k.mm.pmd.get(0, 0) & LEAF, k.vmstat.thpSplitPmd.get()]).toEqual([0, 1]);
});
