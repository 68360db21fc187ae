/** A small kernel's sizes, for tests that draw instances and events. */
import type { Sizes } from "../../spec/machine.ts";

export const SIZES: Sizes = { frames: 4, pagesPerHugePage: 2, hugeRanges: 2, mms: 2, pageTables: 4, cpus: 2, slots: 2, refcountMax: 6, pins: 2 };
