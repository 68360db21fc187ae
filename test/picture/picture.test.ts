/** The kernel's picture draws every state of its scenarios, and what it derives agrees with what the page tables say in words. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Drawing, Figure, Scenario } from "thpcheck";
import { pageData, type ToldTrace } from "../../checker/page/trace-data.ts";
import { Moment, storyOf, type Story } from "../../checker/viewer/moment.ts";
import { States } from "../../checker/viewer/states.ts";
import picture from "../../picture/kernel.ts";
import type { KernelScene } from "../../picture/scene.ts";
import { kernelTrace, told } from "../page/told.ts";
import collapseFork from "../scenarios/collapse-fork.ts";
import grainLists from "../scenarios/grain-lists.ts";
import grainMigration from "../scenarios/grain-migration.ts";
import grainZero from "../scenarios/grain-zero.ts";
import hugeZero from "../scenarios/huge-zero.ts";
import reservationFork from "../scenarios/reservation-fork.ts";
import reservationRfc from "../scenarios/reservation-rfc-2018.ts";
import splitZap from "../scenarios/split-zap.ts";

/** Every part of a drawing. */
function* parts(drawing: Drawing): Generator<Exclude<Drawing, null | readonly Drawing[]>> {
  if (drawing === null) return;
  if (Array.isArray(drawing)) for (const part of drawing as readonly Drawing[]) yield* parts(part);
  else {
    yield drawing as Exclude<Drawing, null | readonly Drawing[]>;
    if (typeof drawing === "object" && "content" in drawing) yield* parts(drawing.content);
  }
}

const isFigure = (part: unknown): part is Figure => typeof part === "object" && part !== null && "tag" in part;
const textIn = (drawing: Drawing): string => [...parts(drawing)].filter((p) => typeof p === "string" || typeof p === "number").join("");

function storyOfTrace(trace: ToldTrace): Story {
  const page = pageData(trace);
  return storyOf(page, new States(page.trace));
}

const drawn = (story: Story, step: number): Drawing => picture.draw(new Moment(story, step).scene() as unknown as KernelScene);

/** `page 3`: what the picture says maps it, sorted. */
function mappingsDrawn(drawing: Drawing): [string, string[]][] {
  const cards = [...parts(drawing)].filter(isFigure).filter((f) => f.class?.startsWith("frame-card"));
  return cards.map((card) => [card.of!, [...parts(card.content)].filter(isFigure).filter((f) => f.class === "mapping").map(textIn).sort()]);
}

/** The same from the words of the entries. */
function mappingsInWords(story: Story, step: number): [string, string[]][] {
  const moment = new Moment(story, step);
  const { k } = moment.scene() as unknown as KernelScene;
  const pages = k.param.hpagePmdNr.get();
  const found = Array.from({ length: k.page.count }, (): string[] => []);
  const note = (words: string, by: string, pmd: boolean, extent: number): void => {
    const [, migration, zero, page] = /^(migration entry of )?(?:huge )?(zero )?page (\d+)/.exec(words) ?? [];
    if (page === undefined || (zero !== undefined && !pmd) || (words.endsWith("invalidated") && !pmd)) return;
    const kind = migration !== undefined ? "migration entry" : pmd ? "mapped by a PMD" : "mapped by a PTE";
    for (let n = 0; n < extent; n++) found[Number(page) + n]?.push(`${kind}: ${by}`);
  };
  for (let mm = 0; mm < k.mm.count; mm++) {
    for (let range = 0; range < k.param.hugeRanges.get(); range++) {
      const pmd = moment.text(moment.word("mm.pmd", mm, range));
      const table = /^ptTable (\d+)$/.exec(pmd)?.[1];
      if (table === undefined) note(pmd, `mm ${mm}, range ${range}`, true, pages);
      else for (let n = 0; n < pages; n++) {
        note(moment.text(moment.word("ptTable.pte", Number(table), n)), `mm ${mm}, page ${range * pages + n}`, false, 1);
      }
    }
  }
  return found.map((by, pfn) => [`page ${pfn}`, by.sort()]);
}

describe("the picture of a collapse", () => {
  let story: Story;
  beforeAll(async () => { story = storyOfTrace(await kernelTrace(1)); });

  it("says of each page what maps it", () => {
    let mapped = 0;
    for (let step = 0; step < story.states.count; step++) {
      const says = mappingsDrawn(drawn(story, step));
      expect(says).toEqual(mappingsInWords(story, step));
      mapped += says.flatMap(([, by]) => by).length;
    }
    expect(mapped).toBeGreaterThan(50);
  });

  it("has an area above each page that lies in it", () => {
    const { k } = new Moment(story, story.states.count - 1).scene() as unknown as KernelScene;
    const areas = [...parts(drawn(story, story.states.count - 1))].filter(isFigure).filter((f) => f.class === "area");
    const used = Array.from({ length: k.vma.count }, (_, v) => v).filter((v) => k.vma.mm.get(v) >= 0);
    const lengths = used.map((v) => k.vma.end.get(v) - k.vma.start.get(v));
    expect(areas.map((a) => a.columns)).toEqual(lengths);
    expect(areas.length).toBeGreaterThan(0);
  });
});

describe("every state is drawn", () => {
  const modules = [collapseFork, grainLists, grainMigration, grainZero, hugeZero, reservationFork, reservationRfc, splitZap];
  const all: readonly (readonly unknown[])[] = modules.map((s) => [s].flat());
  it.each(all.map((s) => [(s[0] as Scenario).name, s[0] as Scenario] as const))("of %s", async (_, scenario) => {
    const story = storyOfTrace(await told(scenario, 7));
    const values = Array.from({ length: story.states.count }, (_state, step) => [...parts(drawn(story, step))]
      .filter((p) => typeof p === "object" && "field" in p).length);
    expect(Math.min(...values)).toBeGreaterThan(20);
    for (let step = 0; step < story.states.count; step++) expect(mappingsDrawn(drawn(story, step))).toEqual(mappingsInWords(story, step));
  });
});
