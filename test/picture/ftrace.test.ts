/**
 * `replay --format ftrace` against what the replay counted, announced and holds: read by a reader that knows the layout of the ring
 * buffer's text and the fields of the kernel's tracepoints, and nothing of the writer.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Scenario } from "thpcheck";
import { beforeAll, describe, expect, it } from "vitest";
import { pageData, type ToldTrace } from "../../checker/page/trace-data.ts";
import { tracedRun } from "../../checker/report/traces/trace-format.ts";
import { SCAN_STATUS } from "../../impl/khugepaged/scan-result.ts";
import { ftrace } from "../../picture/ftrace.ts";
import grainTrace from "../scenarios/grain-trace.ts";
import { model } from "../page/odd.ts";
import { kernelTrace, told } from "../page/told.ts";

/** By tracepoint, its header and its fields. Of Linux 7.2, TP_printk(). */
const FIELDS: Readonly<Record<string, { readonly header: string; readonly fields: readonly string[] }>> = {
  mm_khugepaged_scan_pmd: {
    header: "huge_memory.h", fields: ["mm", "scan_pfn", "referenced", "none_or_zero", "status", "unmapped"],
  },
  mm_collapse_huge_page: { header: "huge_memory.h", fields: ["mm", "isolated", "status", "order"] },
  mm_lru_insertion: { header: "pagemap.h", fields: ["folio", "pfn", "lru", "flags"] },
};

interface Entry {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  readonly flags: string;
  /** Microseconds. */
  readonly time: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Reads the text of /sys/kernel/tracing/trace, as its documentation describes it. Throws where a line is otherwise. */
function readTrace(text: string): Entry[] {
  const [first, ...lines] = text.split("\n");
  expect(first).toBe("# tracer: nop");
  const entries = lines.filter((l) => l !== "" && !l.startsWith("#")).map((line): Entry => {
    const parts = /^ +(\S{1,15})-(\d+) +\[(\d{3})\] ([.dbn][.nNp][.hHs][.1-9a-f][.1-9a-f]) +(\d+)\.(\d{6}): (\w+): (.*)$/.exec(line);
    if (parts === null) throw new Error(`no entry: ${line}`);
    const [, comm, pid, cpu, flags, seconds, micros, event, rest] = parts;
    // Values of mm_lru_insertion have spaces in their flags: a field ends where the next one begins.
    const fields = Object.fromEntries([...rest!.matchAll(/(\w+)=(.*?)(?:,? (?=\w+=)|$)/g)].map(([, name, value]) => [name!, value!]));
    return {
      comm: comm!, pid: Number(pid), cpu: Number(cpu), flags: flags!,
      time: Number(seconds) * 1e6 + Number(micros), event: event!, fields,
    };
  });
  const written = new RegExp(`^# entries-in-buffer/entries-written: ${entries.length}/${entries.length} +#P:\\d+$`);
  expect(lines).toContainEqual(expect.stringMatching(written));
  return entries;
}

const rendered = (trace: ToldTrace): string => ftrace(tracedRun(trace));

/** The first walks in which the tracepoint is passed. */
async function passing(name: string, s: Scenario | null): Promise<ToldTrace> {
  for (let seed = 1; seed <= 20; seed++) {
    const trace = s === null ? await kernelTrace(seed) : await told(s, seed);
    if (rendered(trace).includes(` ${name}: `)) return trace;
  }
  throw new Error(`no walk passes ${name}`);
}

describe("a collapse, as the ring buffer would tell of it", () => {
  let trace: ToldTrace;
  let entries: Entry[];
  beforeAll(async () => {
    trace = await passing("mm_collapse_huge_page", null);
    entries = readTrace(rendered(trace));
  }, 60_000);

  it("has every tracepoint as often, with the status and at the step, as the replay has counted it", () => {
    const counted = trace.replayed.rows.flatMap(({ index, actor, statistics }) => statistics.flatMap(({ name, value }) => {
      const [, tracepoint, status] = /^tracepoint\.(\w+)\[(\d+)\]$/.exec(name) ?? [];
      if (tracepoint === undefined) return [];
      const event = { khugepagedScanPmd: "mm_khugepaged_scan_pmd", collapseHugePage: "mm_collapse_huge_page" }[tracepoint]!;
      return Array.from({ length: Number(value) }, () => [index, actor, event, SCAN_STATUS[Number(status)]].join());
    }));
    expect(counted.length).toBeGreaterThan(1);
    expect(entries.map((e) => [e.time, e.comm, e.event, e.fields["status"]].join()).toSorted()).toEqual(counted.toSorted());
    expect(entries.map((e) => e.time)).toEqual(entries.map((e) => e.time).toSorted((a, b) => a - b));
  });

  it("has the scan behind the collapse of the same step, as the kernel has", () => {
    const at = entries.findIndex((e) => e.event === "mm_collapse_huge_page");
    expect(entries[at + 1]).toMatchObject({ event: "mm_khugepaged_scan_pmd", time: entries[at]!.time });
    expect(entries[at]!.fields["isolated"]).toBe(entries[at]!.fields["status"] === "succeeded" ? "1" : "0");
  });

  it("names the mm of which the machine was told", () => {
    const page = pageData(trace);
    const told = page.trace.steps.flatMap((step, n) => step.events.flatMap((event) => {
      const [, mm] = /^COLLAPSE_RESULT\((\d+),/.exec(event) ?? [];
      return mm === undefined ? [] : [[n + 1, Number(mm)]];
    }));
    expect(told.length).toBeGreaterThan(0);
    const scans = entries.filter((e) => e.event === "mm_khugepaged_scan_pmd");
    expect(scans.map((e) => [e.time, parseInt(e.fields["mm"]!, 16) - 1])).toEqual(told);
  });
});

it("an insertion into the LRU has the frame, the list and the flags of the state before it", async () => {
  const trace = await passing("mm_lru_insertion", grainTrace[0] as unknown as Scenario);
  const run = tracedRun(trace);
  const entries = readTrace(ftrace(run)).filter((e) => e.event === "mm_lru_insertion");
  const inserting = run.replayed.rows.filter((r) => r.label === "trace_mm_lru_insertion");
  expect(entries.map((e) => [e.time, e.comm, e.cpu, e.pid])).toEqual(inserting.map((r) => {
    const cpu = run.replayed.actors.indexOf(r.actor!);
    return [r.index, r.actor, cpu, cpu + 1];
  }));
  for (const { time, fields, flags } of entries) {
    const value = (name: string): string | undefined => run.states[time - 1]!.find((v) => v.name === name)?.value;
    const pfn = Number(fields["pfn"]);
    expect(fields["pfn"]).toMatch(/^0x[0-9a-f]+$/);
    const isMapped = Number(value(`page[${pfn}].mapcount`)) >= 0;
    expect(fields["flags"]!.padEnd(6)).toBe(`${isMapped ? "M" : " "}a ${value(`page[${pfn}].swapbacked`) === "true" ? "b" : " "}  `);
    expect(fields["lru"]).toBe(value(`page[${pfn}].active`) === "true" ? "1" : "0");
    // The lock of the LRU is held.
    expect(flags[3]).toBe("1");
  }
});

it("of a program that is no kernel nothing is told", async () => {
  expect(readTrace(rendered(await told(model as unknown as Scenario, 1)))).toEqual([]);
});

describe("the fields of each tracepoint", () => {
  it.each(Object.entries(FIELDS))("of %s are those of the kernel, in its order", async (event, { fields }) => {
    const trace = await passing(event, event === "mm_lru_insertion" ? grainTrace[0] as unknown as Scenario : null);
    for (const e of readTrace(rendered(trace)).filter((x) => x.event === event)) expect(Object.keys(e.fields)).toEqual(fields);
  });

  /** Without it under /usr/src: LINUX=/path/to/a/source of 7.2 or later. */
  const linux = [process.env["LINUX"] ?? "", ...globSync("/usr/src/linux-source-7.[2-9]")].find((f) => f !== "" && existsSync(f));
  it.skipIf(linux === undefined)("are those of its source (SKIP without one of 7.2 or later, under /usr/src or named by LINUX)", () => {
    for (const [event, { header, fields }] of Object.entries(FIELDS)) {
      const text = readFileSync(join(linux!, "include/trace/events", header), "utf8");
      const [, format] = new RegExp(`TRACE_EVENT\\(${event},.*?TP_printk\\("([^"]*)"`, "s").exec(text)!;
      expect([...format!.matchAll(/(\w+)=(?:0x)?%/g)].map(([, name]) => name)).toEqual(fields);
    }
  });
});
