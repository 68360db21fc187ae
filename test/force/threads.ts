/**
 * Two or three threads of a machine under the debugger, each on a processor of its own, and the segments of a schedule that they are
 * made to take. Every hold is told with its place and with what the entry of the range was then, so that who compares it
 * with another run notices a hold that came too late.
 */
import { firstOf, waitingPlaces, waitsIn, type Wait } from "./blocked.ts";
import type { GdbStub, Stop } from "./gdb-stub.ts";
import { directAddress, entryAddress, entryWords, type Level, type Tables } from "./page-walk.ts";
import type { Hold, Pad } from "./pads.ts";
import { forEachSide, sidesOf, type Became, type BySide, type Point, type Segment, type Side } from "./schedule.ts";
import type { Symbols } from "./symbols.ts";

/** Milliseconds that a segment may take without an end, a hold or a wait. */
const SEGMENT_MS = 5_000;
/** The tables do not lead to a word that is to be watched. */
export const NO_ENTRY = "there is no entry to be watched";
/** Of __preempt_count: in a hard or soft interrupt. @kernel include/linux/preempt.h HARDIRQ_MASK, SOFTIRQ_MASK */
const INTERRUPT = 0xff_ff00n;
/** @kernel arch/x86/include/uapi/asm/processor-flags.h X86_EFLAGS_IF */
const INTERRUPTS_ON = 0x200n;
const USER = 3n;
const PAGE = 4096n;
/** Bits of an entry that the hardware sets by itself. */
const ACCESSED_DIRTY = 0x60n;
/** What a spinning thread that waits stands in, besides the slow paths themselves. */
const SPINS = /spin|osq|rwsem|mutex|queued/;

/** What the agent has said of its gates, and the machine of its threads. */
export interface Gates {
  /** Address of page 0 of the test area. */
  readonly area: bigint;
  /** By side: the word that opens the gate, and the instruction at which the thread comes by when one of its calls has returned. */
  readonly gate: BySide<bigint>;
  readonly returned: BySide<bigint>;
  /** How many calls each makes. */
  readonly calls: BySide<number>;
  /** A jump to itself in user mode. */
  readonly pad: bigint;
  /** Around the loop in which all wait. */
  readonly waits: bigint;
}

export interface Debugged {
  readonly gdb: GdbStub;
  readonly symbols: Symbols;
  readonly pad: Pad;
}

interface Thread {
  readonly side: Side;
  readonly cpu: number;
  readonly task: bigint;
  started: boolean;
  ended: boolean;
  blocked: boolean;
  /** Calls of its own that have returned. */
  returns: number;
  /** If it is on a pad. */
  heldAt: Hold | null;
}

/** A place that the thread has come to. */
export interface Hit {
  /** The point's number among those that were asked for. */
  readonly point: number;
  readonly place: string;
  readonly value: string;
}

export class Threads {
  readonly #m: Debugged;
  readonly #gates: Gates;
  readonly #tables: Tables;
  readonly #threads: BySide<Thread>;
  /** Breakpoints that are set. */
  readonly #set = new Set<bigint>();
  readonly #waits: ReadonlySet<bigint>;

  private constructor(m: Debugged, gates: Gates, tables: Tables, tasks: BySide<bigint>) {
    this.#m = m;
    this.#gates = gates;
    this.#tables = tables;
    this.#threads = forEachSide(tasks, (task, side): Thread => ({
      side, cpu: cpuOf(side), task, started: false, ended: false, blocked: false, returns: 0, heldAt: null,
    }));
    this.#waits = waitingPlaces(m.symbols);
  }

  /** Of a machine that runs: stops it when all threads wait at their gates. Throws an Error where they do not come. */
  static async atGates(m: Debugged, gates: Gates): Promise<Threads> {
    for (let tries = 0; tries < 400; tries++) {
      await m.gdb.interrupt();
      const tasks: bigint[] = [];
      for (const cpu of sidesOf(gates.gate).map(cpuOf)) {
        const rip = await m.gdb.register(cpu, "rip");
        if (rip >= gates.waits && rip < gates.waits + 64n) tasks.push(await currentTask(m, cpu));
      }
      if (tasks.length === gates.gate.length) {
        const direct = await m.gdb.word(1, m.symbols.address("page_offset_base"));
        const tables = { cr3: await m.gdb.register(1, "cr3"), cr4: await m.gdb.register(1, "cr4"), direct };
        return new Threads(m, gates, tables, tasks as unknown as BySide<bigint>);
      }
      m.gdb.resume();
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    throw new Error("the threads do not come to their gates");
  }

  /** Carries the segment out. The machine stands still before and afterwards. */
  async segment({ side, until }: Segment): Promise<Became> {
    const t = this.#threads[side]!;
    if (t.ended) return { what: "skipped", why: "it had ended before" };
    let last: Hit | null = null;
    let seen = 0;
    const became = await this.#go(t, until === null ? [] : [until], (hit) => {
      last = hit;
      return ++seen === until!.nth;
    });
    return became ?? { what: "held", ...withoutPoint(last!) };
  }

  /** Runs the thread to its end, and tells of each point to which it came on its way, in order. `most`: of one point. */
  async follow(side: Side, points: readonly Point[], most: number): Promise<{ readonly became: Became; readonly hits: readonly Hit[] }> {
    const hits: Hit[] = [];
    const became = await this.#go(this.#threads[side]!, points, (hit) => {
      hits.push(hit);
      return false;
    }, most);
    return { became: became!, hits };
  }

  /** Those whose entry there is now: its tables lead to it. */
  async thatExist(points: readonly Point[]): Promise<readonly Point[]> {
    const there: Point[] = [];
    for (const p of points) if (p.kind !== "write" || await this.#entryOf(p.level, p.page) !== null) there.push(p);
    return there;
  }

  /** No point is set any more, and the machine runs on. */
  async done(): Promise<void> {
    await this.#want(new Set());
    this.#m.gdb.resume();
  }

  // ---- a thread goes on --------------------------------------------------------------------------------------------

  /**
   * Lets the thread run until it ends, waits, or `hit` says that it is to be held: null. `most`: a function that it has entered
   * so often is no longer watched for.
   */
  async #go(t: Thread, points: readonly Point[], hit: (hit: Hit) => boolean, most = Infinity): Promise<Became | null> {
    const { gdb } = this.#m;
    const targets = new Map(points.flatMap((p, i) => (p.kind === "entry" ? [[this.#m.symbols.address(p.symbol), i] as const] : [])));
    const words = await this.#words(points);
    if (points.some((p, i) => p.kind === "write" && ![...words.values()].some((w) => w.point === i))) {
      return { what: "lost", why: NO_ENTRY };
    }
    await this.#letGo(t);
    const mayWait = this.#threads.some((x) => x !== t && x.started && !x.ended);
    const returned = this.#threads.filter((x) => !x.ended).map((x) => this.#gates.returned[x.side]!);
    await this.#want(new Set([...returned, ...targets.keys(), ...(mayWait ? this.#waits : [])]));
    for (const at of words.keys()) await gdb.watch(at);
    try {
      return await this.#until(t, { points, targets, words }, hit, most);
    } finally {
      for (const at of words.keys()) await gdb.clearWatch(at);
    }
  }

  async #until(t: Thread, { points, targets, words }: Wanted, hit: (hit: Hit) => boolean, most: number): Promise<Became | null> {
    const { gdb } = this.#m;
    const counts = new Map<bigint, number>();
    let waits: Wait | null = null;
    let end = performance.now() + SEGMENT_MS;
    for (;;) {
      gdb.resume();
      const stop = await gdb.stopped(waits === null ? Math.max(20, end - performance.now()) : waits.graceMs) ?? await gdb.interrupt();
      const wrote = await this.#wrote(t, stop, words);
      if (typeof wrote === "string") return { what: "lost", why: wrote };
      if (wrote !== null) {
        [waits, end] = [null, performance.now() + SEGMENT_MS];
        if (!hit(wrote)) continue;
        t.heldAt = await this.#m.pad.hold(t.cpu);
        return null;
      }
      const stoppedAt = await this.#atPoints(stop);
      if (stoppedAt.length === 0 && stop.watched === null) {
        const verdict = await this.#standsStill(t, waits, end);
        if (verdict !== null) return verdict;
        waits = null;
      }
      for (const { cpu, rip } of stoppedAt) {
        const over = this.#threads.find((x) => x.cpu === cpu && rip === this.#gates.returned[x.side]);
        if (over !== undefined) {
          if (await this.#returned(over, rip)) {
            if (over === t) return { what: "ended" };
            continue;
          }
          if (over === t) {
            [waits, end] = [null, performance.now() + SEGMENT_MS];
            const point = points.findIndex((p) => p.kind === "return");
            if (point >= 0 && hit({ point, place: "user mode", value: await this.#rangeEntry() })) {
              t.heldAt = await this.#m.pad.hold(cpu, this.#gates.pad);
              return null;
            }
          }
          await this.#stepOver(cpu);
          continue;
        }
        if (!await this.#isIn(cpu, t)) {
          await this.#stepOver(cpu);
          continue;
        }
        const target = targets.get(rip);
        if (target !== undefined) {
          [waits, end] = [null, performance.now() + SEGMENT_MS];
          const held = hit({ point: target, ...await this.#placed(t, rip) });
          if (held) {
            t.heldAt = await this.#m.pad.hold(cpu);
            return null;
          }
          const count = (counts.get(rip) ?? 0) + 1;
          counts.set(rip, count);
          if (count >= most) {
            targets.delete(rip);
            await this.#want(new Set([...this.#set].filter((at) => at !== rip)));
            continue;
          }
        } else if (this.#waits.has(rip)) {
          waits = firstOf(waits, await this.#waiting(t, rip));
        }
        await this.#stepOver(cpu);
      }
    }
  }

  /** A call of the thread has returned. True: it was its last. */
  async #returned(t: Thread, rip: bigint): Promise<boolean> {
    t.returns++;
    t.blocked = false;
    if (t.returns < this.#gates.calls[t.side]!) return false;
    t.ended = true;
    await this.#want(new Set([...this.#set].filter((at) => at !== rip)));
    return true;
  }

  async #waiting(t: Thread, rip: bigint): Promise<Wait | null> {
    const { gdb, symbols } = this.#m;
    const from = await gdb.word(t.cpu, await gdb.register(t.cpu, "rsp"));
    return waitsIn(symbols, { rip, from, task: t.task }, (at) => gdb.word(t.cpu, at));
  }

  /** It has come to no point for a while. Null: it is at work, and there is time left. */
  async #standsStill(t: Thread, waits: Wait | null, end: number): Promise<Became | null> {
    const rip = await this.#m.gdb.register(t.cpu, "rip");
    const isOn = await currentTask(this.#m, t.cpu) === t.task;
    const spins = isOn && SPINS.test(this.#m.symbols.functionAt(rip)?.name ?? "");
    if (waits !== null && (!isOn || spins)) {
      t.blocked = true;
      return { what: "blocked", place: waits.place };
    }
    if (performance.now() < end) return null;
    // It spins for a lock that it has met where nobody looked, in an interrupt or before.
    if (spins && this.#threads.some((x) => x !== t && x.heldAt !== null)) {
      t.blocked = true;
      return { what: "blocked", place: this.#m.symbols.functionAt(rip)!.name };
    }
    return { what: "lost", why: `it is still at ${this.#m.symbols.inWords(rip)}${isOn ? "" : ", where another thread runs"}` };
  }

  /** Opens the gate, or takes the thread from its pad. */
  async #letGo(t: Thread): Promise<void> {
    const { gdb, pad } = this.#m;
    if (!t.started) {
      const at = await directAddress(this.#tables, this.#gates.gate[t.side]!, (a) => gdb.word(1, a));
      if (at === null) throw new Error("the gates are not in memory");
      await gdb.write(1, at, Uint8Array.of(1, 0, 0, 0));
      t.started = true;
    } else if (t.heldAt !== null) {
      await this.#want(new Set());
      await pad.release(t.cpu, t.heldAt);
      t.heldAt = null;
      // The instruction at which it was held may be a point itself.
      await gdb.step(t.cpu);
    }
  }

  // ---- where it is -------------------------------------------------------------------------------------------------

  /** Processors that stand at a point, the one that the stop names first. */
  async #atPoints({ cpu }: Stop): Promise<{ readonly cpu: number; readonly rip: bigint }[]> {
    const found: { cpu: number; rip: bigint }[] = [];
    const all = this.#threads.map((t) => t.cpu);
    for (const c of [...all.filter((x) => x === cpu), ...all.filter((x) => x !== cpu)]) {
      const rip = await this.#m.gdb.register(c, "rip");
      if (this.#set.has(rip)) found.push({ cpu: c, rip });
    }
    return found;
  }

  /** The processor executes the thread's own call, and no interrupt; interrupts are on, so that it may be held there. */
  async #isIn(cpu: number, t: Thread): Promise<boolean> {
    if (cpu !== t.cpu || await currentTask(this.#m, cpu) !== t.task) return false;
    if ((await this.#m.gdb.register(cpu, "eflags") & INTERRUPTS_ON) === 0n) return false;
    const count = this.#m.symbols.address("__preempt_count") + await this.#m.gdb.register(cpu, "gsBase");
    return ((await this.#m.gdb.word(cpu, count)) & INTERRUPT) === 0n;
  }

  /** Of a thread that stands at the first instruction of a function. */
  async #placed(t: Thread, rip: bigint): Promise<{ readonly place: string; readonly value: string }> {
    const { gdb, symbols } = this.#m;
    const from = await gdb.word(t.cpu, await gdb.register(t.cpu, "rsp"));
    const place = `${symbols.inWords(rip)} from ${symbols.inWords(from)}`;
    return { place, value: await this.#rangeEntry() };
  }

  /** The entry of the PMD of the first huge range. */
  async #rangeEntry(): Promise<string> {
    const { gdb } = this.#m;
    const at = await entryAddress(this.#tables, this.#gates.area, "pmd", (a) => gdb.word(1, a));
    return at === null ? "no table" : entryWords(await gdb.word(1, at));
  }

  // ---- words that are watched --------------------------------------------------------------------------------------

  async #words(points: readonly Point[]): Promise<Map<bigint, Watched>> {
    const words = new Map<bigint, Watched>();
    for (const [point, p] of points.entries()) {
      if (p.kind !== "write") continue;
      const at = await this.#entryOf(p.level, p.page);
      if (at !== null) words.set(at, { point, last: await this.#m.gdb.word(1, at) });
    }
    return words;
  }
  #entryOf(level: Level, page: number): Promise<bigint | null> {
    return entryAddress(this.#tables, this.#gates.area + BigInt(page) * PAGE, level, (a) => this.#m.gdb.word(1, a));
  }

  /**
   * Whether the thread has written to a word that is watched. In words: it was written by somebody, and nobody knows where: a
   * stop of two processors at once tells of one of them.
   */
  async #wrote(t: Thread, { cpu, watched }: Stop, words: Map<bigint, Watched>): Promise<Hit | string | null> {
    const { gdb, symbols } = this.#m;
    let found: Hit | null = null;
    for (const [at, word] of words) {
      const now = await gdb.word(1, at);
      const changed = (now & ~ACCESSED_DIRTY) !== (word.last & ~ACCESSED_DIRTY);
      word.last = now;
      if (watched === at) {
        if (!await this.#isIn(cpu, t)) continue;
        found = { point: word.point, place: symbols.inWords(await gdb.register(cpu, "rip")), value: entryWords(now) };
      } else if (changed) return "an entry was written, and where is not known";
    }
    return found;
  }

  // ---- points ------------------------------------------------------------------------------------------------------

  /** Sets and clears breakpoints until these are set. */
  async #want(points: ReadonlySet<bigint>): Promise<void> {
    const { gdb } = this.#m;
    for (const at of this.#set) {
      if (points.has(at)) continue;
      await gdb.clearBreak(at);
      this.#set.delete(at);
    }
    for (const at of points) {
      if (this.#set.has(at)) continue;
      await gdb.breakAt(at);
      this.#set.add(at);
    }
  }

  /** The processor goes past the point at which it stands. */
  async #stepOver(cpu: number): Promise<void> {
    const { gdb } = this.#m;
    const rip = await gdb.register(cpu, "rip");
    if (!this.#set.has(rip)) return;
    await gdb.clearBreak(rip);
    await gdb.step(cpu);
    await gdb.breakAt(rip);
  }
}

/** What a thread that goes on is stopped for: points, by address functions among them, and words of entries. */
interface Wanted {
  readonly points: readonly Point[];
  readonly targets: Map<bigint, number>;
  readonly words: Map<bigint, Watched>;
}
interface Watched {
  readonly point: number;
  last: bigint;
}

const withoutPoint = ({ place, value }: Hit): { readonly place: string; readonly value: string } => ({ place, value });

/** The debugger counts processors from 1 on. */
const cpuOf = (side: Side): number => side + 1;
/** @kernel arch/x86/include/asm/current.h get_current() */
async function currentTask({ gdb, symbols }: Debugged, cpu: number): Promise<bigint> {
  const inUser = (await gdb.register(cpu, "cs") & USER) === USER;
  const base = await gdb.register(cpu, inUser ? "kernelGsBase" : "gsBase");
  return gdb.word(cpu, BigInt.asUintN(64, base + symbols.address("current_task")));
}
