/** A program and its search as one module of WebAssembly, as `wasm/` makes it, and what is needed to run it. */

interface ArrayPlace { readonly offset: number; readonly length: number }

/** Plain data: it can be kept, or posted to another thread. */
export interface LoweredSearch {
  /** As `SystemSource.programHash`: of the program that was lowered. */
  readonly programHash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Pages of memory 0. */
  readonly pages: number;
  /** Where the arrays of memory 0 begin, in bytes, and how many words they have. */
  readonly arrays: Readonly<Record<string, ArrayPlace>>;
  /** What arrays hold from the beginning; the others are zero. */
  readonly contents: Readonly<Record<string, Int32Array>>;
  /** Threads that it is made for: each reads the frontiers of all. */
  readonly workers: number;
  /** Words of a set of properties and excuses. */
  readonly setWords: number;
  /** Pages that each memory may have: `PAGES_MAX`, or fewer. */
  readonly pagesMax: number;
}

export interface WasmMemory {
  /** Another one after each growth: of shared memory, the old one stays as it was. */
  readonly buffer: SharedArrayBuffer;
  /** By so many pages. Throws a RangeError where there is no memory for them. */
  grow(pages: number): number;
}
export interface WasmGlobal<T> { value: T }

/** As far as it is used here: the types of Node do not have it, and those of browsers say more than is there. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: { env: object }) => { readonly exports: object };
  /** A trap. */
  readonly RuntimeError: abstract new () => Error;
};

export const PAGE_BYTES = 65536;
/** Pages that a memory can have: 4 GiB. */
export const PAGES_MAX = 65536;

/** Throws a RangeError where the machine has no address space for it: it takes more than 4 GiB of that, and none of memory. */
export function newMemory(pages: number, pagesMax: number = PAGES_MAX): WasmMemory {
  return new WebAssembly.Memory({ initial: pages, maximum: pagesMax, shared: true });
}

/** Exports are functions over numbers, and globals. */
export function instantiate(bytes: Uint8Array<ArrayBuffer>, env: object): object {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env }).exports;
}

/** Whether the error is a trap: the instruction has no answer, or the program said so. */
export function isTrap(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}
