/** Sequence diagrams of traces, read and drawn by Mermaid itself, in the system's Chromium: where there is none, these are left out. */
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scenario } from "thpcheck";
import type { ToldTrace } from "../../../checker/page/trace-data.ts";
import { LINES_MAX, mermaid } from "../../../checker/report/traces/mermaid.ts";
import lostUpdate from "../../models/lost-update.ts";
import { everyKind } from "../../checker/report/odd-steps.ts";
import { model, signs } from "../odd.ts";
import { kernelTrace, told } from "../told.ts";
import { CHROMIUM, launch, NO_CHROMIUM } from "./chromium.ts";

/** Bundled whole, without what sequence diagrams do not need. */
const MERMAID = createRequire(import.meta.url).resolve("@mermaid-js/tiny");

interface Message {
  readonly from: string | null;
  readonly to: string | null;
  readonly text: string;
  /** Mermaid's number of the kind: a note, an arrow, the end of a bar. */
  readonly type: number;
}
interface Read {
  readonly kind: string;
  readonly title: string;
  readonly actors: readonly string[];
  readonly messages: readonly Message[];
  /** The text of the drawing. */
  readonly drawn: string;
}
interface Mermaid {
  initialize(options: object): void;
  parse(text: string): Promise<{ readonly diagramType: string }>;
  render(id: string, text: string): Promise<{ readonly svg: string }>;
  readonly mermaidAPI: { getDiagramFromText(text: string): Promise<{ readonly db: Db }> };
}
interface Db {
  getDiagramTitle(): string;
  getActors(): Map<string, { readonly description: string }>;
  getMessages(): { readonly from?: string; readonly to?: string; readonly message: unknown; readonly type: number }[];
}
const NOTE = 2;

let browser: Browser;
let page: Page;
beforeAll(async () => {
  if (CHROMIUM === null) return;
  browser = await launch();
  page = await browser.newPage();
  await page.setContent("<body></body>");
  await page.addScriptTag({ path: MERMAID });
}, 120_000);
afterAll(async () => { if (CHROMIUM !== null) await browser.close(); });

/** What Mermaid makes of a text. Throws what it throws. */
const readBy = (text: string): Promise<Read> => page.evaluate(async (source) => {
  const { mermaid: m } = globalThis as unknown as { mermaid: Mermaid };
  m.initialize({ startOnLoad: false });
  const { diagramType } = await m.parse(source);
  const { db } = await m.mermaidAPI.getDiagramFromText(source);
  const element = document.createElement("div");
  element.innerHTML = (await m.render("drawing", source)).svg;
  document.body.append(element);
  return {
    kind: diagramType, title: db.getDiagramTitle(), actors: [...db.getActors().values()].map((a) => a.description),
    messages: db.getMessages().map(({ from = null, to = null, message, type }) =>
      ({ from, to, text: typeof message === "string" ? message : "", type })),
    drawn: [...element.querySelectorAll("text")].map((t) => t.textContent).join("\n"),
  };
}, text);

const rendered = (trace: ToldTrace): string => mermaid.render({ ...trace, file: "test/some.ts" });
const walked = (s: unknown, seed = 1): Promise<ToldTrace> => told(s as Scenario, seed);
/** The first of some walks of which this is true. */
async function walkWith(s: unknown, holds: (trace: ToldTrace) => boolean): Promise<ToldTrace> {
  for (let seed = 1; seed <= 30; seed++) {
    const trace = await walked(s, seed);
    if (holds(trace)) return trace;
  }
  throw new Error("no walk is like that");
}

describe.skipIf(CHROMIUM === null)(`a sequence diagram${NO_CHROMIUM}`, () => {
  it.each([
    ["of the kernel", () => kernelTrace(1)], ["of two threads without a lock", () => walked([lostUpdate].flat()[0])],
    ["with locks that are waited for", () => walked(everyKind, 3)], ["of a hand-written model", () => walked(model)],
    ["with signs of HTML in its words", () => walked(signs)],
  ])("%s is read and drawn by Mermaid, with every thread on a lifeline of its own", async (_, make) => {
    const trace = await make();
    const text = rendered(trace);
    const { kind, title, actors, messages, drawn } = await readBy(text);
    expect(kind).toBe("sequence");
    expect(title).toBe(trace.scenario.name);
    expect(actors).toHaveLength(trace.replayed.actors.length);
    for (const name of trace.replayed.actors) expect(drawn.split("\n")).toContain(name);
    // Where bars were opened that nothing closes, or closed that nothing opened, Mermaid has refused the text.
    expect(messages.length).toBeGreaterThan(2);
    expect(text.split("\n").length).toBeLessThanOrEqual(LINES_MAX + actors.length + 5);
    const last = trace.replayed.rows.at(-1)!;
    expect(drawn).toContain(`${last.index}. ${last.label ?? ""}`);
    expect(drawn).toContain("broken: ");
  });

  it("shows what each step did, what went from thread to thread, and what changed under one", async () => {
    const text = rendered(await walkWith([lostUpdate].flat()[0], (t) => t.story!.steps.some((s) => s.stale.length > 0)));
    const { drawn, messages } = await readBy(text);
    for (const line of ["counter.value: 0 -> 1", "reads counter.value = 0, which step"]) expect(drawn).toContain(line);
    const numbers = messages.filter((m) => m.type === NOTE).flatMap((m) => /^(\d+)\./.exec(m.text)?.[1] ?? []);
    expect(numbers).toEqual(["1", "2", "3", "4"]);
    const locked = rendered(await walkWith(everyKind, (t) => t.story!.steps.some((s) => s.locks.some((l) => l.from !== null))));
    expect((await readBy(locked)).messages.filter((m) => m.text === "all.sem, released").map((m) => m.from === m.to)).toEqual([false]);
  });

  it("says which lock a thread is left waiting for", async () => {
    const waits = /note over (T\d): waits for all\.sem, held by (\w+)/;
    const [, id, holder] = waits.exec(rendered(await walkWith(everyKind, (t) => waits.test(rendered(t)))))!;
    expect(holder).toBe(id === "T0" ? "writer" : "reader");
  });

  it("has calls as bars, which end where the call does, and says how many steps a long trace has besides", async () => {
    const trace = await kernelTrace(1);
    const { messages } = await readBy(rendered(trace));
    const shown = messages.filter((m) => m.type === NOTE && /^\d+\./.test(m.text)).length;
    const hidden = messages.flatMap((m) => [...m.text.matchAll(/(\d+) steps? of/g)].map(([, n]) => Number(n)));
    expect(hidden.reduce((sum, n) => sum + n, shown)).toBe(trace.replayed.trace.steps.length);
    const calls = messages.filter((m) => m.from !== null && m.from === m.to && m.type !== NOTE && m.text.endsWith(")"));
    expect(calls.length).toBeGreaterThan(3);
    expect(messages.filter((m) => m.text.endsWith("() done"))).toHaveLength(calls.length);
  });
});
