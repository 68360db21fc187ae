/**
 * Random programs that stay meaningful: most of the memory that they talk about is mapped, ranges begin and end at and
 * around the boundaries of huge pages, processes fork and go on writing.
 *
 * A step that names a process which does not live then goes to one that does, so that shrinking may drop forks.
 */
import fc from "fast-check";
import { ADVICE, AREA_PAGES, AREA_RANGES, CONTENTS, DEFAULT_KNOBS, HOLDS, HPAGE, PROCESSES, type AdviceName, type Call, type Knobs, type Program, type Step } from "./program.ts";

interface Range { readonly at: number; readonly pages: number }

/** Offsets inside a huge page where something may go wrong by one. */
const offset = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 4, arbitrary: fc.constantFrom(1, 2, 255, 256, 257, 510, 511) }, { weight: 1, arbitrary: fc.nat(HPAGE - 1) });
/** The lower ranges are where the memory is. */
const hugeRange = fc.oneof({ weight: 6, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(AREA_RANGES - 1) });
const point = fc.tuple(hugeRange, offset).map(([r, o]) => r * HPAGE + o);
const clipped = (at: number, pages: number): Range => ({ at, pages: Math.max(1, Math.min(pages, AREA_PAGES - at)) });

const wholeRanges: fc.Arbitrary<Range> = fc.tuple(hugeRange, fc.constantFrom(1, 1, 1, 2, 3)).map(([r, n]) => clipped(r * HPAGE, n * HPAGE));
const somePages: fc.Arbitrary<Range> = fc.tuple(point, fc.constantFrom(1, 1, 2, 3, 8)).map(([at, n]) => clipped(at, n));
const fromTo: fc.Arbitrary<Range> = fc.tuple(point, point).map(([a, b]) => clipped(Math.min(a, b), Math.abs(a - b)));
const mixed = (whole: number, some: number, any: number): fc.Arbitrary<Range> =>
  fc.oneof({ weight: whole, arbitrary: wholeRanges }, { weight: some, arbitrary: somePages }, { weight: any, arbitrary: fromTo });

const call = (name: Call, args: fc.Arbitrary<readonly number[]>): fc.Arbitrary<Step> => fc.tuple(fc.nat(PROCESSES - 1), args).map(([process, a]) => ({ process, call: name, args: a }));
const content = fc.integer({ min: 1, max: CONTENTS });
const prot = fc.constantFrom(3, 3, 3, 1, 1, 0, 0, 2);
const advice = (...names: AdviceName[]): fc.Arbitrary<number> => fc.constantFrom(...names.map((n) => ADVICE[n]));
const ranged = (range: fc.Arbitrary<Range>, ...more: fc.Arbitrary<number>[]): fc.Arbitrary<readonly number[]> => fc.tuple(range, ...more).map(([r, ...rest]) => [r.at, r.pages, ...rest]);
const sometimesEmpty = (range: fc.Arbitrary<Range>): fc.Arbitrary<Range> => fc.oneof({ weight: 25, arbitrary: range }, { weight: 1, arbitrary: point.map((at) => ({ at, pages: 0 })) });

/** Grow, shrink, and move to anywhere in the area; what the flags forbid as well. */
const mremapArgs: fc.Arbitrary<readonly number[]> = fc.tuple(sometimesEmpty(mixed(4, 2, 4)), sometimesEmpty(mixed(3, 1, 3)), fc.boolean(), fc.constantFrom(3, 3, 3, 3, 3, 3, 0, 0, 0, 7, 7, 2, 4, 8)).map(([from, to, sameLength, flags]) => {
  const resized = flags === 0 || flags === 2 || flags === 8;
  const length = sameLength && flags !== 0 ? from.pages : to.pages;
  const pages = Math.min(length, AREA_PAGES - from.at, AREA_PAGES);
  const at = resized && flags === 0 ? 0 : Math.min(to.at, AREA_PAGES - pages);
  return [from.at, from.pages, pages, flags, at];
});

const split: fc.Arbitrary<Step> = call("split", ranged(mixed(3, 2, 2)));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: call("write", ranged(mixed(0, 6, 1), content)) },
  { weight: 10, arbitrary: call("write", ranged(mixed(6, 1, 3), content)) },
  { weight: 8, arbitrary: call("read", ranged(mixed(3, 4, 2))) },
  { weight: 9, arbitrary: call("madvise", ranged(sometimesEmpty(mixed(4, 4, 4)), advice("DONTNEED", "DONTNEED", "FREE"))) },
  { weight: 9, arbitrary: call("madvise", ranged(sometimesEmpty(mixed(8, 0, 3)), advice("COLLAPSE"))) },
  { weight: 6, arbitrary: call("madvise", ranged(sometimesEmpty(mixed(4, 2, 4)), advice("HUGEPAGE", "NOHUGEPAGE", "DONTFORK", "DOFORK", "WIPEONFORK", "KEEPONFORK"))) },
  { weight: 4, arbitrary: call("madvise", ranged(mixed(4, 2, 2), advice("POPULATE_READ", "POPULATE_WRITE", "UNKNOWN"))) },
  { weight: 5, arbitrary: call("munmap", ranged(sometimesEmpty(mixed(2, 3, 3)))) },
  { weight: 5, arbitrary: call("mmap", ranged(sometimesEmpty(mixed(4, 1, 2)), prot, fc.constantFrom(1, 1, 1, 3))) },
  { weight: 8, arbitrary: call("mprotect", ranged(sometimesEmpty(mixed(3, 3, 3)), prot)) },
  { weight: 9, arbitrary: call("mremap", mremapArgs) },
  { weight: 7, arbitrary: call("fork", fc.constant([0])) },
  { weight: 2, arbitrary: call("exit", fc.constant([])) },
  { weight: 2, arbitrary: call("thp_disable", fc.constantFrom([1, 0], [1, 2], [0, 0], [0, 2], [1, 1])) },
  { weight: 4, arbitrary: call("hold", fc.tuple(fc.constant(0), point)) },
  { weight: 5, arbitrary: call("release", fc.constant([0])) },
  { weight: 3, arbitrary: call("process_madvise", fc.tuple(fc.nat(PROCESSES - 1), mixed(5, 1, 2), advice("COLLAPSE", "COLLAPSE", "DONTNEED", "HUGEPAGE")).map(([target, r, a]) => [target, r.at, r.pages, a])) },
  { weight: 4, arbitrary: call("khugepaged", fc.constant([])) },
);

/** Collapses seldom succeed by chance: a range gets pages that are no huge page, and then it is collapsed. */
const collapseStory: fc.Arbitrary<readonly Step[]> = fc.tuple(fc.nat(2), offset, fc.nat(PROCESSES - 1), fc.constantFrom("dontneed", "protect", "small", "cow", "hold", "hold"), fc.boolean(), content).map(([r, o, process, how, byThread, c]) => {
  const range = r * HPAGE;
  const by = (name: Call, ...args: number[]): Step => ({ process, call: name, args });
  const collapse = byThread ? [by("khugepaged")] : [by("madvise", range, HPAGE, ADVICE.COLLAPSE)];
  switch (how) {
    case "dontneed": return [by("write", range, HPAGE, c), by("madvise", range + o, 1, ADVICE.DONTNEED), ...collapse];
    case "hold": return [by("write", range, HPAGE, c), by("mprotect", range + o, 1, 1), by("mprotect", range + o, 1, 3), by("hold", 0, range + o), by("madvise", range, HPAGE, ADVICE.COLLAPSE), by("release", 0), ...collapse];
    case "protect": return [by("write", range, HPAGE, c), by("mprotect", range + o, 1, 1), by("mprotect", range + o, 1, 3), ...collapse];
    case "small": return [by("madvise", range, HPAGE, ADVICE.NOHUGEPAGE), by("write", range, o + 1, c), by("madvise", range, HPAGE, ADVICE.HUGEPAGE), ...collapse];
    default: return [by("write", range, HPAGE, c), by("fork", 0), by("write", range + o, 1, c), ...collapse];
  }
});
const steps = (splits: boolean): fc.Arbitrary<readonly Step[]> => fc.oneof({ weight: 48, arbitrary: step.map((s) => [s]) }, { weight: 4, arbitrary: collapseStory }, { weight: splits ? 1 : 0, arbitrary: split.map((s) => [s]) });

const knobs: fc.Arbitrary<Knobs> = fc.record({
  enabled: fc.constantFrom(...Array<"madvise">(16).fill("madvise"), "always", "never"),
  use_zero_page: fc.constantFrom(1, 1, 0),
  max_ptes_none: fc.constantFrom(511, 511, 255, 0),
  max_ptes_swap: fc.constant(DEFAULT_KNOBS.max_ptes_swap),
  max_ptes_shared: fc.constantFrom(256, 511, 0),
});

/** Memory to begin with: some huge ranges, advised in most programs. */
const beginning: fc.Arbitrary<readonly Step[]> = fc.tuple(fc.constantFrom(3, 3, 2, 4), fc.constantFrom(true, true, true, true, false), fc.constantFrom(0, 0, 0, 0, 256, 1)).map(([ranges, advised, from]) => {
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
  const out: Step[] = [];
  for (const s of steps) {
    if (s.call === "khugepaged" && !khugepagedAsked) continue;
    const process = s.call === "khugepaged" ? 0 : alive[s.process % alive.length];
    if (process === undefined) continue;
    if (s.call === "process_madvise") {
      out.push({ ...s, process, args: [alive[s.args[0]! % alive.length]!, ...s.args.slice(1)] });
      continue;
    }
    if (s.call === "hold") {
      const free = held.indexOf(false);
      if (free < 0) continue;
      held[free] = true;
      out.push({ process, call: "hold", args: [free, s.args[1]!] });
      continue;
    }
    if (s.call === "release") {
      const slot = held.indexOf(true);
      if (slot < 0) continue;
      held[slot] = false;
      out.push({ process, call: "release", args: [slot] });
      continue;
    }
    if (s.call === "fork") {
      if (born === PROCESSES) continue;
      alive.push(born);
      out.push({ process, call: "fork", args: [born++] });
      continue;
    }
    if (s.call === "exit") {
      if (alive.length === 1 && s.process !== 0) continue;
      alive.splice(alive.indexOf(process), 1);
    }
    out.push({ ...s, process });
  }
  return [...out, ...alive.map((p): Step => ({ process: p, call: "contents", args: [] }))];
}

const STEPS_MAX = 36;

/** Programs of 10 to 40 steps. At the end each process reads what it has. `splits`: with debugfs' split_huge_pages. */
export function programs(splits: boolean): fc.Arbitrary<Program> {
  return fc.tuple(knobs, beginning, fc.array(steps(splits), { minLength: 8, maxLength: 28, size: "max" }))
    .map(([k, first, rest]) => ({ knobs: k, steps: settled([...first, ...rest.flat()].slice(0, STEPS_MAX), k.enabled !== "always") }));
}
