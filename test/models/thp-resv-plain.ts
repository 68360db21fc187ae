/**
 * thp-resv once more, as a model written by hand: every program counter and local is a field, every actor one guarded
 * step function. The compiled twin in `thp-resv.ts` must find the same states, edges and levels.
 *
 * With the program counters in sight, the locks can be checked against the positions of the threads: invariant I5.
 *
 * The `-cleared-plain` scenarios forget which range and page a thread works on as soon as it has no more use for them,
 * which is what the compiler does to dead locals.
 */
import { NONE, choose, holds, int, ref, scenario, struct, table, type Expectation, type Model, type ModelActor, type Scenario, type World } from "thpcheck";
import { MUNMAP_LOCK_ORDER, PAGES, clearedRows, invariants, mapPage, promote, rows, seededBugs, structs as sharedStructs, takeBack, unmapRange, type Bounds, type Row } from "./thp-resv.ts";

function structs(bounds: Bounds) {
  return {
    ...sharedStructs(bounds),
    fault: table(bounds.faultThreads, {
      pc: int(0, 5, "0 idle, 1 has mmap_lock, 2 has both locks, 3 page mapped, 4 reservation lock released, 5 finished"),
      range: ref("range", "range of the fault"),
      page: int(NONE, PAGES - 1, "page of the fault"),
      done: int(0, bounds.faults, "faults done"),
    }),
    khugepaged: struct({
      pc: int(0, 3, "0 idle, 1 has mmap_lock, 2 promoted, 3 finished"),
      range: ref("range", "range under promotion"),
      done: int(0, bounds.collapseRounds, "rounds done"),
    }),
    shrinker: struct({
      pc: int(0, 3, "0 idle, 1 has the reservation lock, 2 taken back, 3 finished"),
      range: ref("range", "range under pressure"),
      done: int(0, bounds.shrinkRounds, "rounds done"),
    }),
    munmap: struct({
      pc: int(0, 6, "0 idle, 1 has mmap_lock, 2 has both, 3 unmapped, 4 reservation lock released, 5 finished, 6 has the reservation lock alone (seeded bug)"),
      range: ref("range", "range to unmap"),
    }),
  };
}
type PlainStructs = ReturnType<typeof structs>;
type K = World<PlainStructs>;

function forgetFault(k: K, t: number): void {
  k.fault.range.set(t, NONE);
  k.fault.page.set(t, NONE);
}

function faultThread(bounds: Bounds, clear: boolean, t: number): ModelActor<PlainStructs> {
  const faults = bounds.faults;
  const bug = bounds.bug;
  return {
    name: `fault${t}`,
    step: (k: K) => {
      switch (k.fault.pc.get(t)) {
        case 0:
          if (k.mm.writer.get()) return null;
          k.mm.readers.add(1);
          k.fault.range.set(t, choose(k, "range", k.range.count));
          k.fault.page.set(t, choose(k, "page", PAGES));
          k.fault.pc.set(t, 1);
          return "mmap_read_lock";
        case 1:
          if (k.mm.resvLock.get()) return null;
          k.mm.resvLock.set(true);
          k.fault.pc.set(t, 2);
          return "lock resv";
        case 2:
          mapPage(k, k.fault.range.get(t), k.fault.page.get(t), bug);
          if (clear) forgetFault(k, t);
          k.fault.pc.set(t, 3);
          return "map page";
        case 3:
          k.mm.resvLock.set(false);
          k.fault.pc.set(t, 4);
          return "unlock resv";
        case 4:
          k.mm.readers.add(-1);
          k.fault.done.add(t, 1);
          forgetFault(k, t);
          k.fault.pc.set(t, k.fault.done.get(t) === faults ? 5 : 0);
          return "mmap_read_unlock";
        default:
          return null;
      }
    },
    atRest: (k: K) => k.fault.pc.get(t) === 5,
  };
}

function khugepaged(bounds: Bounds, clear: boolean): ModelActor<PlainStructs> {
  const rounds = bounds.collapseRounds;
  const threshold = bounds.threshold;
  const bug = bounds.bug;
  return {
    name: "khugepaged",
    step: (k: K) => {
      switch (k.khugepaged.pc.get()) {
        case 0:
          if (k.mm.writer.get() || k.mm.readers.get() > 0) return null;
          k.mm.writer.set(true);
          k.khugepaged.range.set(choose(k, "range", k.range.count));
          k.khugepaged.pc.set(1);
          return "mmap_write_lock";
        case 1:
          promote(k, k.khugepaged.range.get(), threshold, bug);
          if (clear) k.khugepaged.range.set(NONE);
          k.khugepaged.pc.set(2);
          return "promote";
        case 2:
          k.mm.writer.set(false);
          k.khugepaged.done.add(1);
          k.khugepaged.range.set(NONE);
          k.khugepaged.pc.set(k.khugepaged.done.get() === rounds ? 3 : 0);
          return "mmap_write_unlock";
        default:
          return null;
      }
    },
    atRest: (k: K) => k.khugepaged.pc.get() === 3,
  };
}

function shrinker(bounds: Bounds, clear: boolean): ModelActor<PlainStructs> {
  const rounds = bounds.shrinkRounds;
  return {
    name: "shrinker",
    step: (k: K) => {
      switch (k.shrinker.pc.get()) {
        case 0:
          if (k.mm.resvLock.get()) { // a failed trylock spends the round
            k.shrinker.done.add(1);
            k.shrinker.pc.set(k.shrinker.done.get() === rounds ? 3 : 0);
            return "trylock resv";
          }
          k.mm.resvLock.set(true);
          k.shrinker.range.set(choose(k, "range", k.range.count));
          k.shrinker.pc.set(1);
          return "trylock resv";
        case 1:
          takeBack(k, k.shrinker.range.get());
          if (clear) k.shrinker.range.set(NONE);
          k.shrinker.pc.set(2);
          return "take back";
        case 2:
          k.mm.resvLock.set(false);
          k.shrinker.done.add(1);
          k.shrinker.range.set(NONE);
          k.shrinker.pc.set(k.shrinker.done.get() === rounds ? 3 : 0);
          return "unlock resv";
        default:
          return null;
      }
    },
    atRest: (k: K) => k.shrinker.pc.get() === 3,
  };
}

function munmap(bounds: Bounds, clear: boolean): ModelActor<PlainStructs> {
  const bug = bounds.bug;
  return {
    name: "munmap",
    step: (k: K) => {
      switch (k.munmap.pc.get()) {
        case 0:
          if (bug === MUNMAP_LOCK_ORDER) {
            if (k.mm.resvLock.get()) return null;
            k.mm.resvLock.set(true);
            k.munmap.range.set(choose(k, "range", k.range.count));
            k.munmap.pc.set(6);
            return "lock resv";
          }
          if (k.mm.writer.get() || k.mm.readers.get() > 0) return null;
          k.mm.writer.set(true);
          k.munmap.range.set(choose(k, "range", k.range.count));
          k.munmap.pc.set(1);
          return "mmap_write_lock";
        case 1:
          if (k.mm.resvLock.get()) return null;
          k.mm.resvLock.set(true);
          k.munmap.pc.set(2);
          return "lock resv";
        case 2:
          unmapRange(k, k.munmap.range.get());
          if (clear) k.munmap.range.set(NONE);
          k.munmap.pc.set(3);
          return "unmap";
        case 3:
          k.mm.resvLock.set(false);
          k.munmap.pc.set(4);
          return "unlock resv";
        case 4:
          k.mm.writer.set(false);
          k.munmap.range.set(NONE);
          k.munmap.pc.set(5);
          return "mmap_write_unlock";
        case 6:
          if (k.mm.writer.get() || k.mm.readers.get() > 0) return null;
          k.mm.writer.set(true);
          k.munmap.pc.set(2);
          return "mmap_write_lock";
        default:
          return null;
      }
    },
    atRest: (k: K) => k.munmap.pc.get() === 5,
  };
}

function model(bounds: Bounds, clear: boolean): Model<PlainStructs> {
  return {
    structs: structs(bounds),
    actors: [...Array.from({ length: bounds.faultThreads }, (_, t) => faultThread(bounds, clear, t)), khugepaged(bounds, clear), shrinker(bounds, clear), munmap(bounds, clear)],
  };
}

// --- I5: the locks are held by exactly the threads that stand where they hold them. ------------------------------

/** Fault threads whose pc lies in first..last. */
function faultsAt(k: K, first: number, last: number): number {
  let count = 0;
  for (let t = 0; t < k.fault.count; t++) {
    const pc = k.fault.pc.get(t);
    if (pc >= first && pc <= last) count++;
  }
  return count;
}

function writers(k: K): number {
  const promoting = k.khugepaged.pc.get() === 1 || k.khugepaged.pc.get() === 2;
  const unmapping = k.munmap.pc.get() >= 1 && k.munmap.pc.get() <= 4;
  return (promoting ? 1 : 0) + (unmapping ? 1 : 0);
}

function resvLockHolders(k: K): number {
  const shrinking = k.shrinker.pc.get() === 1 || k.shrinker.pc.get() === 2;
  const unmapping = k.munmap.pc.get() === 2 || k.munmap.pc.get() === 3 || k.munmap.pc.get() === 6;
  return faultsAt(k, 2, 3) + (shrinking ? 1 : 0) + (unmapping ? 1 : 0);
}

function plain(name: string, why: string, tier: Row["tier"], bounds: Bounds, expect: Expectation, clear = false): Scenario<PlainStructs> {
  return scenario({
    name: `${name}-plain`, why, tier,
    config: { ...bounds },
    model: model(bounds, clear),
    always: {
      ...invariants(bounds),
      I5: (k: K) => !(k.mm.writer.get() && k.mm.readers.get() > 0)
        && k.mm.readers.get() === faultsAt(k, 1, 4)
        && (k.mm.writer.get() ? 1 : 0) === writers(k)
        && (k.mm.resvLock.get() ? 1 : 0) === resvLockHolders(k),
    },
    expect,
  });
}

export default [
  ...rows.map((row) => plain(row.name, "the hand-written twin of the compiled program", row.tier, row.bounds, holds({ states: row.states, transitions: row.edges, depth: row.levels }))),
  ...clearedRows.map((row) => plain(row.name, "forgets by hand what the compiler clears", row.tier, row.bounds, holds({ states: row.states, transitions: row.edges, depth: row.levels }), true)),
  ...seededBugs.map((seeded) => plain(seeded.name, seeded.why, "quick", seeded.bounds, seeded.expect)),
];
