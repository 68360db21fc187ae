/**
 * A run of two or three threads, apart from the scenario that it is from: the calls that make the memory, those of each side, and where
 * the turn goes from one to the other.
 */
import type { KernelOptions } from "../../../impl/config/options.ts";
import type { Knobs, Step } from "../../conformance/program.ts";
import type { BySide, Side } from "../schedule.ts";

/** A call: as the checker makes it, a number of impl/entry/calls.ts with its arguments, and as the agent does. */
export interface Call {
  readonly words: readonly number[];
  readonly step: Step;
}

/** Where a thread stands between two steps. */
export interface Place {
  /** How many of its calls have returned. */
  readonly call: number;
  /** Routines and lines from the call inwards, and the label; empty behind the last call. */
  readonly key: string;
  /** The how-manieth time that it stands there in this call, from 1 on. */
  readonly nth: number;
  /** The innermost routine and the label, for people. */
  readonly words: string;
}

/** One of the sides goes on, until it stands at a place, or as far as it can: null. */
export interface Turn {
  readonly side: Side;
  readonly until: Place | null;
}

export interface Run {
  /** The scenario, and what is seen there. */
  readonly name: string;
  readonly options: KernelOptions;
  /** Huge ranges that the scenario has. */
  readonly ranges: number;
  readonly knobs: Knobs;
  /** The area from page 0 on. */
  readonly areaEnd: number;
  readonly memory: readonly Call[];
  readonly calls: BySide<readonly Call[]>;
  readonly turns: readonly Turn[];
  /** Somebody stores to the last page of a huge range, or loads from it: on the real kernel, to one page of many. */
  readonly alone: boolean;
}

/** Why a trace cannot be forced, in words. */
export class NotForceable extends Error {}
