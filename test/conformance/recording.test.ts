/** What real kernels did is kept small and whole, and `impl/` does it: a sample here, all of it by `thpcheck conform --recorded`. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { seeded } from "../checker/compile/seeded.ts";
import { CASES } from "./cases.ts";
import { compare } from "./compare.ts";
import { ImplKernels } from "./implementation.ts";
import { COUNTERS } from "./observation.ts";
import { lackedBy, programFromJson } from "./program.ts";
import { BASE, pack, RECORDINGS, Recordings, recordings, unpack, type RecordedRun } from "./recording.ts";
import { ofReleases } from "./releases.ts";

const all = recordings();
const KERNELS = 4;
const PROGRAMS = 60;
/** Bytes that all recordings together may take. */
const ROOM = 400_000;

/** Kernels that could be asked once, and programs that came after them. */
const GONE: ReadonlySet<string> = new Set(["6.18.44-fc-v657"]);
const SINCE_THEN: ReadonlySet<string> = new Set([
  "HUGEPAGE again, of a process that the first advice has not made known to khugepaged",
  "HUGEPAGE of less than a range, in an area that holds some",
]);

describe("the recordings", () => {
  it("are of ten releases and more, of every hand-written program, and small", () => {
    expect(ofReleases(all).length).toBeGreaterThanOrEqual(10);
    for (const { kernel, runs } of all) {
      const splits = ofReleases(all).some((r) => r.kernel === kernel);
      const names = CASES.filter(({ program }) => splits || program.steps.every((s) => s.call !== "split")).map((c) => c.name);
      const lacking = names.filter((name) => !runs.some((r) => r.name === name));
      expect(lacking, kernel).toEqual(GONE.has(kernel) ? lacking.filter((name) => SINCE_THEN.has(name)) : []);
    }
    const bytes = readdirSync(RECORDINGS).reduce((sum, f) => sum + statSync(join(RECORDINGS, f)).size, 0);
    expect(bytes).toBeLessThan(ROOM);
  });
  it("have random programs, the same on all releases", () => {
    const random = (runs: readonly RecordedRun[]): string[] =>
      runs.filter((r) => r.name.startsWith("random ")).map((r) => JSON.stringify(r.program));
    const first = random(all.find((r) => r.kernel === BASE)!.runs);
    expect(first.length).toBeGreaterThanOrEqual(200);
    for (const { kernel, runs } of ofReleases(all)) expect(random(runs), kernel).toEqual(first);
  });
  it("impl/ does what these kernels did", () => {
    const impls = new ImplKernels();
    const disagreements = (kernel: string, runs: readonly RecordedRun[]): string[] => runs.flatMap(({ name, program: json, seen }) => {
      const program = programFromJson(json);
      const difference = lackedBy(program).length > 0 ? null : compare([seen], impls.of(kernel).run(program)).difference;
      return difference === null ? [] : [`${name}: ${JSON.stringify(difference)}`];
    });
    const some = fc.constantFrom(...all).chain(({ kernel, runs }) =>
      fc.shuffledSubarray([...runs], { minLength: PROGRAMS, maxLength: PROGRAMS }).map((r) => ({ kernel, runs: r })));
    fc.assert(fc.property(some, ({ kernel, runs }) => {
      const wrong = disagreements(kernel, runs);
      if (wrong.length > 0) throw new Error(`Linux ${kernel}: ${wrong.join("\n")}`);
    }), { ...seeded(KERNELS), endOnFailure: true });
  });
});

describe("a recording", () => {
  const folder = mkdtempSync(join(tmpdir(), "thpcheck-recordings-"));
  afterAll(() => { rmSync(folder, { recursive: true, force: true }); });
  const none = `k ${COUNTERS.map(() => 0).join(" ")}`;
  const run = (name: string, result: number, mapcount: number): RecordedRun => ({
    name, program: { steps: ["0 mmap 0.0 1.0 rw fixed", "0 contents"] },
    seen: ["r 0 0 0", `r 1 ${result} 0`].map((r) => [r, none, "v 0 0 512 3", `p 0 0 1 1 0 ${mapcount}`]),
  });
  const store = new Recordings(folder);

  it("of another kernel is told from the base, and comes back as it was", () => {
    expect(() => store.save({ kernel: "6.18.15", runs: [] })).toThrow(`Linux ${BASE} is not recorded`);
    store.save({ kernel: BASE, runs: [run("a", 0, 1), run("b", 0, 1), run("c", 0, 1)] });
    const other = { kernel: "6.18.15", runs: [run("a", 0, 1), run("c", 7, 2)] };
    store.save(other);
    expect(store.of("6.18.15")).toEqual(other);
    expect(store.all().map((r) => r.kernel)).toEqual(["6.18.15", BASE]);
    expect(store.of("6.17.8")).toBeNull();
  });
  it("is the same when the base is recorded anew, but for programs that are gone or others now", () => {
    const other = { ...run("a", 0, 1), program: { steps: ["0 contents"] }, seen: [["r 0 0 0", none]] };
    store.save({ kernel: BASE, runs: [run("c", 3, 3), run("d", 0, 1), other] });
    expect(store.of("6.18.15")).toEqual({ kernel: "6.18.15", runs: [run("c", 7, 2)] });
  });
  it("of a program that the base has not, or has otherwise, is refused", () => {
    expect(() => store.save({ kernel: "6.18.15", runs: [run("e", 0, 1)] })).toThrow(`"e" is not in the recording of Linux ${BASE}`);
    expect(() => store.save({ kernel: "6.18.15", runs: [run("a", 0, 1)] })).toThrow('"a" is another program');
  });
  it("whose base is another one now says so", () => {
    const old = new Recordings(mkdtempSync(join(folder, "x-")));
    old.save({ kernel: BASE, runs: [run("a", 0, 1)] });
    old.save({ kernel: "6.18.15", runs: [run("a", 1, 1)] });
    const fresh = new Recordings(mkdtempSync(join(folder, "y-")));
    fresh.save({ kernel: BASE, runs: [run("a", 2, 1)] });
    expect(fresh.of(BASE)?.runs).toEqual([run("a", 2, 1)]);
    expect(pack(run("a", 1, 1).seen)[1]).toEqual(["r 1 1 0", "k", "="]);
    expect(unpack(pack(run("a", 1, 1).seen))).toEqual(run("a", 1, 1).seen);
  });
});
