/**
 * What an invariant may look at: a read-only view of a kernel's state. The implementation's world provides it as it is;
 * a product of specification machines provides it by its contexts.
 *
 * Numbers are as in the kernel (mapcounts start at -1, NONE is -1). Entries are page-table entries with the flag bits
 * of x86 as `spec/entry.ts` names them.
 *
 * To let invariants read one more field, write it into `ViewFields` with its kind, which is the declaration's own (see
 * checker/program/layout.ts): `int`, `bool`, `ref`, `bitset` or `lock`, with `[]` for an array. The type checker compares
 * name and kind with the kernel's declarations: test/spec/view.test-d.ts.
 */

type Scalar = "int" | "bool" | "ref" | "bitset";
/** What a field is. */
export type Kind = Scalar | "lock" | `${Scalar}[]`;

/** One object: its fields. */
interface One<F> { readonly shape: "struct"; readonly fields: F }
/** Objects of one kind, by number. */
interface Many<F> { readonly shape: "table"; readonly fields: F }

/** The structs that invariants read, and of each the fields that they read. */
export interface ViewFields {
  param: One<{
    hpagePmdNr: "int"; hpagePmdOrder: "int"; minLargeOrder: "int"; hugeRanges: "int"; pmdsPerPage: "int"; vpnMax: "int"; contents: "int";
    resvMechanism: "int"; resvPerMm: "int"; refcountScheme: "int"; splitQueueScan: "int"; grainMigration: "int"; swapSlots: "int";
  }>;
  page: Many<{
    lock: "lock";
    refcount: "int"; mapcount: "int";
    /** Counters of SCHEME_FOLIO: invariants/refcount-folio.ts says what they mean. */
    entireMapcount: "int"; largeMapcount: "int"; nrPagesMapped: "int"; maybeShared: "bool"; pincount: "int";
    /** The thread that has the page to itself, -1 for none. */
    owner: "int";
    order: "int"; head: "ref"; buddy: "bool"; anon: "bool"; mapping: "ref"; index: "int";
    lru: "bool"; active: "bool"; swapbacked: "bool"; anonExclusive: "bool"; deferred: "bool"; partiallyMapped: "bool";
    content: "int";
    /** The slot of its first page, -1 where it is not in the swap cache. */
    swap: "int"; writeback: "int";
  }>;
  zone: One<{ lock: "lock"; freePages: "int" }>;
  lruvec: One<{ lock: "lock"; anonPages: "int"; filePages: "int"; isolated: "int" }>;
  /** None of them but with the grain `lru`. */
  lruList: Many<{ next: "ref"; prev: "ref" }>;
  lruSize: Many<{ pages: "int" }>;
  node: One<{ anonMapped: "int"; anonThps: "int"; nrAnon: "int"; nrAnonPartiallyMapped: "int"; thpReserved: "int" }>;
  cpu: Many<{ mm: "ref"; irqsOff: "bool"; tlb: "int[]"; tlbHuge: "int[]"; lruBatch: "ref[]"; gatherPages: "ref[]"; pinned: "ref[]" }>;
  mm: Many<{
    users: "int"; mmCount: "int"; flags: "bitset"; mmapLock: "lock"; pmdLock: "lock"; pmd: "int[]";
    anonPages: "int"; swapEntries: "int"; nrPtes: "int";
  }>;
  vma: Many<{ mm: "ref"; detached: "bool"; start: "int"; end: "int"; flags: "bitset"; pgoff: "int"; anonVma: "ref"; resvs: "ref" }>;
  anonVma: Many<{ lock: "lock"; refcount: "int"; root: "ref"; tree: "ref" }>;
  avc: Many<{ vma: "ref"; nextInTree: "ref" }>;
  ptTable: Many<{ state: "int"; mm: "ref"; pmdPage: "int"; lock: "lock"; pte: "int[]" }>;
  /** Containers of reservations, by number: those of areas or of address spaces. */
  resvs: Many<{ lock: "lock"; hash: "ref[]" }>;
  resv: Many<{ allocated: "bool"; haddr: "int"; page: "ref"; unused: "int"; used: "bool[]" }>;
  resvLru: One<{ lock: "lock"; length: "int"; items: "ref[]" }>;
  hugeZero: One<{ refcount: "int"; page: "ref" }>;
  hugeZeroWords: Many<{ lock: "lock"; pfn: "ref" }>;
  /** Sizes between a page and a huge page, the smallest first; none without `thpAnon`. */
  thpSize: Many<{ nrAnon: "int"; nrAnonPartiallyMapped: "int" }>;
  deferredSplit: One<{
    lock: "lock"; length: "int";
    /** By pair of frames, where a large folio may begin. */
    unmappedInSplit: "bool[]";
  }>;
  /** None of them but with the grain `lists`. */
  splitList: Many<{ next: "ref"; prev: "ref"; scanning: "int"; editing: "int" }>;
  /** The attempt to collapse that each CPU is making. */
  collapse: Many<{ stage: "int"; range: "int"; table: "ref" }>;
  /** Of which part of its range each CPU makes a folio; none unless khugepaged collapses to sizes below a huge page. */
  window: Many<{ first: "int"; order: "int" }>;
  /** None without swap; by slot. */
  swapDevice: Many<{ lock: "lock"; available: "int"; used: "bool[]"; folio: "ref[]"; counts: "int[]" }>;
  /** The table that is out for a window, and what it was: none without those. */
  detachedPtes: Many<{ table: "ref"; before: "int[]"; mayFill: "bool"; done: "bool[]" }>;
  /** A call that has lost its function: LOST_* of enumerations.ts. */
  lost: One<{ what: "int"; detail: "int" }>;
  mmSlot: Many<{ allocated: "bool"; next: "int"; prev: "int" }>;
  khugepaged: One<{ lock: "lock"; slots: "bitset"; cursorMm: "ref"; cursorAddress: "int" }>;
  knob: One<{ useZeroPage: "bool"; maxPtesNone: "int" }>;
}

type PageFields = ViewFields["page"]["fields"];
type PageFlag = { [N in keyof PageFields]: PageFields[N] extends "bool" ? N : never }[keyof PageFields];

/**
 * Flags of a folio that a real kernel shows too (/proc/kpageflags): what conformance compares. `bit` is the flag's place in
 * a line of pages, see test/conformance/observation.ts; `word` is for people.
 */
export const OBSERVED_FLAGS: readonly { readonly field: PageFlag; readonly bit: number; readonly word: string }[] = [
  { field: "anon", bit: 16, word: "anon" },
  { field: "swapbacked", bit: 64, word: "swapbacked" },
];

/** How a field is read; `I` is the list of its indices. */
type Reader<K, I extends readonly number[]> =
  K extends `${infer E}[]` ? Reader<E, [...I, number]> & { readonly length: number }
  : K extends "bool" ? { get(...index: I): boolean }
  : K extends "lock" ? { isHeld(...index: I): boolean }
  : K extends "bitset" ? { get(...index: I): number; has(...indexAndMember: [...I, number]): boolean }
  : { get(...index: I): number };

type StructView<S> =
  S extends One<infer F> ? { readonly [N in keyof F]: Reader<F[N], []> }
  : S extends Many<infer F> ? { readonly [N in keyof F]: Reader<F[N], [number]> } & { readonly count: number }
  : never;

export type KernelView = { readonly [S in keyof ViewFields]: StructView<ViewFields[S]> };
