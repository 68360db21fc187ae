/** What the benchmark measures: published models, which exist in Promela and in TLA+ too with the same atomic steps, and runs of the kernel, which exist only here. */
import type { EventName } from "../../spec/events.ts";
import peterson from "../models/peterson.ts";
import refcount from "../models/refcount.ts";
import { rows as thpRows } from "../models/thp-resv.ts";

export interface BenchModel {
  /** The scenario's name, or that of the program. */
  readonly name: string;
  /** The scenario, where it has another name. */
  readonly scenario?: string;
  /** The name that stands for several models together. */
  readonly set?: "kernel" | "start";
  /** It is searched in WebAssembly as well. */
  readonly lowered?: true;
  /** Only the start of the process is measured, with an empty cache and with a warm one. */
  readonly startOnly?: true;
  /** A scenario of the kernel, whose steps are held to the machines of the specification. */
  readonly kernel?: true;
  /** What is counted, in the plural. */
  readonly unit: "states" | "faults";
  /** Null: what the first run finds, all others must find. */
  readonly states: number | null;
  /** Edges with multiplicity, without the initial state and without stuttering; the tools' own numbers differ, see the peers. */
  readonly edges: number | null;
  /** States in which every thread has ended. */
  readonly terminals: number;
  readonly spin?: {
    readonly file: string;
    readonly defines: Readonly<Record<string, number>>;
    /** Bound of the depth-first search. Too small, and Spin would leave states out. */
    readonly depth: number;
  };
  readonly tla?: { readonly module: string; readonly config: string };
  /** Copies of a machine of the specification, side by side: XState has them as one parallel machine. */
  readonly copies?: { readonly machine: string; readonly instances: number; readonly without: readonly EventName[] };
  /** A module of this folder that is run in place of a scenario; it prints `{ count, seconds }`. */
  readonly program?: string;
}

/** What models have in common in TLC's configuration. */
const SPECIFICATION = "SPECIFICATION Spec\nCHECK_DEADLOCK TRUE\n";

const constants = (values: Readonly<Record<string, string | number>>): string =>
  `CONSTANTS\n${Object.entries(values).map(([name, value]) => `  ${name} = ${value}\n`).join("")}`;

/** `setOf("t", 2)` is `{t1, t2}`. */
const setOf = (prefix: string, size: number): string => `{${Array.from({ length: size }, (_, i) => `${prefix}${i + 1}`).join(", ")}}`;

function thpResv(name: string, terminals: number): BenchModel {
  const row = thpRows.find((r) => r.name === name);
  if (row === undefined) throw new Error(`test/models/thp-resv.ts has no row ${name}`);
  const b = row.bounds;
  return {
    name, lowered: true, unit: "states", states: row.states, edges: row.edges, terminals,
    spin: {
      file: "thpresv.pml",
      defines: { F: b.faultThreads, K: b.faults, R: b.ranges, CK: b.collapseRounds, CS: b.shrinkRounds, TH: b.threshold, NB: b.blocks, BUG: b.bug },
      depth: 1_000,
    },
    tla: {
      module: "ThpResv",
      config: constants({
        FThr: setOf("t", b.faultThreads), KF: b.faults, Rng: setOf("r", b.ranges), Pg: setOf("p", 4),
        CK: b.collapseRounds, CS: b.shrinkRounds, TH: b.threshold, NB: b.blocks, NONE: "NONE", BUG: b.bug,
      }) + SPECIFICATION + "INVARIANT Inv\n",
    },
  };
}

/** Counts pinned by the scenario of that name. */
function pinned(scenarios: typeof refcount | typeof peterson, name: string): { name: string; unit: "states"; states: number; edges: number } {
  const s = scenarios.find((candidate) => candidate.name === name);
  if (s?.expect.verdict !== "holds" || s.expect.states === null || s.expect.transitions === null) throw new Error(`test/models has no scenario ${name} with pinned counts`);
  return { name, unit: "states", states: s.expect.states, edges: s.expect.transitions };
}

/** A scenario of the kernel; its pinned count of states is checked by the run itself. */
const kernelScenario = (name: string): BenchModel =>
  ({ name, set: "kernel", kernel: true, lowered: true, unit: "states", states: null, edges: null, terminals: 0 });

const startOf = (scenario: string): BenchModel =>
  ({ name: `start-${scenario}`, scenario, set: "start", startOnly: true, unit: "states", states: null, edges: null, terminals: 0 });

function refcounts(threads: number, objects: number): BenchModel {
  return {
    ...pinned(refcount, `refcount-${threads}${objects}`),
    terminals: 0, lowered: true,
    spin: { file: "refcount.pml", defines: { N: threads, KO: objects, BUG: 0 }, depth: 1_000_000 },
    tla: {
      module: "Refcount",
      config: constants({ Thr: setOf("t", threads), Obj: setOf("o", objects), NONE: "NONE", BUG: 0 }) + SPECIFICATION + "INVARIANT Inv\n",
    },
  };
}

function filterLock(processes: number): BenchModel {
  return {
    ...pinned(peterson, `peterson-${processes}`),
    terminals: 0, lowered: true,
    spin: { file: "peterson.pml", defines: { N: processes }, depth: 1_000_000 },
    tla: { module: "Peterson", config: constants({ Proc: setOf("q", processes), NONE: "NONE" }) + SPECIFICATION + "INVARIANT Mutex\n" },
  };
}

export const models: readonly BenchModel[] = [
  thpResv("thp-resv-s", 115),
  thpResv("thp-resv-m", 115),
  thpResv("thp-resv-l", 639),
  thpResv("thp-resv-xl", 639),
  refcounts(3, 2),
  refcounts(3, 3),
  refcounts(4, 2),
  filterLock(4),
  filterLock(5),
  ...["collapse-fault-2-ranges", "fork-cow-threads", "collapse-gup-2-ranges", "any-two-calls"].map(kernelScenario),
  ...["peterson-5", "collapse-fault"].map(startOf),
  // Seven queue members: the product of `spec/products.ts`, 4 states and 9 edges each.
  { name: "spec", scenario: "spec-queue", unit: "states", states: 4 ** 7, edges: 4 ** 6 * 7 * 8, terminals: 0, copies: { machine: "deferred-split", instances: 7, without: ["FOLIO_SPLIT"] } },
  { name: "full-size-faults", unit: "faults", states: 512 * 512, edges: 0, terminals: 0, program: "full-size-faults.ts" },
];

export const DEFAULT_MODELS = "thp-resv-l,thp-resv-xl,refcount-33,peterson-5,collapse-fault-2-ranges,full-size-faults";
