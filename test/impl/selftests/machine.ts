/**
 * The machine that the kernel's selftests run on here: calls as data, one after the other, and what the selftests read
 * from /proc (smaps, pagemap, kpageflags).
 *
 * A page's content is one number. The selftests' "page i holds i" is i modulo 29 here, plus 1: a prime, so that pages
 * that are off by a power of two differ.
 */
import { expect } from "vitest";
import { MAP_FIXED } from "../../../impl/mmap.ts";
import { TABLE_FREE } from "../../../impl/structs/page-table.ts";
import type { KernelOptions } from "../../../impl/config/options.ts";
import { RW, SequentialKernel, type Probe } from "../sequential-kernel.ts";

const PATTERN = 29;

/** An expectation of each call that prepares something. */
function expected(found: unknown, wanted: unknown, what: string): void {
  expect(found, what).toEqual(wanted);
}

export class Machine extends SequentialKernel {
  /** Pages of a huge page: HPAGE_PMD_NR. */
  readonly h: number;

  constructor(options: KernelOptions, probes: readonly Probe[] = []) {
    super({ contents: PATTERN + 1, ...options }, probes);
    this.h = options.pagesPerHugePage;
  }

  /** mmap() of private anonymous memory at that place. */
  map(process: number, start: number, pages: number, prot: number = RW): number {
    expected(this.mmap(process, start, pages, prot, MAP_FIXED), start, "mmap");
    return start;
  }
  unmap(process: number, start: number, pages: number): void {
    expected(this.munmap(process, start, pages), 0, "munmap");
  }

  // ---- content ---------------------------------------------------------------------------------------------------

  /** What page i of an area gets. `seed` tells one filling from another. */
  content(i: number, seed = 0): number {
    return 1 + (i + seed * 11) % PATTERN;
  }
  /** Stores to the pages from..to - 1 of the area at `base`. @kernel khugepaged.c fill_memory() */
  fill(process: number, base: number, from: number, to: number, seed = 0): void {
    for (let i = from; i < to; i++) expected(this.store(process, base + i, this.content(i, seed)), true, `store to page ${i}`);
  }
  /** Looks at each of the pages from..to - 1 of the area at `base`. @kernel khugepaged.c validate_memory() */
  validate(process: number, base: number, from: number, to: number, seed = 0): void {
    for (let i = from; i < to; i++) {
      const found = this.load(process, base + i);
      if (found !== this.content(i, seed)) expected(found, this.content(i, seed), `page ${i} of the area at ${base}, process ${process}`);
    }
  }
  validateZero(process: number, start: number, pages: number): void {
    for (let vpn = start; vpn < start + pages; vpn++) expected(this.load(process, vpn), 0, `page ${vpn}`);
  }
  /** Contents of the pages, as the selftests keep a copy of them. */
  read(process: number, start: number, pages: number): number[] {
    return Array.from({ length: pages }, (_, i) => this.load(process, start + i));
  }
  /** Contents of frames: what a pipe or a device reads. */
  readFrames(frames: readonly number[]): number[] {
    return frames.map((frame) => this.k.page.content.get(frame));
  }

  // ---- /proc -----------------------------------------------------------------------------------------------------

  mmOf(process: number): number { return this.k.cpu.mm.get(process); }
  /** Bounds of the area that `vpn` is in. @kernel /proc/pid/maps */
  area(process: number, vpn: number): readonly [number, number] | null {
    const found = this.areas(process).find(([start, end]) => start <= vpn && vpn < end);
    return found === undefined ? null : [found[0], found[1]];
  }
  /** Huge pages that the area at `vpn` maps by PMDs. @kernel /proc/pid/smaps AnonHugePages */
  anonHugePages(process: number, vpn: number): number {
    const area = this.area(process, vpn);
    if (area === null) return 0;
    let found = 0;
    for (let v = Math.ceil(area[0] / this.h) * this.h; v + this.h <= area[1]; v += this.h) if (this.isHuge(process, v) && this.frame(process, v) !== this.k.hugeZero.page.get()) found++;
    return found;
  }
  /** @kernel /proc/pid/status RssAnon, in pages */
  rssAnon(process: number): number { return this.k.mm.anonPages.get(this.mmOf(process)); }
  /** @kernel /proc/pid/pagemap: something is mapped, a zero page included */
  populated(process: number, vpn: number): boolean { return this.frame(process, vpn) >= 0; }
  /** The frame is part of a large folio. @kernel /proc/kpageflags KPF_THP */
  isThp(process: number, vpn: number): boolean {
    const frame = this.frame(process, vpn);
    return frame >= 0 && (this.k.page.head.get(frame) >= 0 || this.k.page.order.get(frame) > 0);
  }
  freePages(): number { return this.k.zone.freePages.get(); }

  // ---- the end ---------------------------------------------------------------------------------------------------

  /**
   * Lets every process exit. Returns what does not hold then, or is left. The invariants, which take seconds at full size,
   * are for small ones.
   */
  leftovers(): readonly string[] {
    const { k, config } = this;
    const found = this.h <= 8 ? [...this.violations()] : [];
    for (let cpu = 0; cpu < Number(config.cpus); cpu++) if (this.mmOf(cpu) >= 0) this.exit(cpu);
    // A page that waits in a batch is freed when that is emptied.
    this.lruAddDrainAll();
    const left = (what: string, n: number): void => { if (n !== 0) found.push(`${n} ${what}`); };
    const count = (n: number | boolean | undefined, used: (i: number) => boolean): number => Array.from({ length: Number(n) }, (_, i) => i).filter(used).length;
    const hugeZero = k.hugeZero.page.get() >= 0 ? this.h : 0;
    left("frames in use", Number(config.frames) - this.freePages() - hugeZero);
    left("areas", count(config.vmas, (i) => k.vma.mm.get(i) >= 0));
    left("anon_vmas", count(config.anonVmas, (i) => k.anonVma.refcount.get(i) !== 0));
    left("anon_vma_chains", count(config.anonVmaChains, (i) => k.avc.allocated.get(i)));
    left("page tables", count(config.pageTables, (i) => k.ptTable.state.get(i) !== TABLE_FREE));
    left("nr_anon", k.node.nrAnon.get());
    left("NR_ANON_THPS", k.node.anonThps.get());
    left("NR_ANON_MAPPED", k.node.anonMapped.get());
    left("nr_anon_partially_mapped", k.node.nrAnonPartiallyMapped.get());
    left("deferred folios", k.deferredSplit.length.get());
    left("isolated pages", k.lruvec.isolated.get());
    return found;
  }
  /** As `leftovers`, of which there may be none. */
  finish(): void {
    expected(this.leftovers(), [], "what is left");
  }
}
