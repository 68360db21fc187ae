/** The compiler's oracle tests: random programs and corner cases, compiled and as plain generators. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompiledSystem } from "../../../checker/image/compiled-system.ts";
import { STEP_TAKEN } from "../../../checker/system.ts";
import { StepFault } from "../../../checker/fault.ts";
import { compareRuns, compareStraightLine, compileVariants } from "./compare-runs.ts";
import { loadGenerated } from "./load-generated.ts";
import { randomPrograms, schedules, type ScheduleEntry } from "./random-programs.ts";
import { seeded } from "./seeded.ts";

describe("compiled code does what the generators do", () => {
  test("after every step of random programs under random schedules", { timeout: 120_000 }, () => {
    let steps = 0;
    fc.assert(fc.property(randomPrograms(), fc.array(schedules, { minLength: 1, maxLength: 3 }), (program, several) => {
      const scenario = loadGenerated(program.text);
      const variants = compileVariants(scenario);
      for (const schedule of several) steps += compareRuns(scenario, schedule, variants);
    }), seeded(120));
    expect(steps).toBeGreaterThan(1000);
  });

  test("at the end of one thread that runs alone, lowered to straight-line code", { timeout: 120_000 }, () => {
    let ended = 0;
    fc.assert(fc.property(randomPrograms({ min: 1, max: 1 }), fc.array(fc.nat(11), { maxLength: 12 }), (program, answers) => {
      if (compareStraightLine(loadGenerated(program.text), answers)) ended++;
    }), seeded(80));
    expect(ended).toBeGreaterThan(30);
  });
});

/** One use of a lock: how it is taken, what is done under it, how it is given back (sometimes wrongly, or not at all). */
const lockUses: readonly (readonly [take: string, release: string])[] = [
  ["yield* spinLock(k, k.s.spin.at());", "spinUnlock(k, k.s.spin.at());"],
  ["if (!spinTrylock(k, k.s.spin.at())) return;", "spinUnlock(k, k.s.spin.at());"],
  ["yield* mutexLock(k, k.s.m.at());", "mutexUnlock(k, k.s.m.at());"],
  ["if (!mutexTrylock(k, k.s.m.at())) return;", "mutexUnlock(k, k.s.m.at());"],
  ...["k.s.sem.at()", "k.s.queued.at()", "k.s.queued.at()"].flatMap((l): [string, string][] => [
    [`yield* downRead(k, ${l});`, `upRead(k, ${l});`],
    [`yield* downWrite(k, ${l});`, `upWrite(k, ${l});`],
    [`if (!downReadTrylock(k, ${l})) return;`, `upRead(k, ${l});`],
    [`if (!downWriteTrylock(k, ${l})) return;`, `upWrite(k, ${l});`],
    [`yield* downWrite(k, ${l}); yield at("write"); downgradeWrite(k, ${l});`, `upRead(k, ${l});`],
  ]),
];
const lockUse = fc.record({ use: fc.constantFrom(...lockUses), pause: fc.boolean(),
  wrongly: fc.oneof({ weight: 14, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(...lockUses.map(([, release]) => release), "") }) });
const lockBodies = fc.array(fc.array(fc.tuple(lockUse, fc.option(lockUse, { freq: 3 })), { minLength: 1, maxLength: 3 }),
  { minLength: 3, maxLength: 4 });

describe("locks under contention", () => {
  test("wait, exclude, queue and fault alike", { timeout: 120_000 }, () => {
    let steps = 0;
    fc.assert(fc.property(lockBodies, fc.array(schedules, { minLength: 2, maxLength: 4 }), (bodies, several) => {
      const print = ({ use: [take, release], pause, wrongly }: { use: readonly [string, string]; pause: boolean; wrongly: string | null },
        inner: string): string =>
        `${take} ${inner} ${pause ? 'yield at("hold");' : ""} ${wrongly ?? release}`;
      const scenario = loadGenerated(`
import { at, downRead, downReadTrylock, downWrite, downWriteTrylock, downgradeWrite, holds, mutex, mutexLock, mutexTrylock, mutexUnlock, rwsem, scenario, spinLock, spinTrylock, spinUnlock, spinlock, struct, upRead, upWrite } from "thpcheck";
const structs = { s: struct({ spin: spinlock("spin"), m: mutex("m"), sem: rwsem("sem"), queued: rwsem("queued", { queued: true }) }) };
${bodies.map((b, i) => `function* body${i}(k) { yield at("start"); ${b.map(([outer, inner]) => print(outer, inner === null ? "" : print(inner, ""))).join(" ")} }`).join("\n")}
export default scenario({ name: "locks", why: "a test", tier: "quick", structs, threads: [${bodies.map((_, i) => `{ name: "T${i}", run: body${i} }`).join(", ")}], expect: holds() });
`);
      const variants = compileVariants(scenario);
      for (const schedule of several) steps += compareRuns(scenario, schedule, variants);
    }), seeded(60));
    expect(steps).toBeGreaterThan(500);
  });
});

/** A module with one thread `a` whose routine has the given body, and what else it needs before it. */
const moduleOf = (body: string, declarations = ""): string => `
import { array, at, bitset, bool, bugOn, choose, current, holds, int, mutex, mutexLock, mutexUnlock, ref, scenario, struct, table } from "thpcheck";
import type { Int, LockId, Mask, Ref, Routine, U, U32, U8, World } from "thpcheck";
const structs = {
  s: struct({
    x: int(0, 9, "x"), y: int(-5, 5, "y"), w: int(0, 4294967295, "wide"), on: bool("on"), set: bitset(5, "set"), list: array(3, int(0, 300, "list")),
    bits: array(10, bool("1 bit")), pairs: array(9, int(-1, 2, "2 bits")), sets: array(5, bitset(3, "3 bits")), kind: int(1, 1, "a bound"),
  }),
  item: table(3, {
    v: int(0, 7, "v"), few: array(2, int(0, 6, "within a byte")), many: array(9, bool("1 bit")), next: ref("item", "next"), m: mutex("m"),
  }),
};
type K = World<typeof structs>;
${declarations}
function* main(k: K): Routine<U8> {
  ${body}
  return 0;
}
export default scenario({ name: "corner", why: "a corner case", tier: "quick", structs, threads: [{ name: "a", run: main }], expect: holds() });
`;

describe("corner cases", () => {
  test.each<[string, string, string?]>([
    ["the index is evaluated before the value that changes it",
      'yield at("go"); let i: U<2> = 0; k.item.v.set(i, (i = 2)); yield at("end"); k.s.x.set(i);'],
    ["the index is evaluated before a value that is incremented",
      'yield at("go"); let i: U<2> = 0; k.item.v.set(i, ++i); k.item.v.set(i++, i); yield at("end"); k.s.x.set(i);'],
    ["the old value is read before the right side of +=", 'yield at("go"); let i: U<3> = 1; i += (i = 2); yield at("end"); k.s.x.set(i);'],
    ["elements that share bytes, each of them written and read",
      `yield at("go");
       for (let i: Int<0, 10> = 0; i < 10; i++) {
         k.s.bits.set(i, i % 3 !== 0);
         if (i < 9) k.s.pairs.set(i, i % 4 - 1);
         if (i < 5) k.s.sets.insert(i, i % 3);
       }
       yield at("middle");
       k.s.pairs.add(8, -1); k.s.sets.remove(4, 1); k.s.sets.insert(3, 2); k.s.bits.set(9, k.s.bits.xchg(0, true));
       for (let i: Int<0, 3> = 0; i < 3; i++) {
         k.item.few.set(i, 1, i + 4); k.item.few.add(i, 0, i); k.item.many.set(i, 8, i === 1); k.item.many.set(i, i, true);
       }
       yield at("end");
       for (let i: Int<0, 10> = 0; i < 9; i++) {
         if (k.s.bits.get(i) && k.item.many.get(1, i)) k.s.y.add(1);
         k.s.list.set(1, k.s.list.get(1) + k.s.pairs.get(i) + 1);
       }
       k.s.list.set(0, k.s.sets.size(3) + (k.s.sets.has(4, 1) ? 100 : 0) + k.item.few.get(2, 1));`],
    ...["-1", "10", "NaN", "0.5"].flatMap((i): [string, string][] => [
      [`index ${i} of elements that share bytes`, `yield at("go"); k.s.bits.set(${i}, true); yield at("end");`],
      [`index ${i} of them, computed`, `yield at("go"); k.s.on.set(k.s.bits.get(k.s.x.get() + ${i})); yield at("end");`],
      [`index ${i} of them, and one of the table`,
        `yield at("go"); k.item.few.set(k.s.x.get() + 3, k.s.x.get() + ${i}, 1); yield at("end");`],
    ]),
    ["add reads the field after its argument", 'yield at("go"); k.s.x.add(two(k)); yield at("end");',
      "function two(k: K): number { k.s.x.set(5); return 2; }"],
    ["cmpxchg compares after its arguments", 'yield at("go"); k.s.on.set(k.s.x.cmpxchg(5, two(k))); yield at("end");',
      "function two(k: K): number { k.s.x.set(5); return 2; }"],
    ["a cmpxchg that does not store does not check what it would store",
      'yield at("go"); k.s.on.set(k.s.x.cmpxchg(4, 10)); yield at("end");'],
    ["a cmpxchg that stores checks it", 'yield at("go"); k.s.on.set(k.s.x.cmpxchg(0, 10)); yield at("end");'],
    ["xchg reads after its argument", 'yield at("go"); k.s.x.set(k.s.x.xchg(two(k))); yield at("end");',
      "function two(k: K): number { k.s.x.set(5); return 2; }"],
    ["xchg checks what it stores", 'yield at("go"); k.s.x.set(k.s.x.xchg(10)); yield at("end");'],
    ["xchg of a bool gives a bool",
      'yield at("go"); if (!k.s.on.xchg(true)) k.s.x.set(3); if (k.s.on.xchg(false)) k.s.list.set(0, 1); yield at("end");'],
    ["addReturn adds after its argument", 'yield at("go"); k.s.list.set(0, k.s.x.addReturn(two(k) - 2)); yield at("end");',
      "function two(k: K): number { k.s.x.set(5); return 2; }"],
    ["addReturn checks the sum", 'yield at("go"); k.s.x.set(k.s.x.addReturn(10)); yield at("end");'],
    ["addUnless that adds", 'yield at("go"); k.s.on.set(k.s.x.addUnless(1, 7)); yield at("end");'],
    ["an addUnless that does not add does not check the sum", 'yield at("go"); k.s.on.set(k.s.x.addUnless(10, 0)); yield at("end");'],
    ["addUnless evaluates both arguments first", 'yield at("go"); k.s.on.set(k.s.x.addUnless(1, two(k) + 3)); yield at("end");',
      "function two(k: K): number { k.s.x.set(5); return 2; }"],
    ["an addUnless that adds checks the sum", 'yield at("go"); k.s.on.set(k.s.x.addUnless(10, 7)); yield at("end");'],
    ...["-1", "3", "4294967296", "NaN", "0.5", "-0"].flatMap((i): [string, string][] => [
      [`index ${i} of a table, read`, `yield at("go"); k.s.x.set(k.item.v.get(${i})); yield at("end");`],
      [`index ${i} of a table, written`, `yield at("go"); k.item.v.set(${i}, 1); yield at("end");`],
      [`index ${i} of an array`, `yield at("go"); k.s.list.set(${i}, 1); yield at("end");`],
      [`index ${i}, computed`, `yield at("go"); const i: Int<0, 9> = k.s.x.get(); k.s.list.set(i + ${i}, 1); yield at("end");`],
      [`index ${i} of a lock`, `yield at("go"); k.s.on.set(k.item.m.isHeld(${i})); yield at("end");`],
      [`member ${i} of a set`, `yield at("go"); k.s.set.insert(${i}); k.s.on.set(k.s.set.has(${i})); yield at("end");`],
    ]),
    ...["-6", "6", "NaN", "0.5", "Infinity", "-0"].flatMap((v): [string, string][] => [
      [`storing ${v}`, `yield at("go"); k.s.y.set(${v}); yield at("end");`],
      [`storing ${v}, computed`, `yield at("go"); k.s.y.set(k.s.x.get() + ${v}); yield at("end");`],
    ]),
    ["a routine that may return without having yielded, in a loop",
      'yield at("go"); for (let i: U<2> = 0; i < 3; i++) { const r: U<2> = yield* sometimes(k, i); k.s.x.add(r); } yield at("end");',
      'function* sometimes(k: K, i: U<2>): Routine<U<2>> { if (i === 1) { yield at("in"); k.s.y.add(1); } return i; }'],
    ["a routine whose only yields are those of a routine that it calls", 'yield* outer(k); k.s.x.set(yield_(k));',
      'function yield_(k: K): number { return k.s.y.get() + 5; }\nfunction* outer(k: K): Routine { yield* inner(k); yield* inner(k); }\nfunction* inner(k: K): Routine { yield at("in"); k.s.y.add(1); }'],
    ["the result of a call overwrites an argument",
      'yield at("go"); let i: U<3> = 1; i = yield* twice(k, i); i = yield* twice(k, i); k.s.x.set(i);',
      'function* twice(k: K, n: U<3>): Routine<U<3>> { yield at("in"); n += n; yield at("out"); return n; }'],
    ["arguments of a call are evaluated from left to right",
      'yield at("go"); let i: U<2> = 1; const sum: U8 = yield* three(k, i, ++i, i); k.s.list.set(0, sum);',
      'function* three(k: K, a: U<2>, b: U<2>, c: U<2>): Routine<U8> { yield at("in"); k.s.x.set(b); return a * 16 + b * 4 + c; }'],
    ["arguments of a helper are evaluated from left to right",
      'yield at("go"); let i: U<2> = 1; k.s.list.set(0, three(i, ++i, i)); yield at("end");',
      'function three(a: number, b: number, c: number): number { return a * 16 + b * 4 + c; }'],
    [
      "a helper and a routine of the record that a bound chooses",
      'yield at("go"); k.s.x.set(WAYS[k.s.kind.get()]!.sum(k, 2)); const r: U<3> = yield* WAYS[k.s.kind.get()]!.twice(k, 3); k.s.x.add(r); yield at("end");',
      `function sumOf(k: K, n: number): number { return k.s.y.get() + n; }
       function* twiceOf(k: K, n: U<3>): Routine<U<3>> { yield at("in"); k.s.y.add(1); return 2 * n; }
       const WAYS: any = { 0: { sum: () => 9 }, 1: { sum: sumOf, twice: twiceOf } };`,
    ],
    ["guards see locals as they are at the yield, and inner locals hide outer ones",
      'yield at("go"); let i: U<3> = 1; { let i: U<3> = 2; yield at("inner", () => i === 2); i++; } yield at("outer", () => i === 1); k.s.x.set(i);'],
    ["a local declared in a loop body is new in each round",
      'yield at("go"); for (let i: U<2> = 0; i < 3; i++) { let n: U<3> = i; yield at("a"); n++; yield at("b"); k.item.v.set(i, n); }'],
    ["switch falls through yields, into and out of default",
      'yield at("go"); for (let i: U<3> = 0; i < 4; i++) { switch (i) { case 0: yield at("0"); default: yield at("d"); k.s.x.add(1); case 1: yield at("1"); break; case 2: k.s.y.add(1); } }'],
    ["labelled continue out of a switch in a do-while",
      'yield at("go"); let i: U<3> = 0; outer: do { i++; for (;;) { switch (i) { case 1: continue outer; case 2: yield at("two"); break outer; } yield at("round"); k.s.x.add(1); } } while (i < 5); yield at("end"); k.s.y.set(i);'],
    ["a local that only the update of the loop needs survives a continue",
      'yield at("go"); for (let i: U<3> = 0; i < 3; i++) { k.s.x.add(1); if (k.s.x.get() < 8) { yield at("a"); continue; } return 1; }'],
    ["the same with a labelled continue",
      'yield at("go"); outer: for (let i: U<3> = 0; i < 3; i++) { for (;;) { k.s.x.add(1); if (k.s.x.get() < 8) { yield at("a"); continue outer; } return 1; } }'],
    ["a local that only the test of the loop needs survives a continue",
      'yield at("go"); let i: U<3> = 0; let j: U<3> = 0; while (i < 3) { i++; if (k.s.x.get() < 4) { k.s.x.add(1); yield at("a"); continue; } break; } do { j++; if (k.s.x.get() < 9) { k.s.x.add(1); yield at("b"); continue; } return 1; } while (j < 3);'],
    ["a local needed only behind the loop survives a labelled break, and one behind a switch its break",
      'yield at("go"); let n: U<3> = 5; let m: U<3> = 2; outer: for (;;) { for (;;) { yield at("a"); switch (k.s.x.get()) { case 0: k.s.x.set(1); yield at("b"); break; default: yield at("c"); break outer; } k.s.y.set(m); m = 1; } } k.s.x.set(n);'],
    ["a local needed only in the next case survives the fall into it",
      'yield at("go"); const n: U<3> = 5; switch (k.s.x.get()) { case 0: yield at("a"); case 1: k.s.x.set(n); break; default: return 1; }'],
    ["a condition with effects is evaluated once a round",
      'yield at("go"); let i: U<3> = 0; while (i++ < 3) { yield at("round"); k.s.x.add(i); } yield at("end"); k.s.y.set(i);'],
    ["every width of local survives a yield",
      'yield at("go"); let a: U32 = 4294967295; let b: Int<-2147483648, 2147483647> = -2147483648; let c: Mask<31> = 2147483647; let d: Ref<"item"> = -1; let e: boolean = true; let f: Int<-3, 1000> = -3; let g: 4 = 4; yield at("mid"); k.s.w.set(a); k.s.y.set(b + 2147483648); k.s.on.set(e && c === 2147483647 && d === -1 && f === -3); k.s.x.set(g);'],
    ["a lock kept in a local",
      'yield at("go"); const l: LockId = k.item.m.at(2); yield* mutexLock(k, l); yield at("in"); k.s.x.set(1); mutexUnlock(k, l);'],
    ["a lock whose index changes while the thread waits for it",
      'yield at("go"); let i: U<2> = 1; yield* mutexLock(k, k.item.m.at(i)); i = 2; mutexUnlock(k, k.item.m.at(1)); k.s.x.set(i);'],
    ["a choice among named options gives its index",
      'yield at("go"); k.s.x.set(choose(k, "call", ["read", "write", `call ${TWO}`]) + choose(k, "kind", KINDS)); yield at("end");',
      'const TWO = 2;\nconst KINDS = ["one", "other"];'],
    ["several choices in one step, later ones depending on earlier ones",
      'yield at("go"); const n: U<2> = choose(k, "n", 3); for (let i: U<2> = 0; i < n; i++) k.item.v.set(i, choose(k, "v", i + 2)); yield at("end"); k.s.x.set(n);'],
  ])("%s", (_, body, declarations) => {
    const scenario = loadGenerated(moduleOf(body, declarations));
    const variants = compileVariants(scenario);
    for (const answers of [[], [1], [2, 1], [1, 1, 1], [2, 0, 2]]) {
      const schedule: ScheduleEntry[] = [{ actor: 0, answers }];
      expect(compareRuns(scenario, schedule, variants)).toBeGreaterThan(0);
      compareStraightLine(scenario, answers);
    }
  });
});

/**
 * Everything that can be seen from outside in a reachable state: struct bytes and where each thread stands. Null when
 * there are more than `limit` states.
 */
function reachable(system: CompiledSystem, structBytes: number, limit: number): { seen: Set<string>; states: number } | null {
  const { vector, stateWords, actors } = system;
  const states = new Map<string, Int32Array>();
  const seen = new Set<string>();
  const queue: Int32Array[] = [];
  const faults = (run: () => void): void => {
    try {
      run();
    } catch (e) {
      if (!(e instanceof StepFault)) throw e;
      seen.add(`fault ${e.rule}`);
    }
  };
  const arrive = (): void => {
    const state = vector.slice(0, stateWords);
    const key = Buffer.from(state.buffer).toString("latin1");
    if (states.has(key)) return;
    states.set(key, state);
    queue.push(state);
    seen.add(`${key.slice(0, structBytes)} ${actors.map((_, a) => system.position(a).label).join(" ")}`);
  };
  system.setBranch([]);
  do faults(() => { system.init(); arrive(); }); while (system.nextBranch());
  for (let state = queue.shift(); state !== undefined; state = queue.shift()) {
    if (states.size > limit) return null;
    for (let a = 0; a < actors.length; a++) {
      do {
        vector.set(state);
        faults(() => { if (system.step(a) === STEP_TAKEN) arrive(); });
      } while (system.nextBranch());
    }
  }
  return { seen, states: states.size };
}

describe("clearing dead locals", () => {
  test("merges states and loses none: what can be seen in the reachable states stays the same", { timeout: 120_000 }, () => {
    let explored = 0;
    let merged = 0;
    fc.assert(fc.property(randomPrograms({ min: 1, max: 2 }), (program) => {
      const [cleared, kept] = compileVariants(loadGenerated(program.text));
      const { stateBytes } = cleared!.system.image.plan;
      const all = reachable(kept!.system, stateBytes, 3000);
      if (all === null) return;
      const fewer = reachable(cleared!.system, stateBytes, 3000);
      expect(fewer?.seen).toEqual(all.seen);
      expect(fewer?.states).toBeLessThanOrEqual(all.states);
      explored++;
      if (fewer!.states < all.states) merged++;
    }), seeded(40));
    expect(explored, "programs small enough to be explored").toBeGreaterThan(10);
    expect(merged, "programs in which clearing merges states").toBeGreaterThan(0);
  });
});
