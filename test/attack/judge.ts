/** What an answer is held to. A promise of the attack is a sentence here. */
import type { Input } from "./input.ts";

export interface Answer {
  /** Null: it did not end within its bound, or died. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
  /** Why there is no exit code. */
  readonly died: string | null;
}

const STACK = /^\s+at (?:.* \()?(?:file:\/\/|node:|\/)?\S*:\d+:\d+\)?$/m;
const OURS = /thpcheck internal|internal error|please report it|is a fault of thpcheck/i;
const USAGE = 2;
/** Characters that a sentence about a mistake may have; more is a listing. */
const SAID_MAX = 6000;

/** What is wrong with the answer; empty: nothing. */
export function faultsOf(i: Input, a: Answer): string[] {
  if (a.code === null) return [a.died ?? "it has not ended"];
  const text = a.out + a.err;
  const faults: string[] = [];
  if (STACK.test(text)) faults.push("a stack trace");
  if (OURS.test(text)) faults.push("it calls the fault its own");
  if (a.code > 3 || a.code < 0) faults.push(`exit code ${a.code}`);
  if (i.ends === "refused" && a.code !== USAGE) faults.push(`exit code ${a.code}, and it must be refused (2)`);
  if (i.ends === "failed" && a.code === 0) faults.push("exit code 0, and something is wrong");
  if (a.code !== 0 && text.trim() === "" && i.alone?.stdout === undefined) faults.push(`exit code ${a.code} without a word`);
  if (a.code === USAGE && a.err.length > SAID_MAX) faults.push(`${a.err.length} characters about a mistake`);
  if (a.code === 0) faults.push(...unearned(i, a));
  return faults;
}

/** Without the command that shows it again, which has the seed in it. */
const withoutTrace = (text: string): string => text.replaceAll(/tc1\.\S+/g, "tc1");

/** Success of what was not checked. */
function unearned(i: Input, a: Answer): string[] {
  if (i.mayOnlySay !== undefined &&
    withoutTrace(a.out) !== withoutTrace(i.mayOnlySay)) return ["it shows another trace than the whole one, and says nothing"];
  if (i.args[0] !== "check" || i.args.includes("--help")) return [];
  const tally = /^(\d+) scenarios?: (\d+) as expected/m.exec(a.out);
  if (tally === null) return ["exit code 0 of a check without a tally"];
  const [, all, asExpected] = tally.map(Number);
  if (all === 0 || all !== asExpected) return [`exit code 0, and of ${all} scenarios ${asExpected} are as expected`];
  return / holds: 0 states| in error/.test(a.out) ? ["exit code 0 of what has no state"] : [];
}
