/**
 * Random programs that stay meaningful: most of the memory that they talk about is mapped, ranges begin and end at and
 * around the boundaries of huge pages, processes fork and go on writing, huge pages move to another offset within a huge
 * range and lose what lies beside, tables are emptied and freed.
 *
 * A step that names a process which does not live then goes to one that does, so that shrinking may drop forks.
 */
import fc from "fast-check";
import { ADVICE, MAP } from "../../impl/entry/calls.ts";
import {
  AREA_PAGES, AREA_RANGES, DEFAULT_KNOBS, HOLDS, HPAGE, PROCESSES, type Knobs, type Program, type Step,
} from "./program.ts";
import { call, content, mixed, offset, point, type Range } from "./arbitraries-of-ranges.ts";
import { BEYOND } from "./beyond.ts";
import { sizesAtFirst, sizeStories, STATS, stats } from "./arbitraries-of-sizes.ts";
import { concernsOthers } from "./sizes.ts";
import { OPERATION_NAMES, OPERATIONS, type Kind, type OperationName } from "./vocabulary.ts";

const prot = fc.constantFrom(3, 3, 3, 1, 1, 0, 0, 2);
const advice = (...names: (keyof typeof ADVICE)[]): fc.Arbitrary<number> => fc.constantFrom(...names.map((n) => ADVICE[n]));
const ranged = (range: fc.Arbitrary<Range>, ...more: fc.Arbitrary<number>[]): fc.Arbitrary<readonly number[]> =>
  fc.tuple(range, ...more).map(([r, ...rest]) => [r.at, r.pages, ...rest]);
const sometimesEmpty = (range: fc.Arbitrary<Range>): fc.Arbitrary<Range> =>
  fc.oneof({ weight: 25, arbitrary: range }, { weight: 1, arbitrary: point.map((at) => ({ at, pages: 0 })) });

/** Grow, shrink, and move to anywhere in the area; what the flags forbid as well. */
const mremapArgs: fc.Arbitrary<readonly number[]> = fc.tuple(
  sometimesEmpty(mixed(4, 2, 4)), sometimesEmpty(mixed(3, 1, 3)), fc.boolean(), fc.constantFrom(3, 3, 3, 3, 3, 3, 0, 0, 0, 7, 7, 2, 4, 8),
).map(([from, to, sameLength, flags]) => {
  const resized = flags === 0 || flags === 2 || flags === 8;
  const length = sameLength && flags !== 0 ? from.pages : to.pages;
  const pages = Math.min(length, AREA_PAGES - from.at, AREA_PAGES);
  const at = resized && flags === 0 ? 0 : Math.min(to.at, AREA_PAGES - pages);
  return [from.at, from.pages, pages, flags, at];
});
const processMadviseArgs: fc.Arbitrary<readonly number[]> = fc.tuple(
  fc.nat(PROCESSES - 1), mixed(5, 1, 2), advice("COLLAPSE", "COLLAPSE", "DONTNEED", "HUGEPAGE", "COLD", "PAGEOUT"),
).map(([target, r, a]) => [target, r.at, r.pages, a]);

interface Drawn {
  readonly weight: number;
  readonly name: OperationName;
  readonly args: fc.Arbitrary<readonly number[]>;
}
const drawn = (weight: number, name: OperationName, args: fc.Arbitrary<readonly number[]>): Drawn => ({ weight, name, args });
/** Flags of mmap(): a stack is seldom what is wanted, since it has no huge pages. */
const MAPPED = [...Array<number>(9).fill(MAP.fixed), MAP.noreplace, MAP.noreplace, MAP["fixed stack"]];
const FLAGS_OF_AREAS = advice("HUGEPAGE", "NOHUGEPAGE", "DONTFORK", "DOFORK", "WIPEONFORK", "KEEPONFORK");
const SHAPED: readonly Drawn[] = [
  drawn(12, "write", ranged(mixed(0, 6, 1), content)),
  drawn(10, "write", ranged(mixed(6, 1, 3), content)),
  drawn(8, "read", ranged(mixed(3, 4, 2))),
  drawn(9, "madvise", ranged(sometimesEmpty(mixed(4, 4, 4)), advice("DONTNEED", "DONTNEED", "FREE"))),
  drawn(9, "madvise", ranged(sometimesEmpty(mixed(8, 0, 3)), advice("COLLAPSE"))),
  drawn(5, "madvise", ranged(sometimesEmpty(mixed(4, 3, 3)), advice("PAGEOUT", "PAGEOUT", "COLD"))),
  drawn(6, "madvise", ranged(sometimesEmpty(mixed(4, 2, 4)), FLAGS_OF_AREAS)),
  drawn(4, "madvise", ranged(mixed(4, 2, 2), advice("POPULATE_READ", "POPULATE_WRITE", "UNKNOWN"))),
  drawn(5, "munmap", ranged(sometimesEmpty(mixed(2, 3, 3)))),
  drawn(5, "mmap", ranged(sometimesEmpty(mixed(4, 1, 2)), prot, fc.constantFrom(...MAPPED))),
  drawn(8, "mprotect", ranged(sometimesEmpty(mixed(3, 3, 3)), prot)),
  drawn(9, "mremap", mremapArgs),
  drawn(7, "fork", fc.constant([0])),
  drawn(2, "exit", fc.constant([])),
  drawn(2, "thp_disable", fc.constantFrom([1, 0], [1, 2], [0, 0], [0, 2], [1, 1])),
  drawn(4, "hold", fc.tuple(fc.constant(0), point)),
  drawn(5, "release", fc.constant([0])),
  drawn(3, "process_madvise", processMadviseArgs),
  drawn(4, "khugepaged", fc.constant([])),
];
/** Drawn elsewhere: at the end of each program, and where debugfs permits it. */
const ELSEWHERE: readonly OperationName[] = ["contents", "split"];

/** Any value that a program may have for the argument. A length fits in behind any page of the lower half. */
function anyValue(type: Kind): fc.Arbitrary<number> {
  switch (type.kind) {
    case "page": return fc.oneof(fc.nat(AREA_RANGES / 2 - 1).map((r) => r * HPAGE), fc.nat(AREA_PAGES / 2));
    case "pages": return fc.constantFrom(1, 1, 2, 3, HPAGE / 2, HPAGE, HPAGE, 2 * HPAGE);
    case "process": return fc.nat(PROCESSES - 1);
    case "slot": return fc.nat(HOLDS - 1);
    case "content": return content;
    case "word": return fc.constantFrom(...Object.values(type.words));
    case "flags": return fc.subarray(Object.values(type.words)).map((bits) => bits.reduce((all, bit) => all | bit, 0));
    default: return fc.nat(1);
  }
}
/** Operations whose arguments have no shape of their own here, such as that of a system call which was added to the table. */
const shapeless = OPERATION_NAMES.filter((name) => !ELSEWHERE.includes(name) && !(name in BEYOND) && SHAPED.every((d) => d.name !== name))
  .map((name) => drawn(4, name, fc.tuple(...OPERATIONS[name].args.map(({ type }) => anyValue(type)))));
const split: fc.Arbitrary<Step> = call("split", ranged(mixed(3, 2, 2)));
const step: fc.Arbitrary<Step> = fc.oneof(
  ...[...SHAPED, ...shapeless].map(({ weight, name, args }) => ({ weight, arbitrary: call(name, args) })),
);

/** Collapses seldom succeed by chance: a range gets pages that are no huge page, and then it is collapsed. */
const collapseStory: fc.Arbitrary<readonly Step[]> = fc.tuple(
  fc.nat(2), offset, fc.nat(PROCESSES - 1), fc.constantFrom("dontneed", "protect", "small", "cow", "hold", "hold"), fc.boolean(), content,
).map(([r, o, process, how, byThread, c]) => {
  const range = r * HPAGE;
  const by = (name: OperationName, ...args: number[]): Step => ({ process, call: name, args });
  const writes = by("write", range, HPAGE, c);
  const protects = [by("mprotect", range + o, 1, 1), by("mprotect", range + o, 1, 3)];
  const collapses = by("madvise", range, HPAGE, ADVICE.COLLAPSE);
  const collapse = byThread ? [by("khugepaged")] : [collapses];
  switch (how) {
    case "dontneed": return [writes, by("madvise", range + o, 1, ADVICE.DONTNEED), ...collapse];
    case "hold": return [writes, ...protects, by("hold", 0, range + o), collapses, by("release", 0), ...collapse];
    case "protect": return [writes, ...protects, ...collapse];
    case "small": {
      const advises = (a: number): Step => by("madvise", range, HPAGE, a);
      return [advises(ADVICE.NOHUGEPAGE), by("write", range, o + 1, c), advises(ADVICE.HUGEPAGE), ...collapse];
    }
    default: return [writes, by("fork", 0), by("write", range + o, 1, c), ...collapse];
  }
});

/** What becomes of a folio whose pages lie in two tables: `first` and `second` are its ranges there. */
function fateAcross(how: string, process: number, first: Range, second: Range, c: number): readonly Step[] {
  const by = (name: OperationName, ...args: number[]): Step => ({ process, call: name, args });
  const advises = ({ at, pages }: Range, advice: keyof typeof ADVICE): Step => by("madvise", at, pages, ADVICE[advice]);
  const table = ({ at }: Range): Range => ({ at: at - (at % HPAGE), pages: HPAGE });
  switch (how) {
    // The one or the other half goes, so that the rest lies beside a hole; or what lies in the table beside it does.
    case "discard first": return [advises(first, "DONTNEED"), by("write", first.at, 1, c)];
    case "discard second": return [advises(second, "DONTNEED"), advises(table(second), "COLLAPSE")];
    // All of a range: an empty table is freed (PT_RECLAIM), and a huge page may come there.
    case "empty a table": return [advises(table(second), "DONTNEED"), by("write", second.at, 1, c)];
    case "unmap": return [by("munmap", second.at, second.pages), advises(first, "PAGEOUT")];
    case "free": return [advises(first, "FREE"), by("write", first.at + first.pages - 1, 1, c), advises(first, "PAGEOUT")];
    case "free all": return [advises(first, "FREE"), advises(second, "FREE"), advises(table(first), "PAGEOUT")];
    case "protect": return [by("mprotect", second.at, second.pages, 1), by("fork", 0), by("write", first.at, 1, c)];
    case "collapse": return [advises(table(first), "COLLAPSE"), advises(table(second), "COLLAPSE")];
    case "fork": return [by("fork", 0), by("write", second.at, second.pages, c)];
    case "back": return [by("mremap", first.at, first.pages + second.pages, first.pages + second.pages, 3, first.at - (first.at % HPAGE))];
    default: return [advises(first, "PAGEOUT"), advises(second, "COLD")];
  }
}
const FATES = [
  "discard first", "discard second", "empty a table", "unmap", "free", "free all", "protect", "collapse", "fork", "back", "page out",
];

/** A huge page moves to another offset within a huge range, so that two tables map it. */
const acrossStory: fc.Arbitrary<readonly Step[]> = fc.tuple(
  fc.nat(2), fc.nat(AREA_RANGES - 2), fc.constantFrom(1, 2, 255, 256, 257, 510, 511), fc.nat(PROCESSES - 1),
  fc.array(fc.constantFrom(...FATES), { minLength: 1, maxLength: 2 }), content,
).filter(([from, to]) => from !== to && from !== to + 1).map(([from, to, o, process, fates, c]) => {
  const at = to * HPAGE + o;
  const [first, second] = [{ at, pages: HPAGE - o }, { at: at + HPAGE - o, pages: o }];
  const by = (name: OperationName, ...args: number[]): Step => ({ process, call: name, args });
  return [
    // The range may have been unmapped, protected, advised against, or moved.
    by("mmap", from * HPAGE, HPAGE, 3, MAP.fixed), by("madvise", from * HPAGE, HPAGE, ADVICE.HUGEPAGE),
    by("write", from * HPAGE, HPAGE, c), by("mremap", from * HPAGE, HPAGE, HPAGE, 3, at),
    ...fates.flatMap((how) => fateAcross(how, process, first, second, c)),
  ];
});

/** Tables that MADV_DONTNEED empties: of small pages, or of a huge page that PTEs map. */
const tableStory: fc.Arbitrary<readonly Step[]> = fc.tuple(
  fc.nat(2), fc.constantFrom(1, 2), offset, fc.nat(PROCESSES - 1), fc.constantFrom("touch", "collapse", "read", "fork"), content,
).map(([r, n, o, process, then, c]) => {
  const range = r * HPAGE;
  const by = (name: OperationName, ...args: number[]): Step => ({ process, call: name, args });
  const after: Record<typeof then, Step> = {
    touch: by("write", range + o, 1, c), collapse: by("madvise", range, HPAGE, ADVICE.COLLAPSE), read: by("read", range, n * HPAGE),
    fork: by("fork", 0),
  };
  return [
    by("write", range, n * HPAGE, c), by("mprotect", range + o, 1, 1), by("mprotect", range + o, 1, 3),
    by("madvise", range, n * HPAGE, ADVICE.DONTNEED), after[then],
  ];
});

const steps = (splits: boolean): fc.Arbitrary<readonly Step[]> => fc.oneof(
  { weight: 48, arbitrary: step.map((s) => [s]) },
  { weight: 4, arbitrary: collapseStory },
  { weight: 4, arbitrary: acrossStory },
  { weight: 2, arbitrary: tableStory },
  { weight: splits ? 1 : 0, arbitrary: split.map((s) => [s]) },
);
/** In a program with sizes between a page and a huge page most of what happens has to do with them. */
const stepsOfSizes = (splits: boolean): fc.Arbitrary<readonly Step[]> => fc.oneof(
  { weight: 12, arbitrary: steps(splits) }, { weight: 5, arbitrary: sizeStories(splits) }, { weight: 2, arbitrary: stats },
);

const knobs: fc.Arbitrary<Knobs> = fc.record({
  enabled: fc.constantFrom(...Array<"madvise">(16).fill("madvise"), "always", "never"),
  use_zero_page: fc.constantFrom(1, 1, 0),
  max_ptes_none: fc.constantFrom(511, 511, 255, 0),
  max_ptes_swap: fc.constant(DEFAULT_KNOBS.max_ptes_swap),
  max_ptes_shared: fc.constantFrom(256, 511, 0),
});

/** Memory to begin with: some huge ranges, advised in most programs. */
const beginning: fc.Arbitrary<readonly Step[]> = fc.tuple(
  fc.constantFrom(3, 3, 2, 4), fc.constantFrom(true, true, true, true, false), fc.constantFrom(0, 0, 0, 0, 256, 1),
).map(([ranges, advised, from]) => {
  const memory = [from, ranges * HPAGE - from];
  const first: Step = { process: 0, call: "mmap", args: [...memory, 3, 1] };
  return advised ? [first, { process: 0, call: "madvise", args: [...memory, ADVICE.HUGEPAGE] }] : [first];
});

/**
 * Gives each step a process that lives and each fork a child that was not there yet; drops what has none. Under
 * enabled=always a pass of khugepaged would be about all processes of the machine: seconds, and none of our business.
 */
function settled(steps: readonly Step[], khugepagedAsked: boolean): readonly Step[] {
  const alive = [0];
  let born = 1;
  const held = Array.from({ length: HOLDS }, () => false);
  /** The arguments with what there is in place of what was drawn; null: there is none. */
  const argsOf = ({ call: name, args }: Step): readonly number[] | null => {
    if (name === "hold" || name === "release") {
      const slot = held.indexOf(name === "release");
      if (slot < 0) return null;
      held[slot] = name === "hold";
      return [slot, ...args.slice(1)];
    }
    if (name === "fork") return born === PROCESSES ? null : [born];
    return args.map((a, i) => (OPERATIONS[name].args[i]!.type.kind === "process" ? alive[a % alive.length]! : a));
  };
  const out: Step[] = [];
  for (const s of steps) {
    if (s.call === "khugepaged" && !khugepagedAsked) continue;
    const process = s.call === "khugepaged" ? 0 : alive[s.process % alive.length];
    if (process === undefined || (s.call === "exit" && alive.length === 1 && s.process !== 0)) continue;
    const args = argsOf(s);
    if (args === null) continue;
    if (s.call === "fork") alive.push(born++);
    if (s.call === "exit") alive.splice(alive.indexOf(process), 1);
    out.push({ ...s, process, args });
  }
  return [...out, ...alive.map((p): Step => ({ process: p, call: "contents", args: [] }))];
}

const STEPS_MAX = 36;
const SIZED_STEPS_MAX = 44;

/** Programs of 10 to 40 steps. At the end each process reads what it has. `splits`: with debugfs' split_huge_pages. */
function programsWithoutSizes(splits: boolean): fc.Arbitrary<Program> {
  return fc.tuple(knobs, beginning, fc.array(steps(splits), { minLength: 8, maxLength: 28, size: "max" })).map(([k, first, rest]) => {
    const drawnSteps = [...first, ...rest.flat()].slice(0, STEPS_MAX);
    return { knobs: k, steps: settled(drawnSteps, k.enabled !== "always") };
  });
}

/** The same with sizes between a page and a huge page. At the end their files are read, where no other process can move them. */
function programsWithSizes(splits: boolean): fc.Arbitrary<Program> {
  const rest = fc.array(stepsOfSizes(splits), { minLength: 6, maxLength: 22, size: "max" });
  return fc.tuple(knobs, sizesAtFirst, beginning, sizeStories(splits), rest).map(([k, sizes, first, story, more]) => {
    const drawnSteps = [...sizes, ...first, ...story, ...more.flat()].slice(0, SIZED_STEPS_MAX);
    const alone = !concernsOthers({ knobs: k, steps: drawnSteps });
    const own = drawnSteps.filter((s) => alone || s.call !== "stats");
    return { knobs: k, steps: settled([...own, ...(alone ? [STATS] : [])], alone && k.enabled !== "always") };
  });
}

/** `splits`: with debugfs' split_huge_pages. */
export function programs(splits: boolean): fc.Arbitrary<Program> {
  return fc.oneof({ weight: 1, arbitrary: programsWithoutSizes(splits) }, { weight: 4, arbitrary: programsWithSizes(splits) });
}
