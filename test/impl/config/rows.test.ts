/** What rows by release change, each seen by a call: the result before the change, and after it. */
import { describe, expect, it } from "vitest";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { PR_THP_DISABLE_EXCEPT_ADVISED } from "../../../impl/entry/syscalls.ts";
import { EFAULT, EINVAL } from "../../../impl/errno.ts";
import { MADV_COLLAPSE, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_PAGEOUT } from "../../../impl/madvise.ts";
import { MREMAP_FIXED, MREMAP_MAYMOVE } from "../../../impl/mremap.ts";
import { DIRTY } from "../../../impl/pgtable.ts";
import { MMF_VM_HUGEPAGE_BIT } from "../../../impl/structs/mm.ts";
import { VM_READ } from "../../../impl/structs/vma.ts";
import { bounds, expectNothingLeft, fill, map, MACHINE } from "../calls.ts";
import { RW, SequentialKernel } from "../sequential-kernel.ts";

/** Runs the same calls on the machine without the row, and with it. */
function either<T>(row: keyof KernelOptions, run: (s: SequentialKernel) => T, end = expectNothingLeft): { off: T; on: T } {
  const on = (value: boolean): T => {
    const s = new SequentialKernel({ ...MACHINE, [row]: value });
    const seen = run(s);
    end(s, [0, 1].filter((p) => s.k.cpu.mm.get(p) >= 0));
    return seen;
  };
  return { off: on(false), on: on(true) };
}

/** A folio of four pages, written to and mapped by PTEs: its area was cut and has merged again. */
function mapsFolioByPtes(s: SequentialKernel): void {
  map(s, 0, 4);
  fill(s, 0, 4);
  s.mprotect(0, 1, 1, VM_READ);
  s.mprotect(0, 1, 1, RW);
}

describe("by its row", () => {
  it("prctl(PR_SET_THP_DISABLE) knows PR_THP_DISABLE_EXCEPT_ADVISED", () => {
    expect(either("thpDisableExceptAdvised", (s) => s.thpDisable(0, true, PR_THP_DISABLE_EXCEPT_ADVISED))).toEqual({ off: -EINVAL, on: 0 });
  });

  it("a collapse that unmaps a folio page by page puts it on the split queue first", () => {
    expect(either("collapseUnmapsByBatch", (s) => {
      mapsFolioByPtes(s);
      expect([s.isHuge(0, 0), s.madvise(0, 0, 4, MADV_COLLAPSE), s.isHuge(0, 0)]).toEqual([false, 0, true]);
      return s.vmstat("thpDeferredSplitPage");
    })).toEqual({ off: 1, on: 0 });
  });

  it("mprotect() makes a whole batch dirty if one page of it is", () => {
    expect(either("mprotectByBatch", (s) => {
      mapsFolioByPtes(s);
      s.madvise(0, 0, 4, MADV_FREE);
      s.store(0, 2, 9);
      s.mprotect(0, 0, 4, VM_READ);
      return [0, 1, 2, 3].map((v) => (s.entry(0, v).value & DIRTY) !== 0);
    })).toEqual({ off: [false, false, true, false], on: [true, true, true, true] });
  });

  it("a split of what two processes map by PMDs fails once, though nothing stands in its way", () => {
    expect(either("migrateStopsAtSplitPmd", (s) => {
      map(s, 0, 4);
      fill(s, 0, 4);
      s.fork(0, 1);
      const failed = (): number => { s.splitHugePages(0, 0, 4); return s.vmstat("thpSplitPageFailed"); };
      return [failed(), failed(), s.vmstat("thpSplitPage")];
    }, (s) => {
      const lost = s.violations().map((v) => v.slice(0, 2));
      expect(lost).toEqual(s.config.migrateStopsAtSplitPmd === true ? ["F1"] : []);
    })).toEqual({ off: [0, 0, 1], on: [1, 1, 1] });
  });

  it("mremap() has unmapped the new place before it finds fault with the old one", () => {
    const move = (s: SequentialKernel, from: number, pages: number, to: number, toPages = pages): [number, string] =>
      [s.mremap(0, from, pages, toPages, MREMAP_MAYMOVE | MREMAP_FIXED, to), bounds(s)];
    // Of two areas, resized.
    expect(either("mremapUnmapsFirst", (s) => {
      map(s, 0, 2);
      map(s, 2, 4, VM_READ);
      map(s, 8, 12);
      return move(s, 0, 4, 8, 3);
    })).toEqual({ off: [-EFAULT, "0-2 2-4 8-12"], on: [-EFAULT, "0-2 2-3 11-12"] });
    // Nothing is there to be moved: found first, either way. A new place that overlaps is found after it.
    expect(either("mremapUnmapsFirst", (s) => {
      map(s, 8, 12);
      return [...move(s, 0, 2, 8, 3), ...move(s, 8, 4, 9, 3)];
    })).toEqual({ off: [-EFAULT, "8-12", -EINVAL, "8-12"], on: [-EFAULT, "8-12", -EINVAL, "8-12"] });
  });

  it("a page that was faulted in is referenced for khugepaged, whoever maps it now", () => {
    expect(either("faultMarksReferenced", (s) => {
      map(s, 0, 4);
      s.madvise(0, 0, 4, MADV_NOHUGEPAGE);
      fill(s, 0, 4);
      s.fork(0, 1);
      // The parent has copies then, and the child, which has touched nothing, the pages.
      fill(s, 0, 4);
      s.madvise(1, 0, 4, MADV_HUGEPAGE);
      s.khugepaged();
      return s.isHuge(1, 0);
    })).toEqual({ off: false, on: true });
  });

  it("a page that was used twice, or that MADV_FREE has let go, is still referenced", () => {
    expect(either("usedStaysReferenced", (s) => {
      map(s, 0, 4);
      s.madvise(0, 0, 4, MADV_NOHUGEPAGE);
      fill(s, 0, 1);
      return Array.from({ length: 3 }, () => {
        const frame = s.getUserPage(0, 0, 0, false);
        s.putUserPage(0, frame, false);
        return s.k.page.referenced.get(frame);
      });
    })).toEqual({ off: [true, false, true], on: [true, true, true] });
    expect(either("usedStaysReferenced", (s) => {
      map(s, 0, 4);
      s.madvise(0, 0, 4, MADV_NOHUGEPAGE);
      fill(s, 0, 4);
      s.putUserPage(0, s.getUserPage(0, 2, 0, false), false);
      s.fork(0, 1);
      s.madvise(0, 0, 4, MADV_FREE);
      s.munmap(0, 0, 4);
      // The child has touched nothing. Its entries are dirty, so the pages are none to be given up.
      s.madvise(1, 0, 4, MADV_HUGEPAGE);
      s.khugepaged();
      return s.isHuge(1, 0);
    })).toEqual({ off: false, on: true });
  });

  it("the same advice again makes a process known to khugepaged, and so does advice for a part that is too small", () => {
    // Written to, and not known: what the process did while huge pages were disabled for it has told khugepaged nothing.
    const unknown = (s: SequentialKernel, advised: number): void => {
      s.thpDisable(0, true, 0);
      map(s, 0, 4);
      fill(s, 0, 4);
      s.madvise(0, 0, advised, MADV_HUGEPAGE);
      s.thpDisable(0, false, 0);
    };
    const collapses = (s: SequentialKernel, ...advice: readonly number[]): boolean => {
      for (const a of advice) s.madvise(0, 0, 4, a);
      s.khugepaged();
      return s.isHuge(0, 0);
    };
    expect(either("adviceEntersIfNew", (s) => {
      unknown(s, 4);
      return [collapses(s), collapses(s, MADV_HUGEPAGE), collapses(s, MADV_NOHUGEPAGE, MADV_HUGEPAGE)];
    })).toEqual({ off: [false, true, true], on: [false, false, true] });
    expect(either("adviceEntersIfNew", (s) => {
      unknown(s, 0);
      s.madvise(0, 0, 2, MADV_HUGEPAGE);
      return s.k.mm.flags.has(s.k.cpu.mm.get(0), MMF_VM_HUGEPAGE_BIT);
    })).toEqual({ off: true, on: false });
  });

  it("reclaim of a lazyfree folio that PTEs map, a page of which was written again", () => {
    expect(either("lazyfreeUnmapsByBatch", (s) => {
      mapsFolioByPtes(s);
      s.madvise(0, 0, 4, MADV_FREE);
      s.store(0, 2, 9);
      s.madvise(0, 0, 4, MADV_PAGEOUT);
      return [0, 1, 2, 3].map((v) => s.entry(0, v).value !== 0);
    })).toEqual({ off: [false, false, true, true], on: [true, true, true, true] });
  });

  it("reclaim of a lazyfree huge page that was written to splits the PMD that it could not discard", () => {
    const run = (s: SequentialKernel): [boolean, boolean, number] => {
      map(s, 0, 4);
      fill(s, 0, 4);
      s.madvise(0, 0, 4, MADV_FREE);
      s.store(0, 2, 9);
      const { value } = s.entry(0, 0);
      s.madvise(0, 0, 4, MADV_PAGEOUT);
      return [value !== 0, s.isHuge(0, 0), s.load(0, 2)];
    };
    const both = (value: boolean): [boolean, boolean, number] => {
      const s = new SequentialKernel({ ...MACHINE, lazyfreePmdDiscard: true, lazyfreeFailedDiscardSplits: value });
      const seen = run(s);
      expectNothingLeft(s);
      return seen;
    };
    expect([both(false), both(true)]).toEqual([[true, true, 9], [true, false, 9]]);
  });

  it("reclaim of a lazyfree folio that somebody uses", () => {
    expect(either("lazyfreeInUseIsSwapbacked", (s) => {
      map(s, 0, 4);
      fill(s, 0, 4);
      const frame = s.getUserPage(0, 0, 0, false);
      s.madvise(0, 0, 4, MADV_FREE);
      s.madvise(0, 0, 4, MADV_PAGEOUT);
      const swapbacked = s.k.page.swapbacked.get(frame);
      s.putUserPage(0, frame, false);
      return swapbacked;
    })).toEqual({ off: false, on: true });
  });

  it("memory that grows in place does not merge with the area behind it", () => {
    expect(either("mremapGrowthLeavesNext", (s) => {
      map(s, 0, 2);
      map(s, 4, 6);
      expect(s.mremap(0, 0, 2, 4, 0)).toBe(0);
      return bounds(s);
    })).toEqual({ off: "0-6", on: "0-4 4-6" });
  });

  it("an area without anon_vma takes in a range that has one", () => {
    expect(either("unfaultedVmaTakesIn", (s) => {
      map(s, 0, 2, VM_READ);
      map(s, 2, 4);
      fill(s, 2, 4);
      return [s.mprotect(0, 2, 2, VM_READ), bounds(s)];
    })).toEqual({ off: [0, "0-2 2-4"], on: [0, "0-4"] });
  });
});
