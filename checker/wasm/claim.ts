/**
 * `claim(word, low, high)`: adds a fingerprint to the visited table that several workers share, at the slot that begins with that
 * word. Gives 0 where the slot was empty, 1 where the fingerprint was there, 2 where another one is.
 *
 * A slot is one word of 64 bits, claimed by one compare-and-exchange from 0: whoever sees it not empty sees it whole. All workers that
 * add the same fingerprint walk the same slots, and exactly one of them claims the first empty one (as `claim` of
 * `search/store/visited.ts`, which JavaScript has to do in two words).
 */
import { atomicArgument, OP, OP32, type WasmFunction } from "./encode.ts";

export const CLAIM = "claim";

/** `table`: the number of the memory. */
export function claimFunction(table: number): WasmFunction {
  const [word, low, high, wanted, seen] = [0, 1, 2, 3, 4] as const;
  const address = [OP.localGet, word, OP.i32Const, 2, OP32.shl];
  const load = [...address, OP32.atomic, OP32.atomicLoad64, ...atomicArgument(table)];
  const exchange = [...address, OP.i64Const, 0, OP.localGet, wanted, OP32.atomic, OP32.atomicCmpxchg64, ...atomicArgument(table)];
  return {
    name: CLAIM, params: [OP.i32, OP.i32, OP.i32], result: OP.i32, locals: [OP.i64, OP.i64],
    code: [
      OP.localGet, low, OP.extendU, OP.localGet, high, OP.extendU, OP.i64Const, 32, OP.shl, OP.or, OP.localSet, wanted,
      ...load, OP.localTee, seen, OP.i64Eqz,
      OP.if, OP.empty,
      ...exchange, OP.localTee, seen, OP.i64Eqz, OP.if, OP.empty, OP.i32Const, 0, OP.return, OP.end,
      OP.end,
      OP.i32Const, 1, OP.i32Const, 2, OP.localGet, seen, OP.localGet, wanted, OP.eq, OP.select,
    ],
  };
}
