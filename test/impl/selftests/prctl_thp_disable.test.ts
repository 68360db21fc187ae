/** tools/testing/selftests/mm/prctl_thp_disable.c: PR_SET_THP_DISABLE, completely and except where advised, inherited by fork. */
import { describe, expect, test } from "vitest";
import { EINVAL } from "../../../impl/errno.ts";
import { MADV_COLLAPSE, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../../impl/madvise.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { PR_THP_DISABLE_EXCEPT_ADVISED } from "../../../impl/entry/syscalls.ts";
import { Machine } from "./machine.ts";
import { selftest, type Body } from "./selftest.ts";

function machine(h: number): KernelOptions {
  return { pagesPerHugePage: h, hugeRanges: 3, frames: 6 * h, mms: 2, cpus: 2, vmas: 10, anonVmas: 6, anonVmaChains: 20, pageTables: 8, refcountMax: h <= 8 ? 63 : 0xffff };
}

const ADVICE = ["none", "nohugepage", "hugepage", "collapse"] as const;
const POLICIES = ["never", "madvise", "always"] as const;
type Policy = (typeof POLICIES)[number];

/** Whether memory with that advice becomes huge: HUGEPAGE before the access, COLLAPSE after it. @kernel prctl_thp_disable.c test_mmap_thp() */
function mmapThp(s: Machine, process: number, advice: (typeof ADVICE)[number]): boolean {
  const mapped = s.map(process, 0, 2 * s.h);
  const mem = mapped + s.h;
  if (advice === "hugepage") expect(s.madvise(process, mem, s.h, MADV_HUGEPAGE)).toBe(0);
  if (advice === "nohugepage") expect(s.madvise(process, mem, s.h, MADV_NOHUGEPAGE)).toBe(0);
  s.fill(process, mem, 0, s.h);
  const collapsed = advice === "collapse" ? s.madvise(process, mem, s.h, MADV_COLLAPSE) : 0;
  // An area of its own, to be looked at.
  expect(s.mprotect(process, mem, s.h, VM_READ)).toBe(0);
  const huge = s.anonHugePages(process, mem) === 1;
  if (advice === "collapse") expect(collapsed).toBe(huge ? 0 : -EINVAL);
  s.validate(process, mem, 0, s.h);
  s.unmap(process, mapped, 2 * s.h);
  return huge;
}
const results = (s: Machine, process: number): boolean[] => ADVICE.map((advice) => mmapThp(s, process, advice));

/** Without any prctl: by sysfs alone, which MADV_COLLAPSE does not ask. */
const byPolicy = (policy: Policy): boolean[] => [policy === "always", false, policy !== "never", true];

function body(policy: Policy, flags: number, fork: boolean): Body {
  return (s) => {
    expect(s.sysfs("enabled", policy)).toBe(0);
    expect(s.thpDisable(0, true, flags)).toBe(0);
    if (fork) expect(s.fork(0, 1)).toBe(1);
    const process = fork ? 1 : 0;
    expect(s.getThpDisable(process)).toBe(flags === 0 ? 1 : 3);
    expect(results(s, process)).toEqual(flags === 0 ? [false, false, false, false] : [false, false, policy !== "never", true]);
    expect(s.thpDisable(process, false, 0)).toBe(0);
    expect(s.getThpDisable(process)).toBe(0);
    expect(results(s, process)).toEqual(byPolicy(policy));
    // What the child allows itself is not allowed to the parent.
    if (fork) expect(s.getThpDisable(0)).toBe(flags === 0 ? 1 : 3);
  };
}

const modes = [["completely", 0], ["except_madvise", PR_THP_DISABLE_EXCEPT_ADVISED]] as const;
selftest("prctl_thp_disable.c", {
  machine, sizes: [2, 4, 8, 512],
  cases: Object.fromEntries(modes.flatMap(([mode, flags]) => POLICIES.flatMap((policy) => [["nofork", false] as const, ["fork", true] as const]
    .map(([name, fork]) => [`prctl_thp_disable_${mode}.${policy}.${name}`, body(policy, flags, fork)] as const)))),
});

describe("beyond the selftest", () => {
  const s = new Machine(machine(4));
  test.each([[true, 1], [true, 3], [false, 2]])("PR_SET_THP_DISABLE(%s, %i) is refused", (disable, flags) => {
    s.reset();
    expect([s.thpDisable(0, disable, flags), s.getThpDisable(0)]).toEqual([-EINVAL, 0]);
    s.finish();
  });
  test("khugepaged leaves a process alone that has no huge pages, and one that it may only serve where advised, elsewhere", () => {
    s.reset();
    s.sysfs("enabled", "always");
    s.map(0, 0, 8);
    expect([s.madvise(0, 4, 4, MADV_HUGEPAGE), s.thpDisable(0, true, 0)]).toEqual([0, 0]);
    s.fill(0, 0, 0, 8);
    s.khugepaged();
    s.khugepaged();
    expect([s.isHuge(0, 0), s.isHuge(0, 4)]).toEqual([false, false]);
    expect(s.thpDisable(0, true, PR_THP_DISABLE_EXCEPT_ADVISED)).toBe(0);
    expect(s.madvise(0, 4, 4, MADV_HUGEPAGE)).toBe(0);
    s.khugepaged();
    s.khugepaged();
    expect([s.isHuge(0, 0), s.isHuge(0, 4)]).toEqual([false, true]);
    s.validate(0, 0, 0, 8);
    s.finish();
  });
});
