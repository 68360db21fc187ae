/** THP reservations, call by call: what each policy reserves, hands out, promotes and gives back, at 2 to 512 pages. */
import { describe, expect, it } from "vitest";
import { MADV_COLLAPSE, MADV_DONTNEED } from "../../impl/madvise.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../impl/mremap.ts";
import type { KernelOptions } from "../../impl/config/options.ts";
import { kernelConfig } from "../../impl/config/options.ts";
import { POLICIES, policyNamed } from "../../impl/policy/index.ts";
import { siMemAvailable } from "../../impl/thp-reservation/safe-shrinker.ts";
import { shrink } from "./reservation-probes.ts";
import { RW, SequentialKernel } from "./sequential-kernel.ts";

const SAFE = POLICIES.filter((p) => p.mechanism === "safe").map((p) => p.name);
const H = 4;
const EINVAL = -22;

/** Compiled once for each configuration. Who needs two at a time takes two configurations. */
const compiled = new Map<string, SequentialKernel>();

function kernel(policy: string | undefined, options: Partial<KernelOptions> = {}): SequentialKernel {
  const key = JSON.stringify([policy, options]);
  const s = compiled.get(key) ?? new SequentialKernel({ pagesPerHugePage: H, hugeRanges: 3, frames: 32, mms: 2, cpus: 3, maxPtesNone: (options.pagesPerHugePage ?? H) - 1, ...(policy === undefined ? {} : { policy }), ...options }, [shrink]);
  compiled.set(key, s);
  s.reset();
  const h = s.config.pagesPerHugePage;
  s.mmap(0, 0, 2 * h, RW, MAP_FIXED);
  return s;
}
/** The probe runs on the last CPU. */
const pressure = (s: SequentialKernel): number => s.probe(2, []);
const reservations = (s: SequentialKernel): number => Array.from({ length: s.k.resv.count }, (_, i) => i).filter((i) => s.k.resv.allocated.get(i)).length;
const reserved = (s: SequentialKernel): number => s.k.node.thpReserved.get();

describe.each(SAFE)("under %s", (policy) => {
  it("the first store reserves a block, and each page comes from its own place in it", () => {
    const s = kernel(policy);
    expect(s.store(0, 1, 2)).toBe(true);
    expect(reservations(s)).toBe(1);
    expect(reserved(s)).toBe(H - 1);
    const base = s.frame(0, 1) - 1;
    expect(base % H).toBe(0);
    expect(s.store(0, 3, 3)).toBe(true);
    expect(s.frame(0, 3)).toBe(base + 3);
    expect(reserved(s)).toBe(policyNamed(policy).promotesInFault ? 0 : H - 2);
    expect([s.load(0, 1), s.load(0, 3), s.load(0, 0)]).toEqual([2, 3, 0]);
    expect(s.vmstat("thpResAlloc")).toBe(1);
    expect(s.violations()).toEqual([]);
  });

  it("a range becomes huge at the threshold, in place, its content as it was", () => {
    const s = kernel(policy);
    const threshold = s.config.promotionThreshold;
    for (let i = 0; i < threshold - 1; i++) s.store(0, i, 1 + i % 3);
    s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(false);
    const base = s.frame(0, 0);
    s.store(0, threshold - 1, 1);
    s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(true);
    expect(s.frame(0, 0)).toBe(base);
    for (let i = 0; i < H; i++) expect(s.load(0, i)).toBe(i === threshold - 1 ? 1 : i < threshold ? 1 + i % 3 : 0);
    expect([reservations(s), reserved(s)]).toEqual([0, 0]);
    expect(s.vmstat("khugepagedResPagesCollapsed")).toBe(1);
    expect(s.vmstat("khugepagedPagesCollapsed")).toBe(1);
    expect(s.violations()).toEqual([]);
  });

  it("a discarded page takes the reservation with it", () => {
    const s = kernel(policy);
    s.store(0, 0, 1);
    const free = s.k.zone.freePages.get();
    s.madvise(0, 2, 1, MADV_DONTNEED);
    expect([reservations(s), reserved(s)]).toEqual([0, 0]);
    expect(s.k.zone.freePages.get()).toBe(free + H - 1);
    expect(s.load(0, 0)).toBe(1);
    expect(s.violations()).toEqual([]);
  });

  it("memory pressure gives the unused pages back, and MemAvailable has counted them before", () => {
    const s = kernel(policy);
    const all = s.k.zone.freePages.get();
    s.store(0, 0, 1);
    expect(siMemAvailable(s.k)).toBe(all - 1);
    expect(pressure(s)).toBe(H - 1);
    expect(s.k.zone.freePages.get()).toBe(all - 1);
    expect(siMemAvailable(s.k)).toBe(all - 1);
    expect(pressure(s)).toBe(0);
    expect(s.load(0, 0)).toBe(1);
    s.store(0, 1, 2);
    expect(s.violations()).toEqual([]);
  });

  it("nothing is left when the process exits", () => {
    const s = kernel(policy);
    const all = s.k.zone.freePages.get();
    s.store(0, 0, 1);
    s.store(0, H, 1);
    s.fork(0, 1);
    s.store(1, 0, 2);
    s.store(0, 1, 2);
    expect([s.load(0, 0), s.load(1, 0)]).toEqual([1, 2]);
    s.exit(1);
    s.exit(0);
    s.lruAddDrainAll();
    expect([reservations(s), reserved(s)]).toEqual([0, 0]);
    expect(s.k.zone.freePages.get()).toBe(all);
  });

  it("an aligned move keeps the reservation where the policy says so, a misaligned one never does", () => {
    const s = kernel(policy);
    s.munmap(0, H, H);
    s.store(0, 0, 1);
    const base = s.frame(0, 0);
    expect(s.mremap(0, 0, H, H, MREMAP_MAYMOVE | MREMAP_FIXED, 2 * H)).toBe(2 * H);
    expect(reservations(s)).toBe(policyNamed(policy).movesWithMremap ? 1 : 0);
    s.store(0, 2 * H + 2, 2);
    expect(s.frame(0, 2 * H + 2) === base + 2).toBe(policyNamed(policy).movesWithMremap);
    expect(s.mremap(0, 2 * H, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 1)).toBe(1);
    expect(reservations(s)).toBe(0);
    expect(s.load(0, 1)).toBe(1);
    expect(s.violations()).toEqual([]);
  });

  it("an area that is split inside the range loses the reservation, elsewhere it keeps it", () => {
    const s = kernel(policy);
    s.store(0, 0, 1);
    s.store(0, H, 1);
    s.mprotect(0, H, H, 1);
    expect(reservations(s)).toBe(2);
    s.mprotect(0, H, H, RW);
    expect(reservations(s)).toBe(2);
    s.munmap(0, 1, 1);
    expect(reservations(s)).toBe(1);
    expect(s.violations()).toEqual([]);
  });

  it("MADV_COLLAPSE promotes at any threshold", () => {
    const s = kernel(policy);
    s.store(0, 0, 2);
    s.lruAddDrainAll();
    const base = s.frame(0, 0);
    expect(s.madvise(0, 0, H, MADV_COLLAPSE)).toBe(0);
    expect([s.isHuge(0, 0), s.frame(0, 0), s.load(0, 0), s.load(0, 1)]).toEqual([true, base, 2, 0]);
    expect(s.violations()).toEqual([]);
  });
});

describe("policies", () => {
  it("reserve on a read, or do not", () => {
    const rfc = kernel("rfc-choices");
    rfc.load(0, 0);
    expect(reserved(rfc)).toBe(H);
    const gorman = kernel("gorman-2018");
    gorman.load(0, 0);
    expect(reserved(gorman)).toBe(0);
    gorman.store(0, 1, 1);
    expect(reserved(gorman)).toBe(H - 1);
  });

  it("promote in the fault, or leave it to khugepaged", () => {
    for (const [policy, huge] of [["synchronous", true], ["rfc-choices", false]] as const) {
      const s = kernel(policy);
      s.store(0, 0, 1);
      s.store(0, 3, 2);
      expect(s.isHuge(0, 0)).toBe(huge);
      expect([s.load(0, 0), s.load(0, 3)]).toEqual([1, 2]);
    }
  });

  it("give back one reservation, or all", () => {
    for (const [policy, freed] of [["rfc-choices", H - 1], ["release-all", 2 * (H - 1)]] as const) {
      const s = kernel(policy);
      s.store(0, 0, 1);
      s.store(0, H, 1);
      expect(pressure(s)).toBe(freed);
    }
  });

  it("differ in who has a reservation after fork", () => {
    const after = (policy: string): readonly [number, number] => {
      const s = kernel(policy);
      s.store(0, 0, 1);
      s.fork(0, 1);
      const forked = reservations(s);
      s.store(1, 0, 2);
      return [forked, reservations(s)];
    };
    expect(after("rfc-choices")).toEqual([1, 1]);
    expect(after("fork-nobody")).toEqual([0, 0]);
    expect(after("fork-first-writer")).toEqual([1, 2]);
  });

  it("are named where there is no such policy", () => {
    expect(() => kernelConfig({ pagesPerHugePage: 4, hugeRanges: 1, frames: 8, mms: 1, cpus: 1, policy: "none-such" })).toThrow(/no policy "none-such": it is one of rfc-2018, gorman-2018/);
  });
});

describe("promotion_threshold", () => {
  it("accepts 1..HPAGE_PMD_NR", () => {
    const s = kernel("rfc-choices");
    for (const bad of ["0", String(H + 1), "-1", "x", ""]) expect(s.sysfs("promotion_threshold", bad)).toBe(EINVAL);
    for (const good of ["1", "2", String(H)]) expect(s.sysfs("promotion_threshold", good)).toBe(0);
    expect(s.k.knob.promotionThreshold.get()).toBe(H);
  });

  it("does not exist without reservations", () => {
    expect(kernel(undefined).sysfs("promotion_threshold", "1")).toBe(EINVAL);
    expect(() => kernelConfig({ pagesPerHugePage: 4, hugeRanges: 1, frames: 8, mms: 1, cpus: 1, promotionThreshold: 2 })).toThrow(/without a policy/);
  });

  it.each(POLICIES.map((p) => p.name))("1 under %s behaves as a kernel without reservations", (policy) => {
    const observed = [kernel(undefined), kernel(policy, { promotionThreshold: 1 })].map((s) => {
      s.store(0, 1, 2);
      const first = [s.isHuge(0, 0), s.load(0, 0), s.k.zone.freePages.get()];
      s.load(0, H + 1);
      s.store(0, H + 2, 3);
      s.fork(0, 1);
      s.store(1, 1, 1);
      s.madvise(0, 2, 1, MADV_DONTNEED);
      s.mprotect(0, 1, 2, 1);
      s.khugepaged();
      s.mremap(0, 0, H, H, MREMAP_MAYMOVE | MREMAP_FIXED, 2 * H);
      const words = Array.from({ length: 2 * H }, (_, i) => s.load(0, H + i));
      const rest = [s.isHuge(0, H), s.k.mm.anonPages.get(0), s.vmstat("thpFaultAlloc"), s.vmstat("thpSplitPmd"), s.vmstat("thpResAlloc"), s.vmstat("pgfault")];
      s.exit(1);
      s.exit(0);
      s.lruAddDrainAll();
      return [...first, ...words, ...rest, s.k.zone.freePages.get(), s.violations().length];
    });
    expect(observed[1]).toEqual(observed[0]);
  });
});

describe("where memory or charges fail", () => {
  it("no block: an ordinary page, and the failure is counted", () => {
    const s = kernel("rfc-choices", { frames: 4, hugeRanges: 2 });
    s.store(0, 0, 1);
    expect(s.store(0, H, 1)).toBe(false);
    expect(s.vmstat("thpResAllocFailed")).toBe(1);
    expect(s.violations()).toEqual([]);
  });
});

describe("at full size", () => {
  it("512 pages: reserved, used, promoted without a copy", () => {
    const s = kernel("rfc-choices", { pagesPerHugePage: 512, hugeRanges: 3, frames: 512 * 6, contents: 4, pagesToScan: 4096 });
    for (let i = 0; i < 255; i++) s.store(0, 2 * i, 1);
    expect(reserved(s)).toBe(512 - 255);
    s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(false);
    s.store(0, 511, 3);
    s.khugepaged();
    expect(s.isHuge(0, 0)).toBe(true);
    expect([s.load(0, 0), s.load(0, 1), s.load(0, 511), reserved(s)]).toEqual([1, 0, 3, 0]);
    expect(s.violations()).toEqual([]);
  });
});
