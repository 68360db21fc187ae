/** A memory of WebAssembly where the search otherwise has a buffer that grows: the same bytes, seen by both. */
import type { GrowingMemory } from "../store/column.ts";
import { newMemory, PAGE_BYTES, PAGES_MAX, type WasmMemory } from "./module.ts";

export class MemoryBuffer implements GrowingMemory {
  readonly memory: WasmMemory;
  readonly maxByteLength: number;

  private constructor(memory: WasmMemory, pagesMax: number) {
    this.maxByteLength = PAGE_BYTES * pagesMax;
    this.memory = memory;
  }

  static ofBytes(bytes: number, pagesMax: number = PAGES_MAX): MemoryBuffer {
    return new MemoryBuffer(newMemory(Math.max(1, Math.ceil(bytes / PAGE_BYTES)), pagesMax), pagesMax);
  }

  /** A memory that another thread has made. */
  static of(memory: WasmMemory, pagesMax: number): MemoryBuffer {
    return new MemoryBuffer(memory, pagesMax);
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
