/** The data of a page against what the replay says, and the page as a file. No browser: `browser/` has one. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Scenario } from "thpcheck";
import type { ProgramScenario } from "../../checker/scenario.ts";
import type { CompiledSystem } from "../../checker/image/compiled-system.ts";
import { isPage, pageDocument } from "../../checker/page/document.ts";
import { pageData, type ToldTrace } from "../../checker/page/trace-data.ts";
import type { PageData } from "../../checker/page/data.ts";
import { elementText } from "../../checker/program/value-text.ts";
import { showsOf } from "../../checker/program/values.ts";
import { StateBytes } from "../../checker/program/world.ts";
import { Moment, storyOf } from "../../checker/viewer/moment.ts";
import { States } from "../../checker/viewer/states.ts";
import { model, signs } from "./odd.ts";
import { KERNEL_PICTURE, kernelTrace, told } from "./told.ts";

let kernel: ToldTrace;
let page: PageData;
beforeAll(async () => {
  kernel = await kernelTrace(1);
  page = pageData(kernel);
});

/** Calls `look` with each state of the trace in the system's vector. */
function eachState({ system, replayed: { trace } }: ToldTrace, look: (n: number) => void): void {
  system.setBranch(trace.initial);
  system.init();
  look(0);
  trace.steps.forEach(({ actor, choices }, n) => {
    system.setBranch(choices);
    system.step(system.actors.findIndex((a) => a.name === actor));
    look(n + 1);
  });
}

describe("the states of a page", () => {
  it("are those of the replay, word for word", () => {
    const states = new States(page.trace);
    expect(states.count).toBe(kernel.replayed.trace.steps.length + 1);
    expect(states.count).toBeGreaterThan(40);
    eachState(kernel, (n) => { expect(states.words(n)).toEqual(kernel.system.vector.slice(0, kernel.system.stateWords)); });
  });

  it("are in words as in traces: every element of every field, and whether the step changed it", () => {
    const story = storyOf(page, new States(page.trace));
    const { plan } = (kernel.system as CompiledSystem).image;
    const bytes = new StateBytes(kernel.system.vector.buffer);
    const view = { actors: page.program.actors, shows: showsOf((kernel.scenario as ProgramScenario).structs) };
    let before = new Map<string, string>();
    eachState(kernel, (n) => {
      const moment = new Moment(story, n);
      const now = new Map<string, string>();
      for (const field of story.fields.values()) {
        for (let i = 0; i < field.count; i++) {
          for (let j = 0; j < (field.length ?? 1); j++) {
            const word = { field, i, j };
            const text = elementText(plan, bytes, word, view);
            now.set(moment.name(word), text);
            if (moment.text(word) !== text) expect(`${moment.name(word)} = ${moment.text(word)}`).toBe(text);
            const changed = n > 0 && before.get(moment.name(word)) !== text;
            if (moment.isChanged(word) !== changed) expect(moment.name(word)).toBe("marked rightly");
          }
        }
      }
      before = now;
    });
    expect(before.size).toBeGreaterThan(300);
  });

  it("have locals, threads and machines as the system says", () => {
    const states = new States(page.trace);
    const system = kernel.system as CompiledSystem;
    eachState(kernel, (n) => {
      const { named, stands, machines } = states.facts(n);
      const locals = system.values().filter((v) => v.name.includes("/"));
      expect(named).toEqual(new Map(locals.map((v) => [v.name, v.value])));
      expect(stands.map((s) => s.label)).toEqual(system.actors.map((_, a) => system.position(a).label));
      expect(machines).toEqual(page.program.instances.map((_, m) => system.machineState(m)));
    });
  });

  it("say who waits for a lock", () => {
    const waits = page.trace.states.flatMap((s) => s.stands).filter(([, where]) => where.lock !== null && !where.canMove);
    expect(waits.length).toBeGreaterThan(0);
  });
});

describe("the steps of a page", () => {
  it("say what they changed, in words, where nobody saw their accesses", () => {
    const plain = pageData({ ...kernel, story: null });
    const story = storyOf(plain, new States(plain.trace));
    plain.trace.steps.forEach(({ lines, rank }, n) => {
      const moment = new Moment(story, n + 1);
      const changed = [...story.fields.values()].flatMap((field) => Array.from({ length: field.count }, (_i, i) => i)
        .flatMap((i) => Array.from({ length: field.length ?? 1 }, (_j, j) => ({ field, i, j })))).filter((word) => moment.isChanged(word));
      expect(lines.map((l) => l.text)).toEqual(changed.map((w) => `${moment.name(w)}: ${moment.textBefore(w)} -> ${moment.text(w)}`));
      expect(rank).toBe(changed.length > 0 ? 3 : 5);
    });
  });

  it("have the events of the machines, and lines of the source", () => {
    expect(page.trace.steps.flatMap((s) => s.events).length).toBeGreaterThan(5);
    const { stack } = page.trace.steps.at(-1)!;
    const { file, line } = stack.at(-1)!;
    expect(page.trace.sources[file]!.lines[line]).toMatch(/yield|spinLock|downRead|downWrite|mutexLock/);
  });
});

describe("the file", () => {
  it("is the same for the same trace", async () => {
    const again = pageData(await kernelTrace(1));
    expect(await pageDocument(again, KERNEL_PICTURE)).toBe(await pageDocument(page, KERNEL_PICTURE));
  });

  it("is small enough, and asks for nothing", async () => {
    const text = await pageDocument(page, KERNEL_PICTURE);
    expect(text.length).toBeLessThan(600_000);
    expect(isPage(text)).toBe(true);
    expect(text).toContain("default-src 'none'");
    expect([...text.matchAll(/\b(?:src|href)\s*=\s*["'](?!data:|#)/g)].map((m) => m[0])).toEqual([]);
    expect(text).not.toMatch(/\/\/# sourceMappingURL|@import/);
  });

  it("is not ended by what a program is called", async () => {
    const text = await pageDocument(pageData(await told(signs as unknown as Scenario, 0)), null);
    const scripts = [...text.matchAll(/<script/g)].length;
    expect(scripts).toBe([...text.matchAll(/<\/script>/g)].length);
    expect(scripts).toBe(2);
    const json = /<script type="application\/json" id="page">(.*)<\/script>/.exec(text)![1]!;
    expect((JSON.parse(json) as PageData).program).toMatchObject({ why: "</script>", actors: ["<b>"] });
  });

  it("says where a picture cannot be bundled", async () => {
    await expect(pageDocument(page, "/no/such/picture.ts")).rejects.toThrow(/the picture \/no\/such\/picture.ts cannot be bundled: /);
  });
});

describe("a hand-written model", () => {
  it("has steps and states too", async () => {
    const data = pageData(await told(model as unknown as Scenario, 0));
    expect(data.trace.states.length).toBe(data.trace.steps.length + 1);
    expect(data.trace.steps.every((s) => s.stack.length === 0 && s.label !== "")).toBe(true);
  });
});
