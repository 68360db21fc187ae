/** mmap_lock, the locks of areas, write_protect_seq. */
import { describe, expect, test } from "vitest";
import { explored } from "./explored.ts";
import { StraightKernel, kernelScenario, type KernelThread } from "./straight-kernel.ts";
import * as t from "./mmap-lock-threads.ts";

const kernel = (threads: Record<string, KernelThread>, init = t.bootVma): StraightKernel => new StraightKernel(kernelScenario(threads, init));

describe("VMA locks", () => {
  test("lock_vma_under_rcu finds the attached area that covers the page", () => {
    const m = kernel({ first: t.readAt(0), last: t.readAt(1), beyond: t.readAt(2), hold: t.hold });
    expect([m.run("first"), m.run("last"), m.run("beyond"), m.run("hold")]).toEqual([0, 0, -1, 0]);
    expect(kernel({ x: t.readAt(0) }, t.bootDetached).run("x")).toBe(-1);
  });
  test("a write lock ends with mmap_lock, at its release or downgrade", () => {
    kernel({ x: t.lockedThenUnlocked }).run("x");
    kernel({ x: t.lockedThenDowngraded }).run("x");
  });
  test("vma_start_write needs mmap_lock", () => {
    expect(() => kernel({ x: t.withoutMmapLock }).run("x")).toThrow(/without mmap_lock/);
  });
  test("mmap_read_trylock", () => {
    expect(kernel({ x: t.tryLock }).run("x")).toBe(true);
  });
});

describe("explored", () => {
  test("an area does not change under a fault handler, however that has locked it", () => explored(t.faultsAgainstWriter));
  test("without vma_start_write it does", () => explored(t.faultsAgainstCarelessWriter, /the area changes under the VMA's lock/));
});

describe("write_protect_seq", () => {
  test("is odd in a section, and changed by it", () => { kernel({ x: t.seqSections }).run("x"); });
  test("refuses sections that nest or end without having begun", () => {
    expect(() => kernel({ x: t.seqBeginTwice }).run("x")).toThrow(/do not nest/);
    expect(() => kernel({ x: t.seqEndOnly }).run("x")).toThrow(/without its beginning/);
  });
});
