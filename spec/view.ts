/**
 * What an invariant may look at: a read-only view of a kernel's state. The implementation's world provides it as it is;
 * a product of specification machines provides it by its contexts.
 *
 * Numbers are as in the kernel (mapcounts start at -1, NONE is -1). Entries are page-table entries with the flag bits
 * of x86 as `spec/entry.ts` names them.
 */

interface Value { get(): number }
interface Flag { get(): boolean }
interface Column { get(i: number): number }
interface FlagColumn { get(i: number): boolean }
interface Matrix { get(i: number, j: number): number; readonly length: number }
/** A set of small numbers. */
interface Members { has(i: number): boolean }
interface FlagMatrix { get(i: number, j: number): boolean; readonly length: number }
interface List { get(i: number): number; readonly length: number }
interface Lock { isHeld(): boolean }
interface LockColumn { isHeld(i: number): boolean }

export interface KernelView {
  readonly param: { readonly hpagePmdNr: Value; readonly hpagePmdOrder: Value; readonly hugeRanges: Value; readonly pmdsPerPage: Value; readonly vpnMax: Value; readonly contents: Value; readonly resvMechanism: Value; readonly resvPerMm: Value };
  readonly page: {
    readonly count: number;
    readonly lock: LockColumn;
    readonly refcount: Column; readonly mapcount: Column; readonly entireMapcount: Column; readonly largeMapcount: Column; readonly nrPagesMapped: Column; readonly maybeShared: FlagColumn; readonly pincount: Column;
    /** The thread that has the page to itself, -1 for none. */
    readonly owner: Column;
    readonly order: Column; readonly head: Column; readonly buddy: FlagColumn; readonly anon: FlagColumn; readonly mapping: Column;
    readonly lru: FlagColumn; readonly swapbacked: FlagColumn; readonly anonExclusive: FlagColumn; readonly deferred: FlagColumn; readonly partiallyMapped: FlagColumn; readonly content: Column;
  };
  readonly zone: { readonly lock: Lock; readonly freePages: Value };
  readonly lruvec: { readonly lock: Lock; readonly anonPages: Value; readonly filePages: Value; readonly isolated: Value };
  readonly node: { readonly anonMapped: Value; readonly anonThps: Value; readonly nrAnon: Value; readonly nrAnonPartiallyMapped: Value; readonly thpReserved: Value };
  readonly cpu: { readonly count: number; readonly mm: Column; readonly irqsOff: FlagColumn; readonly tlb: Matrix; readonly tlbHuge: Matrix; readonly lruBatch: Matrix; readonly gatherPages: Matrix };
  readonly mm: {
    readonly count: number;
    readonly users: Column; readonly mmCount: Column; readonly flags: Column; readonly mmapLock: LockColumn; readonly pmdLock: LockColumn; readonly pmd: Matrix;
    readonly anonPages: Column; readonly nrPtes: Column;
  };
  readonly vma: { readonly count: number; readonly mm: Column; readonly detached: FlagColumn; readonly start: Column; readonly end: Column; readonly flags: Column; readonly anonVma: Column; readonly resvs: Column };
  readonly anonVma: { readonly count: number; readonly refcount: Column };
  readonly ptTable: { readonly count: number; readonly state: Column; readonly mm: Column; readonly pmdPage: Column; readonly lock: LockColumn; readonly pte: Matrix };
  /** Containers of reservations, by number: those of areas or of address spaces. */
  readonly resvs: { readonly count: number; readonly lock: LockColumn; readonly hash: Matrix };
  readonly resv: { readonly count: number; readonly allocated: FlagColumn; readonly haddr: Column; readonly page: Column; readonly unused: Column; readonly used: FlagMatrix };
  readonly resvLru: { readonly lock: Lock; readonly length: Value; readonly items: List };
  readonly hugeZero: { readonly refcount: Value; readonly page: Value };
  readonly deferredSplit: { readonly lock: Lock; readonly length: Value };
  /** The attempt to collapse that each CPU is making. */
  readonly collapse: { readonly count: number; readonly stage: Column; readonly table: Column };
  readonly khugepaged: { readonly lock: Lock; readonly slots: Members; readonly cursorMm: Value; readonly cursorAddress: Value };
  readonly knob: { readonly useZeroPage: Flag };
}
