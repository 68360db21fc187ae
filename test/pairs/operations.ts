/**
 * What the two sides of a pair can do: the calls of impl/entry/calls.ts with the arguments that make a difference, and the
 * actors in the background. A call that is added there joins by itself, with arguments by their types (`byTypes`), until
 * it gets a row of its own in `SHAPES`.
 */
import { CALL, CALL_NAMES, CALLS, ADVICE, FOLL, MAP, MREMAP, PROT, THP_DISABLE, type Arg, type CallName } from "../../impl/entry/calls.ts";
import { KNOB_NAMES, KNOB_ROWS, knobNumber } from "../../impl/config/knobs.ts";

/** The pages that calls are about, by the part that they play; see memory.ts. */
export interface Places {
  /** Two pages of which a huge page was made, or will be. */
  readonly first: number;
  readonly second: number;
  /** The area, from `first` on. */
  readonly pages: number;
  /** Where something can move to, at the same offset within a huge range. */
  readonly target: number;
  /** Where one page can move to, at another offset. */
  readonly aside: number;
  /** A CPU that runs the process of each side: its pid. */
  readonly self: readonly [number, number];
  /** A CPU that runs nothing, for a child of each of the two sides. */
  readonly spareCpus: readonly [number, number];
}

export type Side = 0 | 1;

export interface Operation {
  /** Of letters, digits and dashes; the same in every run. */
  readonly name: string;
  /** Null: an actor in the background. */
  readonly call: CallName | null;
  /** The arguments of the call. */
  readonly args: (p: Places, side: Side) => readonly number[];
  /** One of those that stand for the others in the quick selection: the first shape of each call, each advice, each actor. */
  readonly main: boolean;
}

// ---- calls ----------------------------------------------------------------------------------------------------------

type Shape = readonly [name: string, args: Operation["args"]];

const RANGES: readonly (readonly [name: string, range: (p: Places) => readonly [number, number]])[] = [
  ["whole", (p) => [p.first, p.pages]], ["second", (p) => [p.second, 1]],
];
/** For each way to name a range. */
function ranges(name: string, ...rest: readonly number[]): readonly Shape[] {
  return RANGES.map(([range, of]) => [name === "" ? range : `${name}-${range}`, (p) => [...of(p), ...rest]]);
}
const whole = (name: string, ...rest: readonly number[]): Shape => [name, (p) => [p.first, p.pages, ...rest]];

/** Advice that is about pages, and not only about the area: given to all of it, and to a part. */
const ADVISED_IN_PARTS = ["DONTNEED", "FREE", "NOHUGEPAGE", "WIPEONFORK", "COLD", "PAGEOUT"];
/** Refused before anything is looked at. */
const REFUSED = ["UNKNOWN"];

const advised = Object.entries<number>(ADVICE).filter(([word]) => !REFUSED.includes(word)).flatMap(([word, advice]): readonly Shape[] => {
  const name = word.toLowerCase().replaceAll("_", "-");
  return ADVISED_IN_PARTS.includes(word) ? ranges(name, advice) : [whole(name, advice)];
});

/** Another value of each knob than the one it begins with: what a person would set it to while processes run. */
const knobs = KNOB_NAMES.filter((name) => name !== "promotionThreshold").map((name): Shape => {
  const row = KNOB_ROWS[name];
  const lowest = "words" in row ? [0, row.words[0]] as const : "takes" in row ? null : [row.min, row.min] as const;
  const [value, said] = lowest ?? [Number(!row.default), row.default === true ? "off" : "on"];
  return [`${row.file.replace("/", "-").replaceAll("_", "-")}-${said}`, () => [knobNumber(name), value]];
});

const pins = ([
  ["fast-get", 0, 1], ["fast-pin", FOLL.pin, 1], ["fast-pin-write", FOLL.pin | FOLL.write, 1], ["slow-get", 0, 0],
  ["slow-pin-longterm", FOLL.pin | FOLL.longterm, 0], ["slow-pin-write", FOLL.pin | FOLL.write, 0],
  ["slow-pin-forced-write", FOLL.pin | FOLL.write | FOLL.force, 0],
] as const).map(([name, flags, fast]): Shape => [name, (p) => [p.second, flags, fast]]);

const SHAPES: Partial<Record<CallName, readonly Shape[]>> = {
  mmap: [
    ["whole-anew", (p) => [p.first, p.pages, PROT.rw, MAP.fixed]],
    ["second-anew", (p) => [p.second, 1, PROT.rw, MAP.fixed]],
    ["whole-stack", (p) => [p.first, p.pages, PROT.rw, MAP["fixed stack"]]],
    ["beside", (p) => [p.target, 1, PROT.rw, MAP["-"]]],
  ],
  munmap: ranges(""),
  mprotect: [...ranges("r", PROT.r), ...ranges("none", PROT.none), whole("rw", PROT.rw)],
  mremap: [
    ["whole", (p) => [p.first, p.pages, p.pages, MREMAP.fixed, p.target]],
    ["whole-aside", (p) => [p.first, 2, 2, MREMAP.fixed, p.aside]],
    ["second", (p) => [p.second, 1, 1, MREMAP.fixed, p.target]],
    ["first-aside", (p) => [p.first, 1, 1, MREMAP.fixed, p.aside]],
    ["dontunmap", (p) => [p.first, p.pages, p.pages, MREMAP.dontunmap, p.target]],
    ["shrink", (p) => [p.first, p.pages, p.pages - 1, MREMAP["-"], 0]],
    ["grow", (p) => [p.first, p.pages, p.pages + 1, MREMAP.maymove, 0]],
  ],
  madvise: advised,
  processMadvise: [["collapse", (p, side) => [p.self[side], p.first, p.pages, 0, 0, ADVICE.COLLAPSE, 0, 1]]],
  fork: [["", (p, side) => [p.spareCpus[side]]]],
  thpDisable: [
    ["all", () => [1, THP_DISABLE.all]], ["except-advised", () => [1, THP_DISABLE["except-advised"]]], ["off", () => [0, THP_DISABLE.all]],
  ],
  load: [["first", (p) => [p.first]], ["second", (p) => [p.second]]],
  store: [["first", (p) => [p.first, 3]], ["second", (p) => [p.second, 3]]],
  touch: [["whole", (p) => [p.first, 2, 3, 0]]],
  sysfs: knobs,
  splitHugePages: [["whole", (p, side) => [p.self[side], p.first, p.pages]], ["second", (p, side) => [p.self[side], p.second, 1]]],
  getUserPage: pins,
};

/** Calls that are about the frame which another one gave: they are part of what that one does here. */
export const PART_OF: Partial<Record<CallName, CallName>> = { putUserPage: "getUserPage", pageStore: "getUserPage" };

/** The shapes of a call that has no row above: every range, every word but those that are refused, every flag alone. */
export function byTypes(args: readonly Arg[]): readonly Shape[] {
  let shapes: readonly Shape[] = [["", () => []]];
  const each = (next: readonly Shape[]): void => {
    shapes = shapes.flatMap(([a, before]) => next.map(([b, more]): Shape => [
      [a, b].filter((x) => x !== "").join("-"), (p, side) => [...before(p, side), ...more(p, side)],
    ]));
  };
  args.forEach(({ name, type, optional }, n) => {
    if (optional === true) return;
    const measured = args[n + 1]?.type;
    switch (type.kind) {
      case "page": each(measured?.kind === "pages" && measured.from.includes(name) ? ranges("") : [["first", (p) => [p.first]]]); break;
      // Together with its page; where that is not just before it, the area.
      case "pages": each(args[n - 1]?.type.kind === "page" ? [["", () => []]] : [["", (p) => [p.pages]]]); break;
      case "process": each([["", (p, side) => [p.self[side]]]]); break;
      case "frame": each([["", () => [0]]]); break;
      case "content": each([["", () => [3]]]); break;
      case "switch": each([["off", () => [0]], ["on", () => [1]]]); break;
      case "number": each([["", () => [0]]]); break;
      case "word": case "flags": each(Object.entries(type.words).filter(([word]) => !/^unknown$/i.test(word))
        .map(([word, value]) => [word === "-" ? "" : word.toLowerCase().replaceAll(/[ _]/g, "-"), () => [value]])); break;
    }
  });
  return shapes;
}

function operationsOf(call: CallName): readonly Operation[] {
  if (PART_OF[call] !== undefined) return [];
  const kebab = call.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
  return (SHAPES[call] ?? byTypes(CALLS[call].args)).map(([shape, args], n) => {
    const main = n === 0 || (call === "madvise" && !shape.endsWith("-second"));
    return { name: shape === "" ? kebab : `${kebab}-${shape}`, call, args, main };
  });
}

// ---- actors ---------------------------------------------------------------------------------------------------------

export const ACTORS = [
  "reclaim-lazyfree", "shrink-split-queue", "shrink-huge-zero", "shrink-reservations", "split-folio", "scan-frame", "dump-page-tables",
  "cached-loads", "cached-stores", "reference",
] as const;
export type ActorName = (typeof ACTORS)[number];
/** The number of each: its place. */
export const ACTOR = Object.fromEntries(ACTORS.map((name, n) => [name, n])) as Readonly<Record<ActorName, number>>;

const actors = ACTORS.map((name): Operation => ({ name, call: null, args: () => [], main: true }));

/** Calls, then actors; the number of each is its place. */
export const OPERATIONS: readonly Operation[] = [...CALL_NAMES.flatMap(operationsOf), ...actors];
export const FIRST_ACTOR = OPERATIONS.length - actors.length;

/** The call's number and its arguments, eight words; zeroes for an actor. */
export function wordsOf(o: Operation, p: Places, side: Side): readonly number[] {
  const args = o.args(p, side);
  return [o.call === null ? 0 : CALL[o.call], ...args, ...Array.from({ length: 8 - args.length }, () => 0)];
}
