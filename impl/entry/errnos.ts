/** The error numbers of each call of calls.ts as sets that a routine can ask. */
import type { U } from "thpcheck";
import * as ERRNO from "../errno.ts";
import { EHWPOISON } from "../errno.ts";
import { CALL_NAMES, CALLS, type CallName, type ErrnoName } from "./calls.ts";

/** Bit n is error number n; bit 0, which is no error, stands for EHWPOISON, the only one beyond 31. */
export type Errnos = U<31>;

const NUMBERS: Readonly<Record<ErrnoName, number>> = { ...ERRNO };
const bitOf = (name: ErrnoName): number => (NUMBERS[name] === EHWPOISON ? 1 : 1 << NUMBERS[name]);

/** What each call may return. */
export const MAY_RETURN = Object.fromEntries(CALL_NAMES.map((name) => {
  const named = Object.keys(CALLS[name].errnos) as ErrnoName[];
  return [name, named.reduce((all, e) => all | bitOf(e), 0)];
})) as Readonly<Record<CallName, Errnos>>;

/** No error, or one of the set. @model the kernel documents error numbers in man pages only */
export function mayReturn(errnos: Errnos, result: number): boolean {
  if (result >= 0) return true;
  return (errnos & (result === -EHWPOISON ? 1 : 1 << -result)) !== 0;
}
