/**
 * Calls of scenarios as calls of the agent, at 512 pages per huge page: pages that have a number of their own keep it, and the
 * last page of a huge range stands for all behind it, where a range of pages is meant.
 */
import { CALL } from "../../../impl/entry/calls.ts";
import { HPAGE, type Step } from "../../conformance/program.ts";
import { NotForceable, type Call } from "./run.ts";

/** A reference to a page, which the agent keeps as vmsplice() does. */
const GUP = "gupFastFallback";
/** Routines of impl/entry/syscalls.ts that the agent has a call for. */
const ROUTINES = new Set([GUP, "load", "store", "sysMmap", "sysMunmap", "sysMprotect", "sysMremap", "sysMadvise", "sysFork"]);
export const isCall = (routine: string): boolean => ROUTINES.has(routine);
/** Children run on CPUs of their own, and are not looked at. */
const CHILDREN = 4;

/** `prepares`: a store to the last page of a range is one to all that it stands for. `isLast`: of a store or load that is not so. */
export function callOf(
  routine: string, args: readonly number[], h: number, prepares: boolean,
): { readonly call: Call; readonly isLast: boolean } {
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
  const page = (v: number): number => Math.floor(v / h) * HPAGE + (v % h);
  const pages = (start: number, n: number): number => page(start + n) - page(start);
  const isLast = (routine === "load" || routine === "store") && a % h === h - 1;
  const made = (words: readonly number[], call: Step["call"], said: readonly number[]): { call: Call; isLast: boolean } => ({
    call: { words: [...words, ...Array.from({ length: 9 - words.length }, () => 0)], step: { process: 0, call, args: said } },
    isLast: isLast && !prepares,
  });
  switch (routine) {
    case "load": return made([CALL.load, a], "read", [page(a), 1]);
    case "store": return made([CALL.touch, a, 1, b, 0], "write", [page(a), prepares ? pages(a, 1) : 1, b]);
    case "sysMmap": return made([CALL.mmap, a, b, c, d], "mmap", [page(a), pages(a, b), c, d]);
    case "sysMunmap": return made([CALL.munmap, a, b], "munmap", [page(a), pages(a, b)]);
    case "sysMprotect": return made([CALL.mprotect, a, b, c], "mprotect", [page(a), pages(a, b), c]);
    case "sysMremap": return made([CALL.mremap, a, b, c, d, e], "mremap", [page(a), pages(a, b), pages(a, c), d, page(e)]);
    case "sysMadvise": return made([CALL.madvise, a, b, c], "madvise", [page(a), pages(a, b), c]);
    // gupFastFallback(mm, vpn, flags). What is taken beside others is given back by no call of the agent.
    case GUP:
      if (!prepares || c !== 0) throw new NotForceable(`${GUP}() is a call of the agent only before the others, and without FOLL_* flags`);
      return made([CALL.getUserPage, b, 0, 1], "hold", [0, page(b)]);
    case "sysFork": return made([CALL.fork, CHILDREN], "fork", [1]);
    default: throw new NotForceable(`${routine}() is no call of the agent`);
  }
}
