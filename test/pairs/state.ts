/** The state of a pair beside the kernel's: which cell it is, and what the sides tell. */
import { bool, int, ref, struct, type Int, type World } from "thpcheck";
import { kernelConfig, type KernelOptions } from "../../impl/config/options.ts";
import { gateStructs } from "../../impl/entry/boot.ts";
import { kernelStructs } from "../../impl/mm-types.ts";
import type { Vpn } from "../../impl/structs/types.ts";
import { layoutOf, LAYOUTS, type Memory } from "./memory.ts";

/** A cell in one number: 4 bits for the memory, 2 for the third, 7 for each side. */
const CELL_MAX = 2 ** 20 - 1;
export function cellNumber(memory: number, third: number, first: number, second: number): number {
  return memory | (third << 4) | (first << 6) | (second << 13);
}
const memoryIn = (cell: number): number => cell & 15;
const thirdIn = (cell: number): number => (cell >> 4) & 3;
const firstIn = (cell: number): number => (cell >> 6) & 127;
const secondIn = (cell: number): number => cell >> 13;

export function pairStructs(options: KernelOptions) {
  const event = (meaning: string) => int(0, 0xffff_ffff, meaning, { role: "statistic" });
  return {
    ...kernelStructs(kernelConfig(options)), ...gateStructs(),
    pair: struct({
      cell: int(0, CELL_MAX, "cellNumber()", { guard: "model" }),
      ready: bool("the third has what it holds", { guard: "model" }),
      frame: ref("page", "a frame that actors are about: that of the first page when the sides begin", { guard: "model" }),
    }),
    /** Of the side that steps. */
    told: struct({ begun: event("it begins"), done: event("it has done what it is for"), failed: event("it has not") }),
  };
}
export type K = World<ReturnType<typeof pairStructs>>;
export type OperationNumber = Int<0, 127>;

export function memory(k: K): Memory {
  return memoryIn(k.pair.cell.get());
}
export function thirdOf(k: K): Int<0, 3> {
  return thirdIn(k.pair.cell.get());
}
export function firstOf(k: K): OperationNumber {
  return firstIn(k.pair.cell.get());
}
export function secondOf(k: K): OperationNumber {
  return secondIn(k.pair.cell.get());
}

const FIRST_PAGE = LAYOUTS.map((places) => places.first);

export function layout(k: K): number {
  return layoutOf(memory(k));
}
export function firstPage(k: K): Vpn {
  return FIRST_PAGE[layout(k)]!;
}
