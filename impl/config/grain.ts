/**
 * The grain of the model: what the kernel writes one word after the other, and this code in one step unless it is asked
 * for more. Each part costs bits of a state, and steps; without it nothing of it is in the program.
 *
 * A scenario says `grain: "fine"`, or the parts that it is about: `grain: ["lists"]`. To add a part, write its row here,
 * and ask `k.param.<constant>.get()` in the routine.
 */

export const GRAIN_PARTS = {
  lists: {
    constant: "grainLists",
    meaning: "the split queue is a list of next and prev; a scan takes many folios at once, onto a list of its own",
  },
  zero: {
    constant: "grainZero",
    meaning: "huge zero folio and frame number are two words, under huge_zero_lock; zero pages of both sizes are told by the number",
  },
  slots: {
    constant: "grainSlots",
    meaning: "khugepaged's mm_slots are a list of next and prev in the order of registration, and a slot that is freed is gone",
  },
  knobs: {
    constant: "grainKnobs",
    meaning: "a fault reads the knob `enabled` on a step of its own, for scenarios that write it meanwhile",
  },
  flags: {
    constant: "grainFlags",
    meaning: "a page's flags are one word, which setters that are not atomic load and store; who waits for a folio lock sets PG_waiters",
  },
  migration: {
    constant: "grainMigration",
    meaning: "migration entries have an encoding of their own, and the folio behind one is looked up, and asserted to be locked",
  },
  lru: {
    constant: "grainLru",
    meaning: "the LRU is four lists of next and prev, with their lengths; reclaim takes many folios from the tail of one",
  },
  trace: {
    constant: "grainTrace",
    meaning: "a trace event that reads the folio which it reports does so on a step of its own",
  },
} as const satisfies Readonly<Record<string, { readonly constant: `grain${string}`; readonly meaning: string }>>;

export type GrainPart = keyof typeof GRAIN_PARTS;
/** `"coarse"`: no part, the default. `"fine"`: all of them. */
export type Grain = "coarse" | "fine" | readonly GrainPart[];

type ConstantOf<P extends GrainPart> = (typeof GRAIN_PARTS)[P]["constant"];
/** Whether each part is on. */
export type GrainFlags = { readonly [P in GrainPart as ConstantOf<P>]: boolean };

export const GRAIN_NAMES = Object.keys(GRAIN_PARTS) as readonly GrainPart[];

/** Throws a RangeError for a word that is no grain, and for a part that there is not. */
export function grainFlags(grain: Grain): GrainFlags {
  const parts = partsOf(grain);
  return Object.fromEntries(GRAIN_NAMES.map((name) => [GRAIN_PARTS[name].constant, parts.has(name)])) as unknown as GrainFlags;
}

function partsOf(grain: Grain): ReadonlySet<GrainPart> {
  if (grain === "coarse") return new Set();
  if (grain === "fine") return new Set(GRAIN_NAMES);
  const known = GRAIN_NAMES.join(", ");
  if (!Array.isArray(grain)) throw new RangeError(`grain ${JSON.stringify(grain)}: "coarse", "fine", or some of ${known}`);
  const unknown = (grain as readonly unknown[]).find((part) => !(GRAIN_NAMES as readonly unknown[]).includes(part));
  if (unknown !== undefined) throw new RangeError(`grain: there is no part ${JSON.stringify(unknown)}; parts are ${known}`);
  return new Set(grain);
}
