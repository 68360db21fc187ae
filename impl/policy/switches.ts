/** A policy's answers to everything that it can be asked: the constants that a kernel is compiled with. */
import { policyNamed } from "./index.ts";

/** resvMechanism: no reservations; the safe design; the patch of 2018. */
export const MECHANISM_OFF = 0;
export const MECHANISM_SAFE = 1;
export const MECHANISM_RFC_2018 = 2;
/** resvAfterFork */
export const FORK_PARENT = 0;
export const FORK_NOBODY = 1;
export const FORK_FIRST_WRITER = 2;

export interface Switches {
  readonly resvMechanism: number;
  /** What promotion_threshold is at boot. */
  readonly promotionThreshold: number;
  readonly resvPerMm: boolean;
  readonly resvOnRead: boolean;
  readonly resvPromoteInFault: boolean;
  readonly resvPressureAll: boolean;
  readonly resvAfterFork: number;
  readonly resvMremapMoves: boolean;
  readonly resvFullStaysOnLru: boolean;
}

const OFF: Switches = {
  resvMechanism: MECHANISM_OFF, promotionThreshold: 1, resvPerMm: false, resvOnRead: false, resvPromoteInFault: false, resvPressureAll: false,
  resvAfterFork: FORK_PARENT, resvMremapMoves: false, resvFullStaysOnLru: false,
};

/** Of no policy: reservations do not exist. Throws a RangeError for a name or threshold that is none. */
export function switchesOf(name: string | undefined, pagesPerHugePage: number): Switches {
  if (name === undefined) return OFF;
  const p = policyNamed(name);
  const threshold = p.threshold(pagesPerHugePage);
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > pagesPerHugePage) throw new RangeError(`policy ${name}: its threshold for ${pagesPerHugePage} pages is ${threshold}; promotion_threshold accepts 1..${pagesPerHugePage}`);
  const fork = p.afterFork();
  return {
    resvMechanism: p.mechanism === "safe" ? MECHANISM_SAFE : MECHANISM_RFC_2018,
    promotionThreshold: threshold,
    resvPerMm: p.container() === "mm",
    resvOnRead: p.reserves("read"),
    resvPromoteInFault: p.promotesInFault(),
    resvPressureAll: p.pressure() === "all",
    resvAfterFork: fork === "parent" ? FORK_PARENT : fork === "nobody" ? FORK_NOBODY : FORK_FIRST_WRITER,
    resvMremapMoves: p.movesWithMremap(),
    resvFullStaysOnLru: p.fullStaysOnLru(),
  };
}
