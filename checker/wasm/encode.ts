/**
 * The binary format of WebAssembly, as far as lowered programs need it: functions over integers, memories and functions that
 * are brought along, globals, exports. Own code, since a hundred lines do it; the npm package `binaryen` has 10 MB, and what it
 * adds is an optimiser, which V8 repeats.
 */

/** Opcodes and types, as in the specification's binary format (release 3.0, chapter 5). */
export const OP = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, brTable: 0x0e, return: 0x0f,
  call: 0x10, drop: 0x1a, select: 0x1b, localGet: 0x20, localSet: 0x21, localTee: 0x22, globalGet: 0x23, globalSet: 0x24,
  load8u: 0x31, load16u: 0x33, load32s: 0x34, load32u: 0x35, store8: 0x3c, store16: 0x3d, store32: 0x3e,
  i32Const: 0x41, i64Const: 0x42, i32Eqz: 0x45, i64Eqz: 0x50, eq: 0x51, ne: 0x52, lt: 0x53, gt: 0x55, gtu: 0x56, le: 0x57, leu: 0x58,
  ge: 0x59,  i32And: 0x71, i32Or: 0x72, i32Shl: 0x74, clz: 0x79,
  add: 0x7c, sub: 0x7d, mul: 0x7e, div: 0x7f, rem: 0x81, and: 0x83, or: 0x84, xor: 0x85, shl: 0x86, shr: 0x87, shru: 0x88,
  wrap: 0xa7, extendU: 0xad, extend32: 0xc4,
  empty: 0x40, i32: 0x7f, i64: 0x7e,
} as const;

/** The same of 32-bit integers, and of vectors of 128 bits, whose opcodes follow a prefix. */
export const OP32 = {
  load: 0x28, load8u: 0x2d, store: 0x36, store8: 0x3a,
  eqz: 0x45, eq: 0x46, ne: 0x47, lt: 0x48, gt: 0x4a, le: 0x4c, ge: 0x4e,
  clz: 0x67, add: 0x6a, sub: 0x6b, mul: 0x6c, and: 0x71, or: 0x72, xor: 0x73, shl: 0x74, shr: 0x75, shru: 0x76, extend: 0xac,
  ctz: 0x68, vector: 0xfd, vectorLoad: 0x00, vectorStore: 0x0b, vectorNe: 0x38, vectorBits: 0xa4,
  atomic: 0xfe, atomicLoad64: 0x11, atomicCmpxchg64: 0x49,
} as const;

export type ValueType = typeof OP.i32 | typeof OP.i64;

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

/** Where a load or a store goes: the bytes that follow its opcode. No alignment is promised. */
export function memoryArgument(memory: number, offset: number): number[] {
  return memory === 0 ? [0, ...unsigned(offset)] : [0x40, ...unsigned(memory), ...unsigned(offset)];
}

/** The same for an atomic access of 8 bytes, which has to be aligned. */
export function atomicArgument(memory: number): number[] {
  return [0x43, ...unsigned(memory), 0];
}

export interface Signature {
  readonly params: readonly ValueType[];
  /** Null: it gives nothing. */
  readonly result: ValueType | null;
}

export interface WasmFunction extends Signature {
  readonly name: string;
  /** Locals beside the parameters. */
  readonly locals: readonly ValueType[];
  /** Instructions, without the final `end`. */
  readonly code: readonly number[];
}

export interface WasmModule {
  /** Functions that are brought along. They come first: function n of the module's own is number `imports.length + n`. */
  readonly imports: readonly (Signature & { readonly name: string })[];
  /** Memories that are brought along, by name, shared, each of up to 4 GiB; instructions name them by number. */
  readonly memories: readonly string[];
  readonly functions: readonly WasmFunction[];
  readonly globals: readonly { readonly name: string; readonly type: ValueType }[];
}

/** Pages of 64 KiB that a memory of 32-bit addresses can have. */
export const PAGES_MAX = 65536;

const counted = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
const section = (id: number, items: readonly (readonly number[])[]): number[] => {
  const body = counted(items);
  return [id, ...unsigned(body.length), ...body];
};
const nameBytes = (text: string): number[] => {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsigned(bytes.length), ...bytes];
};

/** The bytes of a module that imports everything from `env` and exports all its functions and globals by name. */
export function encodeModule({ imports, memories, functions, globals }: WasmModule): Uint8Array<ArrayBuffer> {
  const types: number[][] = [];
  const typeOf = ({ params, result }: Signature): number => {
    const type = [0x60, ...counted(params.map((p) => [p])), ...counted(result === null ? [] : [[result]])];
    const known = types.findIndex((other) => other.join() === type.join());
    return known >= 0 ? known : types.push(type) - 1;
  };
  const brought = [
    ...imports.map((f) => [...nameBytes("env"), ...nameBytes(f.name), 0, ...unsigned(typeOf(f))]),
    ...memories.map((name) => [...nameBytes("env"), ...nameBytes(name), 2, 3, 1, ...unsigned(PAGES_MAX)]),
  ];
  const declared = functions.map((f) => unsigned(typeOf(f)));
  return joined([
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, types),
    section(2, brought),
    section(3, declared),
    section(6, globals.map(({ type }) => [type, 1, type === OP.i64 ? OP.i64Const : OP.i32Const, 0, OP.end])),
    section(7, [
      ...functions.map((f, n) => [...nameBytes(f.name), 0, ...unsigned(imports.length + n)]),
      ...globals.map((g, n) => [...nameBytes(g.name), 3, ...unsigned(n)]),
    ]),
    ...codeSection(functions),
    nameSection(imports, functions),
  ]);
}

/** Code is most of a module, so it is copied once. */
function codeSection(functions: readonly WasmFunction[]): (readonly number[])[] {
  const bodies = functions.flatMap(({ locals, code }) => {
    const declared = counted(runsOf(locals));
    return [[...unsigned(declared.length + code.length + 1), ...declared], code, [OP.end]];
  });
  const count = unsigned(functions.length);
  return [[10, ...unsigned(count.length + lengthOf(bodies)), ...count], ...bodies];
}

/** The names of functions, for profiles and for the stack of a trap. */
function nameSection(imports: WasmModule["imports"], functions: readonly WasmFunction[]): number[] {
  const names = counted([...imports, ...functions].map(({ name }, n) => [...unsigned(n), ...nameBytes(name)]));
  const body = [...nameBytes("name"), 1, ...unsigned(names.length), ...names];
  return [0, ...unsigned(body.length), ...body];
}

const lengthOf = (parts: readonly (readonly number[])[]): number => parts.reduce((sum, p) => sum + p.length, 0);

function joined(parts: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthOf(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Locals of one type that follow each other are declared together. */
function runsOf(locals: readonly ValueType[]): number[][] {
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  return runs.map(({ type, count }) => [...unsigned(count), type]);
}
