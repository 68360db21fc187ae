/**
 * Discarded stays discarded: what the record of user memory (impl/user-memory.ts) refuses after a call has returned. Ten
 * faults of a kernel by hand, each of which one clause refuses; and random histories of a memory that behaves.
 */
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { holds, scenario, type ProgramScenario } from "thpcheck";
import { StraightLine } from "../../checker/compile/straight-line.ts";
import { makeWorld, StateBytes } from "../../checker/program/world.ts";
import { kernelConfig } from "../../impl/config/options.ts";
import { DIRTY, ENTRY_NONE, LEAF, mkEntry, mkPmdTable, PRESENT } from "../../impl/pgtable.ts";
import { bootTwins } from "./memory-threads.ts";
import { carriesOut, DOES, structsWithOrder, type Does, type Ordered } from "./discard-threads.ts";

type OrderedStructs = ReturnType<typeof structsWithOrder>;
const CPUS = 3;
const VPN_MAX = 4;

/** Two processes of four pages, two to a huge page, on three CPUs. */
class Record {
  readonly k: Ordered;
  readonly #line: StraightLine;
  constructor() {
    const config = kernelConfig({ pagesPerHugePage: 2, hugeRanges: 2, frames: 12, mms: 2, vmas: 2, cpus: CPUS });
    const s = scenario<OrderedStructs>({
      name: "record", why: "a test of a room", tier: "quick", config, structs: structsWithOrder(config), init: bootTwins(VPN_MAX, 0),
      threads: Array.from({ length: CPUS }, (_, cpu) => ({ name: `cpu${cpu}`, run: carriesOut })), expect: holds(),
    });
    this.#line = new StraightLine(s as unknown as ProgramScenario);
    const { system } = this.#line;
    this.k = makeWorld<OrderedStructs>(system.image.plan, new StateBytes(system.vector.buffer), system.stateWords * 4);
  }
  restart(): void {
    this.#line.system.init();
  }

  #order(cpu: number, does: Does, order: { mm?: number; vpn?: number; end?: number; content?: number; locked?: boolean }): void {
    const { mm = 0, vpn = 0, end = vpn + 1, content = 0, locked = false } = order;
    const o = this.k.order;
    o.does.set(DOES[does]);
    o.mm.set(mm);
    o.vpn.set(vpn);
    o.end.set(end);
    o.content.set(content);
    o.locked.set(locked);
    this.#line.run(cpu);
  }
  load(content: number, where: { cpu?: number; mm?: number; vpn?: number } = {}): void {
    this.#order(where.cpu ?? 0, "load", { ...where, content });
  }
  store(content: number, where: { cpu?: number; mm?: number; vpn?: number } = {}): void {
    this.#order(where.cpu ?? 0, "store", { ...where, content });
  }
  begin(cpu: number, end = 1): void {
    this.#order(cpu, "begin", { end });
  }
  discarded(cpu: number, locked = false, end = 1): void {
    this.#order(cpu, "discarded", { end, locked });
  }
  freed(cpu: number, locked = false): void {
    this.#order(cpu, "freed", { locked });
  }
  reclaimed(cpu: number): void {
    this.#order(cpu, "reclaimed", {});
  }

  /** The set for page 0 of process 0. */
  may(): number[] {
    return [0, 1, 2, 3].filter((c) => ((this.k.user.mayRead.get(0) >> c) & 1) !== 0);
  }
  /** What the page table of process 0 has for page `vpn`: a frame with this content, or nothing. */
  holds(content: number | null, vpn = 0): void {
    const range = Math.floor(vpn / 2);
    this.k.mm.pmd.set(0, range, mkPmdTable(range));
    this.k.ptTable.pte.set(range, vpn % 2, content === null ? ENTRY_NONE : mkEntry(vpn + 1, PRESENT));
    if (content !== null) this.k.page.content.set(vpn + 1, content);
  }
}

const m = new Record();
beforeEach(() => m.restart());
const expectRefused = (what: () => void, read: number, may: string): void => {
  expect(what).toThrow(`reads ${read} from page 0, which may only hold ${may}`);
};

describe("ten faults of a kernel", () => {
  it("1: a call that discards nothing", () => {
    m.holds(1);
    m.store(1);
    m.begin(0);
    expectRefused(() => m.discarded(0), 1, "0");
  });
  it("2: the same, while a fault has the lock and memory cannot be read", () => {
    m.store(1);
    m.begin(0);
    m.discarded(0, true);
    expectRefused(() => m.load(1), 1, "0");
  });
  it("3: the same, while a second call is still at work", () => {
    m.store(1);
    m.begin(0);
    m.begin(1);
    m.discarded(0);
    m.load(0);
    expectRefused(() => m.load(1), 1, "0");
  });
  it("4: a stale translation is used after the return", () => {
    m.store(1);
    m.begin(0);
    m.store(2, { cpu: 1 });
    m.load(1, { cpu: 2 });
    m.holds(2);
    m.discarded(0);
    m.load(2);
    expectRefused(() => m.load(1, { cpu: 2 }), 1, "2");
  });
  it("5: the second call leaves what was stored before it, though after the first one began", () => {
    m.begin(0);
    m.store(2);
    m.begin(1);
    m.discarded(1);
    m.load(0);
    expectRefused(() => m.load(2), 2, "0");
  });
  it("6: the same, when the first one has returned before", () => {
    m.begin(0);
    m.store(2);
    m.begin(1);
    m.discarded(0, true);
    m.load(2);
    m.discarded(1, true);
    expectRefused(() => m.load(2), 2, "0");
  });
  it("7: old memory is left, and only another page has been stored to meanwhile", () => {
    m.store(1);
    m.begin(0, 2);
    m.store(1, { vpn: 1 });
    m.discarded(0, true, 2);
    m.load(1, { vpn: 1 });
    expectRefused(() => m.load(1), 1, "0");
  });
  it("8: old memory is left, and only the other process has stored meanwhile", () => {
    m.store(1);
    m.begin(0);
    m.store(1, { mm: 1 });
    m.discarded(0, true);
    m.load(1, { mm: 1 });
    expectRefused(() => m.load(1), 1, "0");
  });
  it("9: what reclaim has dropped after MADV_FREE comes back", () => {
    m.store(2);
    m.begin(0);
    m.freed(0, true);
    m.load(2);
    m.reclaimed(1);
    m.load(0);
    expectRefused(() => m.load(2), 2, "0");
  });
  it("10: reclaim drops what was written after MADV_FREE", () => {
    m.store(1);
    m.begin(0);
    m.holds(1);
    m.freed(0);
    m.store(2);
    expectRefused(() => m.reclaimed(1), 0, "2");
  });
});

describe("a call that returns", () => {
  it("has allowed zero, what was there, and everything since; afterwards only what memory holds", () => {
    m.store(1);
    m.begin(0);
    m.store(2, { cpu: 1 });
    expect(m.may()).toEqual([0, 1, 2]);
    m.holds(2);
    m.discarded(0);
    expect(m.may()).toEqual([2]);
  });
  it("while a fault is half-way, leaves what was stored since it began until the next store", () => {
    m.store(1);
    m.begin(0);
    m.store(2);
    m.discarded(0, true);
    expect(m.may()).toEqual([0, 2]);
    m.store(3);
    expect(m.may()).toEqual([3]);
  });
  it("finds memory that nobody stored", () => {
    m.begin(0);
    m.store(1);
    m.holds(2);
    expectRefused(() => m.discarded(0), 2, "0 or 1");
  });
  it("looks behind huge pages, and leaves a clean lazyfree page free to go", () => {
    m.store(1);
    m.k.mm.pmd.set(0, 0, mkEntry(4, LEAF | PRESENT));
    m.k.page.content.set(4, 1);
    m.k.page.anon.set(4, true);
    m.begin(0);
    m.freed(0);
    expect(m.may()).toEqual([0, 1]);
    m.k.mm.pmd.set(0, 0, mkEntry(4, LEAF | PRESENT | DIRTY));
    m.begin(0);
    m.freed(0);
    expect(m.may()).toEqual([1]);
  });
  it("has begun on this CPU, once", () => {
    expect(() => m.discarded(0)).toThrow("a call returns that has not begun on this CPU");
    m.restart();
    m.begin(0);
    expect(() => m.begin(0)).toThrow("a call begins on a CPU on which another has not returned");
  });
});

// ---- random histories ------------------------------------------------------------------------------------------

/** What a CPU does next; a call goes on by one stage. */
type Event = readonly [cpu: number, does: "load" | "call" | "stop" | 1 | 2 | 3];
const events = fc.array(
  fc.tuple(fc.nat(CPUS - 1), fc.constantFrom("load", "call", "call", "stop", 1, 2, 3)), { maxLength: 60, size: "max" },
) as fc.Arbitrary<readonly Event[]>;

/**
 * A page of memory that behaves: frames, a page table, a translation in each CPU. MADV_DONTNEED clears the entry, flushes,
 * and returns; what it finds none it flushes too, if another call has cleared it and not flushed yet.
 */
class Memory {
  /** Contents of the frames; the last one is the newest. */
  readonly frames: number[] = [];
  entry: number | null = null;
  readonly cached: (number | null)[] = Array.from({ length: CPUS }, () => null);
  readonly stage = Array.from({ length: CPUS }, () => 0);
  /** When the call of each CPU began, and when each content was stored last; in events. */
  readonly began = Array.from({ length: CPUS }, () => 0);
  readonly stored = [0, 0, 0, 0];
  /** The latest begin of a call that has returned. */
  settled = 0;
  clock = 0;

  /** The frame that the CPU's next access uses: by its translation, else by the entry, else, to write, a new one. */
  frame(cpu: number, writes: boolean): number | null {
    if (this.cached[cpu] === null && this.entry === null && writes) this.entry = this.frames.push(0) - 1;
    return this.cached[cpu] ??= this.entry;
  }
  take(r: Record, [cpu, does]: Event): void {
    this.clock++;
    if (does === "load") {
      const frame = this.frame(cpu, false);
      r.load(frame === null ? 0 : this.frames[frame]!, { cpu });
    } else if (does === "call") this.call(r, cpu);
    else if (does !== "stop") {
      this.frames[this.frame(cpu, true)!] = does;
      this.stored[does] = this.clock;
      r.store(does, { cpu });
    }
    r.holds(this.entry === null ? null : this.frames[this.entry]!);
  }
  call(r: Record, cpu: number): void {
    const stage = this.stage[cpu]!;
    this.stage[cpu] = (stage + 1) % 4;
    if (stage === 0) {
      this.began[cpu] = this.clock;
      r.begin(cpu);
    } else if (stage === 1) this.entry = null;
    else if (stage === 2) this.cached.fill(null);
    else {
      this.settled = Math.max(this.settled, this.began[cpu]!);
      r.discarded(cpu, this.clock % 2 === 0);
    }
  }
}

describe("random histories", () => {
  it("of a memory that behaves break nothing; and what was stored before the last call that has returned began is refused", () => {
    let refusals = 0;
    fc.assert(fc.property(events, (history) => {
      const memory = new Memory();
      m.restart();
      for (const event of history) {
        memory.take(m, event);
        const old = [1, 2, 3].filter((c) => memory.stored[c]! <= memory.settled);
        expect(m.may().filter((c) => old.includes(c))).toEqual([]);
        refusals += old.length;
      }
    }), { numRuns: 400 });
    expect(refusals).toBeGreaterThan(5000);
  });
});
