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
interface Lock { isHeld(): boolean }
interface LockColumn { isHeld(i: number): boolean }

export interface KernelView {
  readonly param: { readonly hpagePmdNr: Value; readonly hugeRanges: Value; readonly vpnMax: Value; readonly contents: Value };
  readonly page: {
    readonly count: number;
    readonly lock: LockColumn;
    readonly refcount: Column; readonly mapcount: Column; readonly entireMapcount: Column; readonly largeMapcount: Column; readonly pincount: Column;
    readonly order: Column; readonly head: Column; readonly buddy: FlagColumn; readonly anon: FlagColumn; readonly mapping: Column;
    readonly lru: FlagColumn; readonly anonExclusive: FlagColumn; readonly deferred: FlagColumn; readonly partiallyMapped: FlagColumn; readonly content: Column;
  };
  readonly zone: { readonly lock: Lock; readonly freePages: Value };
  readonly lruvec: { readonly lock: Lock; readonly isolated: Value };
  readonly node: { readonly anonMapped: Value; readonly anonThps: Value };
  readonly cpu: { readonly count: number; readonly mm: Column; readonly irqsOff: FlagColumn; readonly tlb: Matrix; readonly tlbHuge: Matrix; readonly lruBatch: Matrix; readonly gatherPages: Matrix };
  readonly mm: {
    readonly count: number;
    readonly users: Column; readonly mmapLock: LockColumn; readonly pmdLock: LockColumn; readonly pmd: Matrix;
    readonly anonPages: Column; readonly nrPtes: Column;
  };
  readonly vma: { readonly count: number; readonly mm: Column; readonly detached: FlagColumn; readonly start: Column; readonly end: Column; readonly flags: Column; readonly anonVma: Column };
  readonly anonVma: { readonly count: number; readonly refcount: Column };
  readonly ptTable: { readonly count: number; readonly state: Column; readonly mm: Column; readonly lock: LockColumn; readonly pte: Matrix };
  readonly hugeZero: { readonly refcount: Value; readonly page: Value };
  readonly deferredSplit: { readonly lock: Lock; readonly length: Value };
  readonly khugepaged: { readonly lock: Lock };
  readonly knob: { readonly useZeroPage: Flag };
}
