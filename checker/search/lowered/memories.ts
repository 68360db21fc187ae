/** The memories of a search in WebAssembly: each is what the search otherwise has a growing buffer for. */
import { Discovery } from "../parallel/discovery.ts";
import type { Moves } from "../store/moves.ts";
import { FingerprintSet, tableBytes } from "../store/visited.ts";
import { MemoryBuffer } from "./memory-buffer.ts";
import { PAGE_BYTES, type LoweredSearch, type WasmMemory } from "./module.ts";

export class SearchMemories {
  readonly visited: FingerprintSet;
  readonly table: MemoryBuffer;
  readonly discovery: Discovery;
  /** What the module is given, by name. */
  readonly imports: Readonly<Record<string, WasmMemory>>;
  readonly #arrays: SharedArrayBuffer;
  readonly #lowered: LoweredSearch;

  /** `expectedStates`: as of `ExploreOptions`. Throws a RangeError where there is no address space for them. */
  constructor(lowered: LoweredSearch, recordWords: number, expectedStates: number, moves: Moves | null) {
    const { pages, pagesMax } = lowered;
    const memory = new MemoryBuffer(pages * PAGE_BYTES, pagesMax);
    const [even, odd, links] = [0, 1, 2].map(() => new MemoryBuffer(PAGE_BYTES, pagesMax));
    this.table = new MemoryBuffer(tableBytes(expectedStates), pagesMax);
    this.visited = new FingerprintSet(this.table, moves);
    this.discovery = new Discovery(recordWords, { even: even!, odd: odd!, links: links! });
    const all = { memory, table: this.table, even: even!, odd: odd!, links: links! };
    this.imports = Object.fromEntries(Object.entries(all).map(([name, m]) => [name, m.memory]));
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
