/** A policy's answers to everything that it can be asked: the constants that a kernel is compiled with. */
import { MECHANISM_OFF, MECHANISM_RFC_2018, MECHANISM_SAFE, type Mechanism } from "../../spec/enumerations.ts";
import { policyNamed } from "./index.ts";

/** resvAfterFork */
export const FORK_PARENT = 0 as const;
export const FORK_NOBODY = 1 as const;
export const FORK_FIRST_WRITER = 2 as const;

export interface Switches {
  readonly resvMechanism: Mechanism;
  /** What promotion_threshold is at boot. */
  readonly promotionThreshold: number;
  readonly resvPerMm: boolean;
  readonly resvOnRead: boolean;
  readonly resvPromoteInFault: boolean;
  readonly resvPressureAll: boolean;
  readonly resvAfterFork: typeof FORK_PARENT | typeof FORK_NOBODY | typeof FORK_FIRST_WRITER;
  readonly resvMremapMoves: boolean;
  readonly resvFullStaysOnLru: boolean;
}

const OFF: Switches = {
  resvMechanism: MECHANISM_OFF, promotionThreshold: 1, resvPerMm: false, resvOnRead: false, resvPromoteInFault: false,
  resvPressureAll: false, resvAfterFork: FORK_PARENT, resvMremapMoves: false, resvFullStaysOnLru: false,
};
const MECHANISMS = { safe: MECHANISM_SAFE, "rfc-2018": MECHANISM_RFC_2018 } as const;
const AFTER_FORK = { parent: FORK_PARENT, nobody: FORK_NOBODY, "first-writer": FORK_FIRST_WRITER } as const;

/** Without a policy reservations do not exist. Throws a RangeError for a name that no policy has, or a threshold out of range. */
export function switchesOf(name: string | undefined, pagesPerHugePage: number): Switches {
  if (name === undefined) return OFF;
  const p = policyNamed(name);
  const threshold = p.threshold(pagesPerHugePage);
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > pagesPerHugePage) {
    const accepted = `promotion_threshold accepts 1..${pagesPerHugePage}`;
    throw new RangeError(`policy ${name}: its threshold for ${pagesPerHugePage} pages is ${threshold}; ${accepted}`);
  }
  return {
    resvMechanism: MECHANISMS[p.mechanism],
    promotionThreshold: threshold,
    resvPerMm: p.container === "mm",
    resvOnRead: p.reserves("read"),
    resvPromoteInFault: p.promotesInFault,
    resvPressureAll: p.pressure === "all",
    resvAfterFork: AFTER_FORK[p.afterFork],
    resvMremapMoves: p.movesWithMremap,
    resvFullStaysOnLru: p.fullStaysOnLru,
  };
}
