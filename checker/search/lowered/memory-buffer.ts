/** A memory of WebAssembly where the search otherwise has a buffer that grows: the same bytes, seen by both. */
import type { GrowingMemory } from "../store/column.ts";
import { newMemory, PAGE_BYTES, PAGES_MAX, type WasmMemory } from "./module.ts";

export class MemoryBuffer implements GrowingMemory {
  readonly memory: WasmMemory;
  readonly maxByteLength: number;

  constructor(bytes: number, pagesMax: number = PAGES_MAX) {
    this.maxByteLength = PAGE_BYTES * pagesMax;
    this.memory = newMemory(Math.max(1, Math.ceil(bytes / PAGE_BYTES)), pagesMax);
  }

  get byteLength(): number {
    return this.memory.buffer.byteLength;
  }

  grow(bytes: number): void {
    this.memory.grow(Math.ceil((bytes - this.byteLength) / PAGE_BYTES));
  }

  words(length: number): Int32Array {
    return new Int32Array(this.memory.buffer, 0, length);
  }
}
