/** The memories of a search in WebAssembly: each is what the search otherwise has a growing buffer for. */
import type { DiscoveryBuffers } from "../parallel/discovery.ts";
import { tableBytes } from "../store/visited.ts";
import { MemoryBuffer } from "./memory-buffer.ts";
import { newMemory, PAGE_BYTES, type LoweredSearch, type WasmMemory } from "./module.ts";

/** The memories that workers share, as they are posted to threads: the visited table, and what each worker discovers. */
export interface PostedMemories {
  readonly table: WasmMemory;
  readonly discoveries: readonly { readonly even: WasmMemory; readonly odd: WasmMemory; readonly links: WasmMemory }[];
}

/** The same, as buffers. */
export class SharedMemories {
  readonly table: MemoryBuffer;
  /** Of every worker, in order. */
  readonly discoveries: readonly (DiscoveryBuffers & Readonly<Record<"even" | "odd" | "links", MemoryBuffer>>)[];

  constructor({ table, discoveries }: PostedMemories, pagesMax: number) {
    const of = (memory: WasmMemory): MemoryBuffer => MemoryBuffer.of(memory, pagesMax);
    this.table = of(table);
    this.discoveries = discoveries.map(({ even, odd, links }) => ({ even: of(even), odd: of(odd), links: of(links) }));
  }

  /** `expectedStates`: as of `ExploreOptions`. Throws a RangeError where there is no address space for them. */
  static allocate(pagesMax: number, expectedStates: number, workers: number): SharedMemories {
    const page = (): WasmMemory => newMemory(1, pagesMax);
    const { memory: table } = MemoryBuffer.ofBytes(tableBytes(expectedStates), pagesMax);
    const discoveries = Array.from({ length: workers }, () => ({ even: page(), odd: page(), links: page() }));
    return new SharedMemories({ table, discoveries }, pagesMax);
  }

  get posted(): PostedMemories {
    const discoveries = this.discoveries.map(({ even, odd, links }) => ({ even: even.memory, odd: odd.memory, links: links.memory }));
    return { table: this.table.memory, discoveries };
  }
}

/** What one worker works on: arrays of its own, and the shared memories by the names that its module has for them. */
export class WorkerMemories {
  /** What the module is given, by name. */
  readonly imports: Readonly<Record<string, WasmMemory>>;
  readonly #arrays: SharedArrayBuffer;
  readonly #lowered: LoweredSearch;

  constructor(lowered: LoweredSearch, { table, discoveries }: SharedMemories, me: number) {
    const memory = MemoryBuffer.ofBytes(lowered.pages * PAGE_BYTES, lowered.pagesMax);
    const { even, odd, links } = discoveries[me]!;
    const all = { memory, table, even, odd, links };
    const ofWorkers = discoveries.flatMap((d, w) => [[`even${w}`, d.even.memory] as const, [`odd${w}`, d.odd.memory] as const]);
    this.imports = Object.fromEntries([...Object.entries(all).map(([name, m]) => [name, m.memory] as const), ...ofWorkers]);
    this.#arrays = memory.memory.buffer;
    this.#lowered = lowered;
    for (const [name, words] of Object.entries(lowered.contents)) this.array(name).set(words);
  }

  /** An array of memory 0, which never grows. */
  array(name: string): Int32Array {
    const { offset, length } = this.#lowered.arrays[name]!;
    return new Int32Array(this.#arrays, offset, length);
  }
}
