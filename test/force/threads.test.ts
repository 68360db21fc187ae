/** Segments on a machine that stops as it is told to: what is a hold, an end, a wait, and what is not to be trusted. */
import { describe, expect, it } from "vitest";
import type { GdbStub, Register, Stop } from "./gdb-stub.ts";
import { Pad } from "./pads.ts";
import { scheduleIn, type Became } from "./schedule.ts";
import { Symbols } from "./symbols.ts";
import { Threads, type Debugged, type Gates } from "./threads.ts";

const TEXT = `1000 T f\n1100 T g\n1200 T schedule\n1300 T rwsem_down_read_slowpath\n1400 T rwsem_down_write_slowpath
1500 T native_queued_spin_lock_slowpath\n1600 T default_idle\n1700 T worker
5000 D current_task\n5008 D __preempt_count\n5010 D page_offset_base\n`;
const [F, G, SCHEDULE, READ_SLOWPATH, PAD, WORKER] = [0x1000n, 0x1100n, 0x1200n, 0x1300n, 0x1600n - 16n, 0x1700n];
const DIRECT = 0x10_0000n;
const USER_PAD = 0x9200n;
const GATES: Gates = {
  area: 0x4000_0000n, gate: [0x7000n, 0x7004n], returned: [0x9000n, 0x9100n], calls: [1, 1], pad: USER_PAD, waits: 0x8000n,
};
const TASKS = [0xa000n, 0xb000n, 0xb800n] as const;
/** Stacks, by processor. */
const STACK = [0n, 0xc000n, 0xd000n, 0xe000n];
const CR3 = 0x1000n;
const PMD = DIRECT + 0x3000n + 8n * ((GATES.area >> 21n) & 511n);

/** What the machine does when it runs on; null: nothing that stops it. */
type Next = (m: FakeMachine) => Stop | null;
const stop = (cpu: number, watched: bigint | null = null): Stop => ({ cpu, watched });

class FakeMachine {
  readonly memory = new Map<bigint, bigint>();
  readonly registers: Partial<Record<Register, bigint>>[] = [{}, {}, {}, {}];
  readonly breaks = new Set<bigint>();
  readonly watches = new Set<bigint>();
  /** Processors that went past a point. */
  readonly steps: number[] = [];
  readonly #script: Next[];
  constructor(script: Next[]) {
    this.#script = script;
    for (const cpu of [1, 2, 3]) {
      // Per processor from its base on, where the kernel's symbols say.
      const base = BigInt(cpu) * 0x10_0000_0000n;
      this.registers[cpu] = {
        rip: GATES.waits, cs: 0x33n, kernelGsBase: base, gsBase: base, eflags: 0x202n, rsp: STACK[cpu]!, cr3: CR3, cr4: 0n,
      };
      this.memory.set(base + 0x5000n, TASKS[cpu - 1]!);
      this.memory.set(STACK[cpu]!, G + 4n);
    }
    this.memory.set(0x5010n, DIRECT);
    const table = (level: bigint, index: bigint, next: bigint): void => {
      this.memory.set(DIRECT + level * 0x1000n + 8n * index, next | 0x67n);
    };
    table(1n, 0n, 0x2000n);
    table(2n, GATES.area >> 30n, 0x3000n);
    table(2n, 0n, 0x6000n);
    table(6n, 0n, 0x4000n);
    table(4n, 7n, 0x5000n);
    this.memory.set(PMD, 0x9067n);
  }

  /** The thread of the processor comes there, in the kernel. */
  goes(cpu: number, rip: bigint, task: bigint = TASKS[cpu - 1]!): void {
    Object.assign(this.registers[cpu]!, { rip, cs: 0x10n });
    this.memory.set(BigInt(cpu) * 0x10_0000_0000n + 0x5000n, task);
  }
  register(cpu: number, name: Register): Promise<bigint> { return Promise.resolve(this.registers[cpu]![name]!); }
  setRegister(cpu: number, name: Register, value: bigint): Promise<void> {
    this.registers[cpu]![name] = value;
    return Promise.resolve();
  }
  word(_: number, at: bigint): Promise<bigint> { return Promise.resolve(this.memory.get(at) ?? 0n); }
  read(_: number, __: bigint, size: number): Promise<Buffer> { return Promise.resolve(Buffer.alloc(size, 0x90)); }
  write(): Promise<void> { return Promise.resolve(); }
  breakAt(at: bigint): Promise<void> { this.breaks.add(at); return Promise.resolve(); }
  clearBreak(at: bigint): Promise<void> { this.breaks.delete(at); return Promise.resolve(); }
  watch(at: bigint): Promise<void> { this.watches.add(at); return Promise.resolve(); }
  clearWatch(at: bigint): Promise<void> { this.watches.delete(at); return Promise.resolve(); }
  resume(): void {}
  step(cpu: number): Promise<void> { this.steps.push(cpu); return Promise.resolve(); }
  stopped(): Promise<Stop | null> { return Promise.resolve(this.#script.shift()?.(this) ?? null); }
  interrupt(): Promise<Stop> { return Promise.resolve(stop(1)); }
}

function run(schedule: string, ...script: Next[]): Promise<{ readonly became: readonly Became[]; readonly m: FakeMachine }> {
  return runCalls([1, 1], schedule, script);
}
const runCalls = (calls: Gates["calls"], schedule: string, script: Next[]): ReturnType<typeof runGates> =>
  runGates({ ...GATES, calls }, schedule, script);
async function runGates(
  gates: Gates, schedule: string, script: Next[],
): Promise<{ readonly became: readonly Became[]; readonly m: FakeMachine }> {
  const m = new FakeMachine(script);
  const gdb = m as unknown as GdbStub;
  const symbols = new Symbols(TEXT);
  const debugged: Debugged = { gdb, symbols, pad: await Pad.install(gdb, symbols) };
  const threads = await Threads.atGates(debugged, gates);
  const became: Became[] = [];
  for (const segment of scheduleIn(schedule)) became.push(await threads.segment(segment));
  return { became, m };
}
const comes = (cpu: number, rip: bigint): Next => (m) => {
  m.goes(cpu, rip);
  return stop(cpu);
};
const ends: Next = comes(1, GATES.returned[0]);

describe("a thread", () => {
  it("is held at the n-th entry of a function, and told with its caller and the entry; then it goes on to its end", async () => {
    const { became, m } = await run("A:f#2 A:end", comes(1, F), comes(1, F), ends);
    expect(became).toEqual([{ what: "held", place: "f+0x0 from g+0x4", value: "present writable" }, { what: "ended" }]);
    expect(m.steps).toEqual([1, 1]);
  });
  it("is held on the pad", async () => {
    const { m } = await run("A:f", comes(1, F));
    expect(await m.register(1, "rip")).toBe(PAD);
  });
  it("is told from another that the processor runs, from an interrupt, and from where interrupts are off", async () => {
    const { became } = await run("A:f A:end", (m) => {
      m.goes(1, F, 0xeeeen);
      return stop(1);
    }, (m) => {
      m.goes(1, F);
      m.memory.set(0x10_0000_0000n + 0x5008n, 0x1_0000n);
      return stop(1);
    }, (m) => {
      m.memory.set(0x10_0000_0000n + 0x5008n, 0n);
      m.registers[1]!.eflags = 2n;
      return stop(1);
    }, ends);
    expect(became[0]).toEqual({ what: "ended" });
  });
  it("has come to its point although the reply names the other processor", async () => {
    const { became } = await run("A:f", (m) => {
      m.goes(1, F);
      return stop(2);
    });
    expect(became[0]).toMatchObject({ what: "held" });
  });
  it("is held behind its write to an entry, with what was written", async () => {
    const { became, m } = await run("A:write@pmd:0", (m) => {
      m.goes(1, G + 8n);
      m.memory.set(PMD, 0n);
      return stop(1, PMD);
    });
    expect(became).toEqual([{ what: "held", place: "g+0x8", value: "none" }]);
    expect(m.watches.size).toBe(0);
  });
  it("is lost where an entry was written, and the stop tells of something else", async () => {
    const { became } = await run("A:write@pmd:0", (m) => {
      m.goes(1, GATES.returned[0]);
      m.memory.set(PMD, 0n);
      return stop(1);
    });
    expect(became[0]).toEqual({ what: "lost", why: "an entry was written, and where is not known" });
  });
  it("has written nothing where the hardware has set bits of its own", async () => {
    const { became } = await run("A:write@pmd:0", (m) => {
      m.memory.set(PMD, 0x9007n);
      m.goes(1, GATES.returned[0]);
      return stop(1);
    });
    expect(became[0]).toEqual({ what: "ended" });
  });
});

describe("a thread with several calls", () => {
  it("is held in user mode when one has returned, goes on with the next, and ends with the last", async () => {
    const inUser: Next = (m) => {
      m.goes(1, GATES.returned[0]);
      m.registers[1]!.cs = 0x33n;
      return stop(1);
    };
    const held = await runCalls([2, 1], "A:return", [inUser]);
    expect(held.became).toEqual([{ what: "held", place: "user mode", value: "present writable" }]);
    expect(await held.m.register(1, "rip")).toBe(USER_PAD);
    const { became, m } = await runCalls([3, 1], "A:return#2 A:end", [inUser, inUser, inUser]);
    expect(became).toMatchObject([{ what: "held" }, { what: "ended" }]);
    // Past the first return, and from the pad.
    expect(m.steps).toEqual([1, 1]);
  });
});

describe("a thread that waits for the other", () => {
  const sleeps = (cpu: number): Next => (m) => {
    m.goes(cpu, WORKER, 0xeeeen);
    return null;
  };
  it("has entered a slow path, and runs no more", async () => {
    const script = [comes(1, F), comes(2, READ_SLOWPATH), sleeps(2), ends, comes(2, GATES.returned[1])];
    const { became } = await run("A:f B:end A:end B:end", ...script);
    const blocked = { what: "blocked", place: "rwsem_down_read_slowpath" };
    expect(became).toEqual([expect.objectContaining({ what: "held" }), blocked, { what: "ended" }, { what: "ended" }]);
  });
  it("does not wait when it is only preempted, or is the first", async () => {
    const preempted = await run("A:f B:end", comes(1, F), comes(2, SCHEDULE), comes(2, GATES.returned[1]));
    expect(preempted.became[1]).toEqual({ what: "ended" });
    const { became } = await run("A:end", comes(1, READ_SLOWPATH), ends);
    expect(became).toEqual([{ what: "ended" }]);
  });
  it("may wait for a third, which stands still meanwhile", async () => {
    const third = { ...GATES, gate: [0x7000n, 0x7004n, 0x7008n], returned: [0x9000n, 0x9100n, 0x9180n], calls: [1, 1, 1] } as const;
    const script = [
      comes(3, F), comes(1, READ_SLOWPATH), sleeps(1), comes(2, 0x9100n), comes(3, 0x9180n), comes(1, GATES.returned[0]),
    ];
    const { became, m } = await runGates(third, "C:f A:end B:end C:end A:end", script);
    expect(became).toMatchObject([
      { what: "held" }, { what: "blocked", place: "rwsem_down_read_slowpath" }, { what: "ended" }, { what: "ended" }, { what: "ended" },
    ]);
    expect(m.steps).toContain(3);
  });
  it("is skipped when it has ended before its turn", async () => {
    const { became } = await run("A:end A:end", ends);
    expect(became[1]).toMatchObject({ what: "skipped" });
  });
});
