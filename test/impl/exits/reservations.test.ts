/** Failure exits and rare branches of THP reservations, call by call: under the safe mechanism, and in the patch of 2018. */
import { beforeEach, describe, expect, test } from "vitest";
import { ENOMEM } from "../../../impl/errno.ts";
import { SCAN_NO_PTE_TABLE, SCAN_PAGE_COUNT, SCAN_SUCCEED, SCAN_VMA_CHECK } from "../../../impl/khugepaged/scan-result.ts";
import { MADV_COLLAPSE, MADV_HUGEPAGE, MADV_NOHUGEPAGE } from "../../../impl/madvise.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { MAP_FIXED } from "../../../impl/mmap.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { promotesFound, shrink } from "../reservation-probes.ts";
import { RW, SequentialKernel } from "../sequential-kernel.ts";

const H = 4;
// CPUs 0 to 2 run processes.
const SHRINK = 3;
const PROMOTE = 4;
const kernel = (policy: string | undefined): SequentialKernel => new SequentialKernel({
  pagesPerHugePage: H, hugeRanges: 4, frames: 48, mms: 3, cpus: 5, vmas: 8, anonVmas: 8, anonVmaChains: 24, refcountMax: 63, contents: 8, maxPtesNone: H - 1, maxPtesShared: H - 1,
  enabled: 2, allocationMayFail: true, chargeMayFail: true, ...(policy === undefined ? {} : { policy }),
}, [shrink, promotesFound]);

const compiled = new Map<string, SequentialKernel>();
let s: SequentialKernel;
function under(policy: string): void {
  const known = compiled.get(policy);
  s = known ?? kernel(policy);
  compiled.set(policy, s);
  s.reset();
}
function map(start: number, end: number, prot = RW): void {
  expect(s.mmap(0, start, end - start, prot, MAP_FIXED)).toBe(start);
}
const reservations = (): number[] => Array.from({ length: s.k.resv.count }, (_, i) => i).filter((i) => s.k.resv.allocated.get(i));
const loads = (first: number, pages: number): number[] => Array.from({ length: pages }, (_, i) => s.load(0, first + i));

/** Lets the call fail at each of its choices in turn, always from the same state, and looks at what that leaves. */
function eachFailure(call: (choices: readonly number[]) => unknown, look: () => void): void {
  const { back } = s.mark();
  for (let n = 0; ; n++) {
    call([...Array.from({ length: n }, () => 0), 1]);
    if (s.choicesMade <= n) break;
    expect(s.violations()).toEqual([]);
    look();
    back();
  }
  back();
}

describe("a failure in the middle of a call leaves everything as it should be", () => {
  test.each(["rfc-choices", "first-write", "full-leaves-lru", "per-mm"])("a store, under %s", (policy) => {
    under(policy);
    map(0, H);
    for (let vpn = 0; vpn < H; vpn++) {
      eachFailure((choices) => s.store(0, vpn, 1, choices), () => {
        expect(loads(0, vpn)).toEqual(Array.from({ length: vpn }, () => 1));
        expect(s.k.node.thpReserved.get()).toBe(reservations().reduce((sum, r) => sum + s.k.resv.unused.get(r), 0));
      });
      expect(s.store(0, vpn, 1)).toBe(true);
    }
  });

  test("copy-on-write to a new reservation", () => {
    under("fork-first-writer");
    map(0, H);
    s.store(0, 0, 1);
    s.store(0, 1, 1);
    expect(s.fork(0, 1)).toBe(1);
    eachFailure((choices) => s.store(1, 0, 2, choices), () => expect([s.load(0, 0), s.load(0, 1)]).toEqual([1, 1]));
    expect(s.store(1, 0, 2)).toBe(true);
    expect([s.load(0, 0), s.load(1, 0)]).toEqual([1, 2]);
  });

  test("a promotion", () => {
    under("rfc-choices");
    map(0, H);
    s.store(0, 0, 1);
    s.store(0, 1, 2);
    s.lruAddDrainAll();
    eachFailure((choices) => s.madvise(0, 0, H, MADV_COLLAPSE, choices), () => expect(loads(0, H)).toEqual([1, 2, 0, 0]));
    expect(s.madvise(0, 0, H, MADV_COLLAPSE)).toBe(0);
    expect(s.isHuge(0, 0)).toBe(true);
  });

  test("a move that has to go back: the reservations go back, too", () => {
    under("rfc-choices");
    map(0, 2 * H);
    s.store(0, 1, 1);
    s.store(0, H, 2);
    s.store(0, H + 1, 3);
    const failed: number[] = [];
    eachFailure((choices) => failed.push(s.mremap(0, 1, H + 1, H + 1, MREMAP_MAYMOVE | MREMAP_FIXED, 2 * H + 2, choices)), () => {
      if (failed.at(-1)! < 0) expect(loads(0, 2 * H)).toEqual([0, 1, 0, 0, 2, 3, 0, 0]);
    });
    expect(failed).toContain(-ENOMEM);
  });
});

describe("nothing is reserved, and nothing is taken", () => {
  test("in a part of a huge range", () => {
    under("first-write");
    map(1, 3);
    s.store(0, 1, 1);
    expect([reservations(), s.load(0, 1)]).toEqual([[], 1]);
  });
  test("when the threshold says that huge pages are mapped at once", () => {
    under("first-write");
    map(1, 3);
    expect(s.sysfs("promotion_threshold", "1")).toBe(0);
    s.store(0, 1, 1);
    expect(reservations()).toEqual([]);
  });
  test("where huge pages are not wanted any more", () => {
    under("rfc-choices");
    map(0, H);
    s.store(0, 0, 1);
    const [base] = [s.frame(0, 0)];
    expect(reservations().length).toBe(1);
    s.madvise(0, 0, H, MADV_NOHUGEPAGE);
    s.store(0, 1, 2);
    expect(s.frame(0, 1)).not.toBe(base + 1);
    s.madvise(0, 0, H, MADV_HUGEPAGE);
    expect(s.violations()).toEqual([]);
  });
  test("by memory pressure in a kernel without reservations", () => {
    s = kernel(undefined);
    expect(s.probe(SHRINK, [])).toBe(0);
  });
});

test("pages that a child shares are not promoted in place", () => {
  under("rfc-choices");
  map(0, H);
  s.store(0, 0, 1);
  s.store(0, 1, 2);
  s.lruAddDrainAll();
  expect(s.fork(0, 1)).toBe(1);
  const base = s.frame(0, 0);
  expect(s.madvise(0, 0, H, MADV_COLLAPSE)).toBe(0);
  expect([s.isHuge(0, 0), s.frame(0, 0) === base]).toEqual([true, false]);
  expect([s.load(0, 0), s.load(1, 0), s.load(1, 1)]).toEqual([1, 1, 2]);
  expect(s.violations()).toEqual([]);
});

test.each(["rfc-choices", "per-mm"])("areas that become one, or move their boundary, keep their reservations, under %s", (policy) => {
  under(policy);
  map(0, 4 * H);
  for (let range = 0; range < 4; range++) s.store(0, range * H, 1);
  expect(reservations().length).toBe(4);
  const protect = (first: number, end: number, prot: number): void => {
    expect(s.mprotect(0, first * H, (end - first) * H, prot)).toBe(0);
    expect(reservations().length).toBe(4);
    expect(s.violations()).toEqual([]);
  };
  protect(1, 2, VM_READ);
  protect(1, 2, RW); // three become one
  protect(2, 4, VM_READ);
  protect(2, 3, RW); // the lower area grows
  protect(2, 3, VM_READ); // the upper area grows
  expect(s.areas(0).map(([start, end]) => [start, end])).toEqual([[0, 2 * H], [2 * H, 4 * H]]);
});

describe("the patch of 2018", () => {
  beforeEach(() => under("rfc-2018"));
  const promote = (start: number, reservation: number): number => s.probe(PROMOTE, [0, start, reservation]);

  test("khugepaged turns a reservation into a huge page", () => {
    map(0, H);
    for (let vpn = 0; vpn < H; vpn++) s.store(0, vpn, 1 + vpn);
    s.lruAddDrainAll();
    const base = s.frame(0, 0);
    expect(promote(0, reservations()[0]!)).toBe(SCAN_SUCCEED);
    expect([s.isHuge(0, 0), s.frame(0, 0), ...loads(0, H)]).toEqual([true, base, 1, 2, 3, 4]);
    expect(s.vmstat("khugepagedResPagesCollapsed")).toBe(1);
    expect(reservations()).toEqual([]);
  });
  test("what the scan has seen is not there any more: no table, no reservation, a page with another reference", () => {
    map(0, 3 * H);
    for (let vpn = 0; vpn < H; vpn++) s.store(0, vpn, 1 + vpn);
    s.lruAddDrainAll();
    const [found] = reservations();
    expect(promote(2 * H, found!)).toBe(SCAN_NO_PTE_TABLE);
    s.store(0, H, 1);
    s.munmap(0, H + 1, 1);
    map(H + 1, H + 2);
    const page = s.getUserPage(0, 1, 0, false);
    expect(promote(0, found!)).toBe(SCAN_PAGE_COUNT);
    s.putUserPage(0, page, false);
    expect(loads(0, H)).toEqual([1, 2, 3, 4]);
  });
  test("the shrinker finds nothing, or a lock that is held, or a process that is about to end", () => {
    expect(s.probe(SHRINK, [])).toBe(0);
    map(0, H);
    s.store(0, 0, 1);
    const [found] = reservations();
    const lock = s.hold(s.k.resvs.lock.at(s.k.resv.container.get(found!)));
    expect([s.probe(SHRINK, []), reservations()]).toEqual([0, [found]]);
    lock.release();
    const users = s.k.mm.users.get(0);
    s.k.mm.users.set(0, 0);
    expect([s.probe(SHRINK, []), reservations()]).toEqual([0, [found]]);
    s.k.mm.users.set(0, users);
    expect([s.probe(SHRINK, []), reservations(), s.load(0, 0)]).toEqual([H - 1, [], 1]);
  });
  test("an area without a table of reservations has none", () => {
    expect(s.mmap(0, 0, H, RW, MAP_FIXED, [0, 1])).toBe(0);
    s.store(0, 0, 1);
    expect(reservations()).toEqual([]);
  });
  test("a charge that fails gives the page back", () => {
    map(0, H);
    s.store(0, 0, 1);
    const free = s.k.zone.freePages.get();
    expect(s.store(0, 1, 2, [1])).toBe(true);
    expect(s.k.zone.freePages.get()).toBe(free - 1);
    expect(s.load(0, 1)).toBe(2);
  });
  test("areas are cut: what lies across goes, what lies above and below stays", () => {
    map(0, 4 * H);
    for (let range = 0; range < 4; range++) s.store(0, range * H, 1);
    expect(s.munmap(0, H + 2, 1)).toBe(0);
    expect(reservations().map((r) => s.k.resv.haddr.get(r)).sort((a, b) => a - b)).toEqual([0, 2 * H, 3 * H]);
    expect(loads(0, 2)).toEqual([1, 0]);
  });
  test("areas move: the table of the new one gets what lies whole in it, if it is aligned", () => {
    map(0, 2 * H);
    s.store(0, 0, 1);
    s.store(0, H, 2);
    expect(s.mremap(0, 0, H + 1, H + 1, MREMAP_MAYMOVE | MREMAP_FIXED, 2 * H)).toBe(2 * H);
    expect(reservations().map((r) => s.k.resv.haddr.get(r))).toEqual([2 * H]);
    expect([s.load(0, 2 * H), s.load(0, 3 * H)]).toEqual([1, 2]);
    expect(s.mremap(0, 2 * H, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 1)).toBe(1);
    expect(reservations()).toEqual([]);
    expect(s.load(0, 1)).toBe(1);
  });
  test("a move that has to go back", () => {
    map(0, H);
    s.store(0, 0, 1);
    const results: number[] = [];
    const { back } = s.mark();
    for (let n = 0; n < 12; n++) {
      results.push(s.mremap(0, 0, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, 2 * H + 1, [...Array.from({ length: n }, () => 0), 1]));
      back();
    }
    expect(results).toContain(-ENOMEM);
  });
  test("SCAN_VMA_CHECK: the reservation went while mmap_lock was dropped", () => {
    map(0, 2 * H);
    s.store(0, 0, 1);
    s.store(0, H, 1);
    const [first, second] = reservations();
    expect(s.probe(SHRINK, [])).toBe(H - 1);
    expect(promote(0, reservations().find((r) => r !== first) ?? second!)).toBe(SCAN_VMA_CHECK);
  });
});
