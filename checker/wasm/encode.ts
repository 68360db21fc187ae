/**
 * The binary format of WebAssembly, as far as lowered programs need it: functions over 64-bit integers, one memory that is
 * brought along, globals, exports. Own code, since a hundred lines do it; the npm package `binaryen` has 10 MB, and what it
 * adds is an optimiser, which V8 repeats.
 */

/** Opcodes and types, as in the specification's binary format (release 2.0, chapter 5). */
export const OP = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, brTable: 0x0e, return: 0x0f,
  call: 0x10, drop: 0x1a, localGet: 0x20, localSet: 0x21, localTee: 0x22, globalGet: 0x23, globalSet: 0x24,
  load8u: 0x31, load16u: 0x33, load32s: 0x34, load32u: 0x35, store8: 0x3c, store16: 0x3d, store32: 0x3e,
  i32Const: 0x41, i64Const: 0x42, i32Eqz: 0x45, i64Eqz: 0x50, eq: 0x51, ne: 0x52, lt: 0x53, gt: 0x55, gtu: 0x56, le: 0x57, ge: 0x59,
  i32Or: 0x72, i32Shl: 0x74, clz: 0x79,
  add: 0x7c, sub: 0x7d, mul: 0x7e, rem: 0x81, and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shr: 0x87, shru: 0x88,
  wrap: 0xa7, extendU: 0xad, extend32: 0xc4,
  empty: 0x40, i32: 0x7f, i64: 0x7e,
} as const;

/** LEB128, unsigned. */
export function unsigned(n: number): number[] {
  const out: number[] = [];
  for (let rest = n; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest];
    out.push((rest % 128) | 128);
  }
}

/** LEB128, signed. */
export function signed(n: bigint): number[] {
  const out: number[] = [];
  for (let rest = n; ; rest >>= 7n) {
    const low = Number(rest & 127n);
    if ((rest >> 7n === 0n && low < 64) || (rest >> 7n === -1n && low >= 64)) return [...out, low];
    out.push(low | 128);
  }
}

export interface WasmFunction {
  readonly name: string;
  /** Parameters, all of them 64-bit integers, as the one result. */
  readonly params: number;
  /** 64-bit locals beside the parameters. */
  readonly locals: number;
  /** Instructions, without the final `end`. */
  readonly code: readonly number[];
}

const counted = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  const body = counted(items);
  return [id, ...unsigned(body.length), ...body];
};
const nameBytes = (text: string): number[] => {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsigned(bytes.length), ...bytes];
};

/** The bytes of a module that imports `env.memory` of at least one page and exports all functions and globals that are named. */
export function encodeModule(functions: readonly WasmFunction[], globals: readonly string[]): Uint8Array<ArrayBuffer> {
  const arities = [...new Set(functions.map((f) => f.params))];
  const types = arities.map((n) => [0x60, ...counted(Array.from({ length: n }, () => [OP.i64])), 1, OP.i64]);
  const bodies = functions.map((f) => {
    const body = f.locals === 0 ? [0] : [1, ...unsigned(f.locals), OP.i64];
    for (const byte of f.code) body.push(byte);
    body.push(OP.end);
    return [...unsigned(body.length), ...body];
  });
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, types),
    ...section(2, [[...nameBytes("env"), ...nameBytes("memory"), 2, 0, 1]]),
    ...section(3, functions.map((f) => unsigned(arities.indexOf(f.params)))),
    ...section(6, globals.map(() => [OP.i64, 1, OP.i64Const, 0, OP.end])),
    ...section(7, [
      ...functions.map((f, n) => [...nameBytes(f.name), 0, ...unsigned(n)]),
      ...globals.map((g, n) => [...nameBytes(g), 3, ...unsigned(n)]),
    ]),
    ...section(10, bodies),
  ]);
}
