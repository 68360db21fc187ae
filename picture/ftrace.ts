/**
 * The tracepoints that a trace of the kernel passes, as the kernel's ring buffer would tell of them: the text of
 * /sys/kernel/tracing/trace, a microsecond for each step.
 *
 * Those of `impl/`: mm_khugepaged_scan_pmd and mm_collapse_huge_page, which it counts with their status, and mm_lru_insertion, where the
 * grain `trace` makes a step of it. The fields are those of 7.2. A thread has the CPU of its number, and a pid from 1 on.
 *
 * What `impl/` does not know is a question mark: how many entries a scan found young, or none, or swapped out, and its last page.
 * Addresses stand for numbers, the first object is 1. Flags are of the thread before the step: `d` with interrupts off, and how many
 * spinlocks it holds.
 */
import type { TracedRun } from "../checker/config.ts";
import { scanStatusWord } from "../impl/khugepaged/scan-result.ts";

/** @kernel Documentation/trace/ftrace.rst, "Output format" */
const HEADER = [
  "#                                _-----=> irqs-off/BH-disabled", "#                               / _----=> need-resched",
  "#                              | / _---=> hardirq/softirq", "#                              || / _--=> preempt-depth",
  "#                              ||| / _-=> migrate-disable", "#                              |||| /     delay",
  "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION", "#              | |         |   |||||     |         |",
];
/** Characters of a task's name. @kernel include/linux/sched.h TASK_COMM_LEN, less the end */
const COMM_MAX = 15;
const COMM_WIDTH = 16;
const UNKNOWN = "?";

type State = ReadonlyMap<string, string>;

/** The text of a trace of a kernel's scenario. Of another program nothing is told. */
export function ftrace({ scenario, replayed: { rows, actors }, states }: TracedRun): string {
  const spinlocks = spinlocksOf(scenario);
  const entries = rows.slice(1).flatMap((row) => {
    const before: State = new Map(states[row.index - 1]!.map((v) => [v.name, v.value]));
    const cpu = actors.indexOf(row.actor!);
    const task = taskOf(row.actor!, cpu, before, spinlocks);
    return eventsOf(row, before, cpu).map((event) => `${task}${timeOf(row.index)}: ${event}`);
  });
  const written = `# entries-in-buffer/entries-written: ${entries.length}/${entries.length}   #P:${actors.length}`;
  return ["# tracer: nop", "#", `# thpcheck: ${scenario.name}`, written, "#", ...HEADER, ...entries, ""].join("\n");
}

/** @kernel kernel/trace/trace_output.c trace_print_context() */
function taskOf(name: string, cpu: number, before: State, spinlocks: readonly string[]): string {
  const held = spinlocks.filter((lock) => before.get(lock) === `held by ${name}`).length;
  const flags = `${before.get(`cpu[${cpu}].irqsOff`) === "true" ? "d" : "."}..${held === 0 ? "." : held.toString(16)}.`;
  const comm = name.replace(/\s/g, "_").slice(0, COMM_MAX).padStart(COMM_WIDTH);
  return ` ${comm}-${String(cpu + 1).padEnd(7)} [${String(cpu).padStart(3, "0")}] ${flags} `;
}

/** The names of a program's spinlocks. */
function spinlocksOf(scenario: TracedRun["scenario"]): string[] {
  if (!("structs" in scenario)) return [];
  return Object.entries(scenario.structs).flatMap(([struct, { shape, count, fields }]) => Object.entries(fields).flatMap(([name, f]) => {
    if (f.kind !== "spinlock") return [];
    return shape === "struct" ? [`${struct}.${name}`] : Array.from({ length: count }, (_, i) => `${struct}[${i}].${name}`);
  }));
}

const timeOf = (step: number): string => `${String(Math.floor(step / 1e6)).padStart(5)}.${String(step % 1e6).padStart(6, "0")}`;

/** What a step tells, in the order in which collapse_single_pmd() passes the tracepoints. */
function eventsOf({ label, statistics, actor }: TracedRun["replayed"]["rows"][number], before: State, cpu: number): string[] {
  const passed = (name: string): number[] => statistics.flatMap((s) => {
    const status = new RegExp(`^tracepoint\\.${name}\\[(\\d+)\\]$`).exec(s.name)?.[1];
    return status === undefined ? [] : Array.from({ length: Number(s.value) }, () => Number(status));
  });
  const inserted = label === "trace_mm_lru_insertion" ? [lruInsertion(before, folioOf(before, actor!))] : [];
  return [
    ...inserted, ...passed("collapseHugePage").map((s) => collapseHugePage(before, cpu, s)),
    ...passed("khugepagedScanPmd").map((s) => scanPmd(before, cpu, s)),
  ];
}

/** @kernel include/trace/events/huge_memory.h mm_khugepaged_scan_pmd; `writable` before 6.18 */
function scanPmd(before: State, cpu: number, status: number): string {
  const writable = before.get("param.collapseNeedsWritable") === "1" ? `, writable=${UNKNOWN}` : "";
  return `mm_khugepaged_scan_pmd: mm=${mmOf(before, cpu)}, scan_pfn=${UNKNOWN}${writable}, referenced=${UNKNOWN}, ` +
    `none_or_zero=${UNKNOWN}, status=${wordOf(before, status)}, unmapped=${UNKNOWN}`;
}

/** @kernel include/trace/events/huge_memory.h mm_collapse_huge_page */
function collapseHugePage(before: State, cpu: number, status: number): string {
  const word = wordOf(before, status);
  const order = before.get("param.hpagePmdOrder") ?? UNKNOWN;
  return `mm_collapse_huge_page: mm=${mmOf(before, cpu)}, isolated=${word === "succeeded" ? 1 : 0}, status=${word}, order=${order}`;
}

const wordOf = (before: State, status: number): string =>
  scanStatusWord(status, before.get("param.collapseContinuesAtEmptyPmd") !== "0") ?? String(status);

/** The mm whose range this CPU collapses. */
function mmOf(before: State, cpu: number): string {
  const range = Number(before.get(`collapse[${cpu}].range`) ?? NaN);
  const ranges = Number(before.get("param.hugeRanges"));
  return range >= 0 ? addressOf(Math.floor(range / ranges)) : UNKNOWN;
}

/** @kernel include/trace/events/pagemap.h mm_lru_insertion, trace_pagemap_flags(); include/linux/mm_inline.h folio_lru_list() */
function lruInsertion(before: State, folio: number): string {
  const is = (flag: string): boolean => before.get(`page[${folio}].${flag}`) === "true";
  const counts = (name: string, pfn: number): number => Number(before.get(`page[${pfn}].${name}`) ?? -1);
  const pages = Array.from({ length: 2 ** Number(before.get(`page[${folio}].order`)) }, (_, n) => folio + n);
  const isMapped = counts("entireMapcount", folio) >= 0 || pages.some((pfn) => counts("mapcount", pfn) >= 0);
  const flags = [isMapped ? "M" : " ", is("anon") ? "a" : "f", " ", is("swapbacked") ? "b" : " ", "  "].join("");
  const lru = (is("swapbacked") ? 0 : 2) + (is("active") ? 1 : 0);
  return `mm_lru_insertion: folio=${addressOf(folio)} pfn=0x${folio.toString(16)} lru=${lru} flags=${flags}`;
}

/** The local of the routine that has the tracepoint. */
function folioOf(before: State, actor: string): number {
  const [, value] = [...before].find(([name]) => name.startsWith(`${actor}/`) && name.endsWith("traceMmLruInsertion.folio"))!;
  return Number(value.replace(/^page /, ""));
}

const addressOf = (n: number): string => (n + 1).toString(16).padStart(16, "0");
