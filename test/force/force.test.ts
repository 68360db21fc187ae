/** What is between a schedule in words and the addresses of a kernel. */
import { describe, expect, it } from "vitest";
import { runForce } from "./force.ts";
import { directAddress, entryAddress, entryWords } from "./page-walk.ts";
import { pointIn, pointInWords, scheduleIn, scheduleInWords } from "./schedule.ts";
import { Symbols } from "./symbols.ts";
import { waitingPlaces, waitsIn } from "./blocked.ts";

describe("schedules", () => {
  it.each([
    "A:end B:end", "A:collapse_huge_page B:end A:end", "B:write@pmd:0#2 A:write@pte:7 B:end", "A:zap_pte_range.isra.0#3 A:end",
    "C:f A:end C:end",
  ])(
    "%s is read as it is written", (text) => {
      expect(scheduleInWords(scheduleIn(text))).toBe(text);
    },
  );
  it.each(["D:end", "A", "A:", "A:write@pud:1", "A:f#0", "A:f#x", ""])("%s is refused", (text) => {
    expect(() => scheduleIn(text)).toThrow(RangeError);
  });
  it("the first time is not said", () => {
    expect(pointInWords(pointIn("f#1"))).toBe("f");
    expect([pointIn("return#2"), pointInWords(pointIn("return"))]).toEqual([{ kind: "return", nth: 2 }, "return"]);
  });
});

describe("page tables", () => {
  const DIRECT = 0xffff_8880_0000_0000n;
  /** A table at 0x1000, and so on, each with an entry for the address that leads to the next. */
  const memory = (levels: number, pmd: bigint): Map<bigint, bigint> => {
    const m = new Map<bigint, bigint>();
    const shifts = [48n, 39n, 30n, 21n, 12n].slice(5 - levels);
    shifts.forEach((shift, i) => {
      const next = BigInt(i + 2) * 0x1000n;
      const entry = shift === 21n ? pmd | (pmd === 0n ? 0n : next) : next | 0x67n;
      m.set(DIRECT + BigInt(i + 1) * 0x1000n + 8n * ((ADDRESS >> shift) & 511n), entry);
    });
    return m;
  };
  const ADDRESS = 0x100_0000_7123n;
  const reader = (m: Map<bigint, bigint>) => (at: bigint): Promise<bigint> => Promise.resolve(m.get(at) ?? 0n);
  it.each([[4, 0n], [5, 1n << 12n]])("of %i levels", async (levels, cr4) => {
    const tables = { cr3: 0x1000n, cr4, direct: DIRECT };
    const read = reader(memory(levels, 0x67n));
    const table = (n: number): bigint => DIRECT + BigInt(n) * 0x1000n;
    expect(await entryAddress(tables, ADDRESS, "pmd", read)).toBe(table(levels - 1) + 8n * ((ADDRESS >> 21n) & 511n));
    expect(await entryAddress(tables, ADDRESS, "pte", read)).toBe(table(levels) + 8n * 7n);
    expect(await directAddress(tables, ADDRESS, read)).toBe(table(levels + 1) + 0x123n);
  });
  it("there is no entry below a huge page, or below nothing", async () => {
    const tables = { cr3: 0x1000n, cr4: 0n, direct: DIRECT };
    for (const pmd of [0n, 0xe7n]) {
      const read = reader(memory(4, pmd));
      expect(await entryAddress(tables, ADDRESS, "pmd", read)).not.toBeNull();
      expect([await entryAddress(tables, ADDRESS, "pte", read), await directAddress(tables, ADDRESS, read)]).toEqual([null, null]);
    }
  });
  it("entries in words, without frame, accessed and dirty bits", () => {
    expect([0n, 0x200n, 0x8000000005e008e7n, 0x8000000005e00867n, 0x25n].map(entryWords))
      .toEqual(["none", "not present", "huge writable", "present writable", "present read-only"]);
  });
});

describe("symbols", () => {
  const text = "ffffffff81000010 T b\nffffffff81000000 t a\nffffffff81000000 T alias\nffffffff81500000 t far\nffffffff82000000 D word\n" +
    "ffffffff81000100 T schedule\nffffffff81000110 T rwsem_down_read_slowpath\nffffffff81000120 T rwsem_down_write_slowpath\n" +
    "ffffffff81000130 T native_queued_spin_lock_slowpath\nffffffff81000010 t b\n";
  const symbols = new Symbols(text);
  it("give addresses, and the function around one", () => {
    expect(symbols.address("word")).toBe(0xffffffff82000000n);
    expect(symbols.inWords(0xffffffff81000012n)).toBe("b+0x2");
    expect(symbols.inWords(0xffffffff81900000n)).toBe("0xffffffff81900000");
    expect(symbols.functionAt(0x10n)).toBeNull();
    expect(() => symbols.address("nothing")).toThrow("this kernel has no symbol nothing");
    expect([symbols.has("alias"), symbols.has("nothing"), symbols.count]).toEqual([true, false, 9]);
  });
  it("a thread that enters schedule() waits unless it can run", async () => {
    const task = 0x1000n;
    const state = (value: bigint) => (at: bigint): Promise<bigint> => Promise.resolve(at === task + 24n ? value : -1n);
    const rip = symbols.address("schedule");
    expect(waitingPlaces(symbols).has(rip)).toBe(true);
    const from = symbols.address("rwsem_down_write_slowpath") + 5n;
    // The other half of the word is another field.
    expect(await waitsIn(symbols, { rip, from, task }, state(0x5_0000_0000n))).toBeNull();
    expect(await waitsIn(symbols, { rip, from, task }, state(2n))).toEqual({ place: "rwsem_down_write_slowpath", graceMs: 150 });
    // A worker may need longer than a lock that nobody holds.
    const byWorker = await waitsIn(symbols, { rip, from: symbols.address("far"), task }, state(2n));
    expect([byWorker?.place, byWorker!.graceMs > 500]).toEqual(["far", true]);
    const contended = { rip: symbols.address("rwsem_down_read_slowpath"), from, task };
    expect(await waitsIn(symbols, contended, state(0n))).toMatchObject({ place: "rwsem_down_read_slowpath" });
  });
});

describe("the command", () => {
  it.each([
    [{ witness: "w" }, /name the trace/], [{ kernel: "0x" }, /no kernel "0x" is known/], [{ kernel: "/dev/null" }, /no kernel image/],
    [{ schedule: "" }, /--schedule is asked of a kernel/], [{ anchors: true, record: true }, /--record is asked of a kernel/],
  ])("refuses %o", async (flags, why) => {
    await expect(runForce([], { least: 64, guests: 1, ...flags })).rejects.toThrow(why);
  });
  it("refuses a third thread in a schedule of a pair", async () => {
    const asked = runForce(["collapse+store@hole"], { least: 64, guests: 1, kernel: "7.3.4", schedule: "A:end C:end B:end" });
    await expect(asked).rejects.toThrow("a pair has the threads A and B");
  });
  it.each([
    [["tc1.x.A"], {}, /add --kernel/], [["tc1.x.A", "tc1.y.A"], { kernel: "7.3.4" }, /one trace at a time/],
    [["tc1.x.A"], { kernel: "7.3.4" }, /damaged/], [["tc1.x.A"], { record: true }, /--record is about pairs/],
    [["s"], { witness: "w", scenario: "s" }, /--scenario is about a file of results/],
    [["nothing.json"], { kernel: "7.3.4" }, /neither a file/],
  ])("refuses the trace %j with %o", async (given, flags, why) => {
    await expect(runForce(given, { least: 64, guests: 1, ...flags })).rejects.toThrow(why);
  });
});
