/** The other side: `impl/` at 512 pages per huge page, driven by the sequential runner. */
import { VM_DONTCOPY, VM_HUGEPAGE, VM_NOHUGEPAGE, VM_READ, VM_WIPEONFORK, VM_WRITE } from "../../impl/structs/vma.ts";
import { DIRTY, LEAF, PRESENT, PROTNONE, SPECIAL, entryTarget } from "../../impl/pgtable.ts";
import { SCAN_STATUS, scanStatusWord } from "../../impl/khugepaged/scan-result.ts";
import { hostRelease } from "../../impl/config/linux-release.ts";
import { checkSwitch, SWITCH_NAMES, switchesAt, type SwitchOptions } from "../../impl/config/release.ts";
import { MADV_HUGEPAGE } from "../../impl/madvise.ts";
import { EAGAIN } from "../../impl/errno.ts";
import { MAP_FIXED } from "../../impl/mmap.ts";
import { CALLS } from "../../impl/entry/calls.ts";
import { storeEnabled } from "../impl/anon-folio-probes.ts";
import { RW, SequentialKernel } from "../impl/sequential-kernel.ts";
import { KHUGEPAGED_MTHP_NONE } from "../../spec/enumerations.ts";
import { OBSERVED_FLAGS } from "../../spec/view.ts";
import { COUNTED } from "./beyond.ts";
import { folioLines, type MappedPage } from "./folios.ts";
import {
  contentsLine, COUNTERS, PAGE_EXCLUSIVE, PAGE_HUGE, PAGE_LARGE, PAGE_MAPPED_ONCE, PAGE_PRESENT, PAGE_SAME, PAGE_ZERO, type Observations,
} from "./observation.ts";
import { AREA_PAGES, AREA_RANGES, CONTENTS, HPAGE, PROCESSES, type Program, type Step } from "./program.ts";
import { isEligible, orderOf, readerOf, statsNow, thpAnonFor } from "./sizes.ts";
import { argumentsOf, OPERATIONS } from "./vocabulary.ts";

const MM_MAX = PROCESSES;
const PMD_ORDER = Math.log2(HPAGE);
/** The CPU behind those of processes writes to the files of sizes. */
const STORE_ENABLED = PROCESSES;
const NO_FOLIO = { frame: -1, large: false, entire: 0, number: -1, flags: 0 };

/** Pages of an area. */
interface Sums { readonly rss: number; readonly huge: number; readonly lazyfree: number }

/** A run of pages that are alike, as they are being put together. */
class Runs {
  readonly #out: string[];
  #process = 0;
  #start = 0;
  #length = 0;
  #flags = 0;
  #frame = 0;
  #mapcount = 0;
  constructor(out: string[]) { this.#out = out; }

  add(process: number, start: number, length: number, flags: number, frame: number, mapcount: number): void {
    const follows = this.#length > 0 && this.#process === process && this.#start + this.#length === start &&
      this.#flags === flags && this.#mapcount === mapcount &&
      ((flags & PAGE_ZERO) !== 0 || this.#frame + this.#length === frame);
    if (follows) {
      this.#length += length;
      return;
    }
    this.end();
    [this.#process, this.#start, this.#length, this.#flags, this.#frame, this.#mapcount] = [process, start, length, flags, frame, mapcount];
  }
  end(): void {
    const numbers = [this.#process, this.#start, this.#length, this.#flags, this.#frame, this.#mapcount];
    if (this.#length > 0) this.#out.push(`p ${numbers.join(" ")}`);
    this.#length = 0;
  }
}

/** The fields that are read of every page after every step. */
function columns(s: SequentialKernel) {
  return {
    pmd: s.column("mm.pmd"), pte: s.column("ptTable.pte"),
    head: s.column("page.head"), order: s.column("page.order"),
    mapcount: s.column("page.mapcount"), entireMapcount: s.column("page.entireMapcount"),
    anonExclusive: s.column("page.anonExclusive"), swapbacked: s.column("page.swapbacked"), dirty: s.column("page.dirty"),
    /** By bit of a line of pages. */
    flags: OBSERVED_FLAGS.map(({ field, bit }) => ({ bit, isSet: s.column(`page.${field}`) })),
  };
}

/** A kernel of `impl/` that runs programs, each on a fresh machine. */
export class ImplKernel {
  readonly #s: SequentialKernel;
  readonly #fresh: { back(): void };
  /** The frame behind each page before the step, by process; -1: none. */
  readonly #before = Array.from({ length: PROCESSES }, () => new Int32Array(AREA_PAGES));
  readonly #numbers: Int32Array;
  readonly #columns: ReturnType<typeof columns>;
  /** The folio that was looked at last in this snapshot. */
  #folio = NO_FOLIO;
  /** By number: the frame that is held; negative for the zero page, null for none. */
  #held: (number | null)[] = [];

  readonly #ofRelease: string;
  readonly #switches: SwitchOptions;
  /** Kernels with sizes between a page and a huge page, by what they are told of them. */
  readonly #withSizes = new Map<string, ImplKernel>();
  /** Counters by name, as they were when the program began. */
  #atStart: readonly number[] = [];
  /** The files of each size, as they were then. */
  #statsAtStart: readonly (readonly number[])[] = [];
  /** Folios are told as well. */
  #withFolios = false;

  /**
   * `release`: as `uname -r` says it, from which the version switches follow; those that are given win. `thpAnon`: of its command
   * line.
   */
  constructor(release: string, switches: SwitchOptions = {}, thpAnon: string | null = null) {
    [this.#ofRelease, this.#switches] = [release, switches];
    const frames = (PROCESSES * AREA_RANGES + 16) * HPAGE;
    this.#s = new SequentialKernel({
      pagesPerHugePage: HPAGE, hugeRanges: AREA_RANGES, frames, mms: MM_MAX, contents: CONTENTS + 1,
      cpus: PROCESSES + (thpAnon === null ? 0 : 1),
      vmas: 160, anonVmas: 160, anonVmaChains: 640, ...(thpAnon === null ? {} : { thpAnon }),
      pageTables: 3 * PROCESSES * AREA_RANGES, lruBatch: 31, pagesToScan: 0x3fff_ffff, ...switchesAt(hostRelease(release)), ...switches,
    }, thpAnon === null ? [] : [storeEnabled]);
    this.#numbers = new Int32Array(frames);
    this.#columns = columns(this.#s);
    this.#hugeZeroPage();
    this.#fresh = this.#s.mark();
  }

  /** khugepaged of this kernel makes folios between a page and a huge page. */
  get collapsesToSizes(): boolean {
    return this.#s.k.param.khugepagedMthp.get() !== KHUGEPAGED_MTHP_NONE;
  }

  /** Why `impl/` cannot be compared with a release, or null: it is of a scheme that has no code yet. */
  static whyNot(release: string): string | null {
    try {
      const values = switchesAt(hostRelease(release));
      for (const name of SWITCH_NAMES) checkSwitch(name, values[name]);
      return null;
    } catch (e) {
      if (e instanceof RangeError) return e.message;
      throw e;
    }
  }

  /** The host has had its huge zero page for long: so has this machine, from a process that is gone. */
  #hugeZeroPage(): void {
    const s = this.#s;
    s.fork(0, 1);
    s.mmap(1, 0, HPAGE, RW, MAP_FIXED);
    s.madvise(1, 0, HPAGE, MADV_HUGEPAGE);
    s.load(1, 0);
    s.exit(1);
    s.lruAddDrainAll();
  }

  /** Throws StepFault where an assertion of the implementation breaks. */
  run(program: Program): Observations {
    const thpAnon = thpAnonFor(program);
    if (thpAnon !== null) return this.#sized(thpAnon).#run(program);
    return this.#run(program);
  }

  #sized(thpAnon: string): ImplKernel {
    const made = this.#withSizes.get(thpAnon) ?? new ImplKernel(this.#ofRelease, this.#switches, thpAnon);
    this.#withSizes.set(thpAnon, made);
    return made;
  }

  #run({ knobs, steps }: Program): Observations {
    const s = this.#s;
    this.#fresh.back();
    for (const b of this.#before) b.fill(-1);
    this.#held = [];
    for (const [file, value] of Object.entries(knobs)) s.sysfs(file.startsWith("max_") ? `khugepaged/${file}` : file, String(value));
    this.#atStart = COUNTED.map((_, i) => readerOf(i)?.(s.k) ?? 0);
    this.#statsAtStart = statsNow(s.k).map(({ values }) => values);
    this.#withFolios = false;
    return steps.map((step, i) => this.#step(i, step));
  }

  #step(index: number, step: Step): string[] {
    const counters = this.#counters();
    const statuses = this.#statuses();
    const contents: string[] = [];
    const value = this.#call(step, contents);
    const out = [value < 0 ? `r ${index} -1 ${-value}` : `r ${index} ${value} 0`];
    out.push(...contents);
    out.push(`k ${this.#counters().map((c, i) => c - counters[i]!).join(" ")}`);
    for (const [i, status] of this.#statuses().entries()) {
      if (status.count > statuses[i]!.count) out.push(`t ${status.tracepoint} ${status.name} ${status.count - statuses[i]!.count}`);
    }
    this.#s.lruAddDrainAll();
    this.#snapshot(out);
    return out;
  }

  #call({ process: p, call, args }: Step, contents: string[]): number {
    const s = this.#s;
    const [a = 0, b = 0, c = 0] = args;
    switch (call) {
      case "read": {
        const pages: number[] = [];
        for (let content = 0; pages.length < b; pages.push(content)) {
          content = s.load(p, a + pages.length);
          if (content > CONTENTS) break;
        }
        if (pages.length > 0) contents.push(contentsLine(a, pages));
        return pages.length;
      }
      case "hold": return this.#hold(p, a, b);
      case "release": return this.#release(p, a);
      case "split": s.splitHugePages(p, a, b); return 0;
      case "split_to": s.splitHugePages(p, a, b, c); return 0;
      case "split_at": s.splitHugePages(p, a, b, c, args[3]! + 1); return 0;
      case "size": return this.#size(a, b);
      case "folios": this.#withFolios = true; return 0;
      case "stats":
        for (const [i, { kib, values }] of statsNow(s.k).entries()) {
          contents.push(`s ${kib} ${values.map((v, j) => v - this.#statsAtStart[i]![j]!).join(" ")}`);
        }
        return 0;
      case "count": return readerOf(a)!(s.k) - this.#atStart[a]!;
      case "contents": contents.push(...this.#contents(p)); return 0;
      case "write": return s.touchEach(p, a, b, c);
      // Of khugepaged one full scan, as when the thread is woken with an unlimited budget.
      default: {
        const { call: name } = OPERATIONS[call];
        if (name === null) throw new Error(`implementation.ts does not know the operation ${call}`);
        return s.call(CALLS[name].way === "system call" ? p : 0, name, argumentsOf(name, args));
      }
    }
  }

  /** The file of PMD size has said the same since this kernel was made: thpAnonFor(). */
  #size(kib: number, word: number): number {
    const order = orderOf(kib);
    return order === PMD_ORDER ? 0 : this.#s.probe(STORE_ENABLED, [order, word]);
  }

  #hold(process: number, slot: number, vpn: number): number {
    const frame = this.#s.getUserPage(process, vpn, 0, true);
    // The zero page has no frame here, so that the call fails; a reference to it would change nothing.
    const readable = this.#s.areas(process).some(([start, end, flags]) => start <= vpn && vpn < end && (flags & VM_READ) !== 0);
    const zero = frame < 0 && readable && this.#content(this.#s.k.cpu.mm.get(process), vpn) === 0;
    if (frame >= 0 || zero) this.#held[slot] = frame;
    return frame >= 0 || zero ? 0 : frame;
  }
  #release(process: number, slot: number): number {
    const frame = this.#held[slot];
    this.#held[slot] = null;
    if (frame === undefined || frame === null) return -EAGAIN;
    if (frame < 0) return 0;
    const content = this.#s.k.page.content.get(frame);
    this.#s.putUserPage(process, frame, false);
    return content;
  }

  /** What the process would read where something is mapped that it may read. Sets no accessed bit: it is the last step. */
  #contents(process: number): string[] {
    const { k } = this.#s;
    const mm = k.cpu.mm.get(process);
    const out: string[] = [];
    let first = 0;
    let pages: number[] = [];
    for (let vpn = 0; vpn <= AREA_PAGES; vpn++) {
      const content = vpn < AREA_PAGES ? this.#content(mm, vpn) : null;
      if (content === null) {
        if (pages.length > 0) out.push(contentsLine(first, pages));
        pages = [];
        continue;
      }
      if (pages.length === 0) first = vpn;
      pages.push(content);
    }
    return out;
  }

  #content(mm: number, vpn: number): number | null {
    const { k } = this.#s;
    const pmd = this.#columns.pmd(mm, Math.floor(vpn / HPAGE));
    if (pmd === 0) return null;
    const huge = (pmd & LEAF) !== 0;
    const entry = huge ? pmd : this.#columns.pte(entryTarget(pmd), vpn % HPAGE);
    // Without permission it is mapped, but not for the hardware.
    if ((entry & PRESENT) === 0) return null;
    if ((entry & SPECIAL) !== 0) return 0;
    return k.page.content.get(entryTarget(entry) + (huge ? vpn % HPAGE : 0));
  }

  #counters(): number[] {
    return COUNTERS.map(([, of]) => of(this.#s.k));
  }

  /** How often each tracepoint was passed with each status, since the machine is fresh. */
  #statuses(): { readonly tracepoint: number; readonly name: string; readonly count: number }[] {
    const { khugepagedScanPmd, collapseHugePage } = this.#s.k.tracepoint;
    return [khugepagedScanPmd, collapseHugePage].flatMap((counts, tracepoint) => {
      const one = this.#s.k.param.collapseContinuesAtEmptyPmd.get() !== 0;
      const codes = Object.keys(SCAN_STATUS).map(Number);
      return codes.map((code) => ({ tracepoint, name: scanStatusWord(code, one)!, count: counts.get(code) }));
    });
  }

  // ---- areas and pages -----------------------------------------------------------------------------------------

  #snapshot(out: string[]): void {
    const { k } = this.#s;
    this.#numbers.fill(-1);
    this.#folio = NO_FOLIO;
    const next = { number: 0 };
    for (let p = 0; p < PROCESSES; p++) {
      const mm = k.cpu.mm.get(p);
      const before = this.#before[p]!;
      if (mm < 0) {
        before.fill(-1);
        continue;
      }
      const areas: number[] = [];
      for (let v = 0; v < k.vma.count; v++) if (k.vma.mm.get(v) === mm && !k.vma.detached.get(v)) areas.push(v);
      areas.sort((x, y) => k.vma.start.get(x) - k.vma.start.get(y));
      const pages: string[] = [];
      const runs = new Runs(pages);
      let reached = 0;
      for (const vma of areas) {
        const start = k.vma.start.get(vma);
        before.fill(-1, reached, start);
        reached = k.vma.end.get(vma);
        const sums = this.#pages(p, mm, start, reached, runs, next);
        runs.end();
        if (this.#withFolios) pages.push(...folioLines(p, start, reached, (vpn) => this.#mappedPage(mm, vpn)));
        const flags = k.vma.flags.get(vma);
        const advice = [VM_HUGEPAGE, VM_NOHUGEPAGE, VM_DONTCOPY, VM_WIPEONFORK].map((bit) => ((flags & bit) !== 0 ? 1 : 0));
        const eligible = isEligible(k, vma) ? 1 : 0;
        const numbers = [
          p, start, reached, flags & (VM_READ | VM_WRITE), ...advice, sums.rss, sums.rss, sums.huge, sums.lazyfree, 0, eligible,
        ];
        out.push(`v ${numbers.join(" ")}`);
      }
      before.fill(-1, reached);
      out.push(...pages);
    }
  }

  #pages(process: number, mm: number, start: number, end: number, runs: Runs, next: { number: number }): Sums {
    const { pmd: pmdOf, pte: pteOf, head: headOf } = this.#columns;
    const before = this.#before[process]!;
    const sums = { rss: 0, huge: 0, lazyfree: 0 };
    for (let vpn = start; vpn < end;) {
      const range = Math.floor(vpn / HPAGE);
      const until = Math.min(end, (range + 1) * HPAGE);
      const pmd = pmdOf(mm, range);
      if ((pmd & LEAF) !== 0) {
        const frame = entryTarget(pmd) + (vpn % HPAGE);
        if ((pmd & SPECIAL) !== 0) {
          runs.add(process, vpn, until - vpn, PAGE_PRESENT | PAGE_ZERO | PAGE_HUGE, 0, 0);
          before.fill(-1, vpn, until);
        } else {
          for (let i = vpn; i < until; i++) this.#page(process, i, frame + i - vpn, true, runs, next);
          sums.rss += until - vpn;
          sums.huge += until - vpn;
          if (this.#lazyfree(entryTarget(pmd), pmd)) sums.lazyfree += until - vpn;
        }
      } else if (pmd !== 0) {
        const table = entryTarget(pmd);
        for (let i = vpn; i < until; i++) {
          const pte = pteOf(table, i % HPAGE);
          if ((pte & (PRESENT | PROTNONE)) === 0) {
            before[i] = -1;
          } else if ((pte & SPECIAL) !== 0) {
            runs.add(process, i, 1, PAGE_PRESENT | PAGE_ZERO, 0, 0);
            before[i] = -1;
          } else {
            const frame = entryTarget(pte);
            this.#page(process, i, frame, false, runs, next);
            sums.rss++;
            const head = headOf(frame);
            if (this.#lazyfree(head < 0 ? frame : head, pte)) sums.lazyfree++;
          }
        }
      } else before.fill(-1, vpn, until);
      vpn = until;
    }
    return sums;
  }

  /** The page of a large folio that the PTE maps, or null. */
  #mappedPage(mm: number, vpn: number): MappedPage | null {
    const { pmd: pmdOf, pte: pteOf, head: headOf, order } = this.#columns;
    const pmd = pmdOf(mm, Math.floor(vpn / HPAGE));
    if (pmd === 0 || (pmd & LEAF) !== 0) return null;
    const pte = pteOf(entryTarget(pmd), vpn % HPAGE);
    if ((pte & (PRESENT | PROTNONE)) === 0 || (pte & SPECIAL) !== 0) return null;
    const frame = entryTarget(pte);
    const folio = headOf(frame) < 0 ? frame : headOf(frame);
    return order(folio) === 0 ? null : { folio, order: order(folio), offset: frame - folio };
  }

  #lazyfree(head: number, entry: number): boolean {
    const { swapbacked, dirty } = this.#columns;
    return swapbacked(head) === 0 && (entry & DIRTY) === 0 && dirty(head) === 0;
  }

  #page(process: number, vpn: number, frame: number, huge: boolean, runs: Runs, next: { number: number }): void {
    const { head: headOf, mapcount: mapcountOf, anonExclusive } = this.#columns;
    const head = headOf(frame);
    const folio = head < 0 ? frame : head;
    if (folio !== this.#folio.frame) this.#look(folio, next);
    const { large, flags: flagsOfFolio, entire, number } = this.#folio;
    const before = this.#before[process]!;
    const mapcount = mapcountOf(frame) + 1 + entire;
    const exclusive = (!large || huge) && anonExclusive(folio) !== 0;
    const flags = flagsOfFolio | (huge ? PAGE_HUGE : 0) | (exclusive ? PAGE_EXCLUSIVE : 0) |
      (before[vpn] === frame ? PAGE_SAME : 0) | (mapcount === 1 && !huge ? PAGE_MAPPED_ONCE : 0);
    before[vpn] = frame;
    runs.add(process, vpn, 1, flags, number + frame - folio, mapcount);
  }

  /** What all pages of the folio have in common, for the pages that follow. */
  #look(folio: number, next: { number: number }): void {
    const { order, entireMapcount, flags } = this.#columns;
    const large = order(folio) > 0;
    if (this.#numbers[folio]! < 0) {
      this.#numbers[folio] = next.number;
      next.number += 1 << order(folio);
    }
    this.#folio = {
      frame: folio, large, entire: large ? entireMapcount(folio) + 1 : 0, number: this.#numbers[folio]!,
      flags: PAGE_PRESENT | (large ? PAGE_LARGE : 0) | flags.reduce((sum, { bit, isSet }) => sum | (isSet(folio) !== 0 ? bit : 0), 0),
    };
  }
}

/**
 * One for each set of switches: compiling a kernel takes as long as some hundred programs. What it says of a program is kept
 * for the next release with the same switches, as long as no other set is asked for.
 */
export class ImplKernels {
  readonly #made = new Map<string, ImplKernel>();
  readonly #said = new Map<string, Observations>();
  #last = "";

  of(release: string): Pick<ImplKernel, "run"> {
    const key = JSON.stringify(switchesAt(hostRelease(release)));
    if (key !== this.#last) this.#said.clear();
    this.#last = key;
    const made = this.#made.get(key) ?? new ImplKernel(release);
    this.#made.set(key, made);
    return { run: (program) => this.#run(made, key, program) };
  }

  #run(kernel: ImplKernel, key: string, program: Program): Observations {
    if (key !== this.#last) return kernel.run(program);
    const text = JSON.stringify(program);
    const said = this.#said.get(text) ?? kernel.run(program);
    this.#said.set(text, said);
    return said;
  }
}
