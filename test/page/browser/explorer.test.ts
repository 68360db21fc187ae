/** The explorer in a browser: step by step, back, to a broken promise, from a link; and its end with its page. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scenario } from "thpcheck";
import { defaultEngine } from "../../../checker/check/engine.ts";
import { serve, type Serving } from "../../../checker/explorer/server.ts";
import { Session } from "../../../checker/explorer/session.ts";
import { explorerDocument } from "../../../checker/page/document.ts";
import { racy } from "../../checker/explorer/counters.ts";
import { CHROMIUM, launch, NO_CHROMIUM } from "./chromium.ts";

let browser: Browser;
let serving: Serving;
let page: Page;
const requests: string[] = [];
const errors: string[] = [];

beforeAll(async () => {
  if (CHROMIUM === null) return;
  const scenario = racy as unknown as Scenario;
  const { system, source } = await (await defaultEngine()).compile(scenario, { clearDeadLocals: true });
  const session = new Session({
    system, scenario: "racy", programHash: source!.programHash, config: {}, patch: null, program: scenario, from: null,
  });
  serving = await serve({ session, page: await explorerDocument("racy", null, null), port: 0, awayMs: 500 });
  browser = await launch();
  page = await browser.newPage();
  page.setDefaultTimeout(10_000);
  page.on("request", (r) => { requests.push(r.url()); });
  page.on("pageerror", (e) => { errors.push(e.message); });
  page.on("console", (m) => { if (m.type() === "error" || m.type() === "warning") errors.push(m.text()); });
  await page.goto(serving.url);
  await page.waitForSelector(".take");
});
afterAll(async () => {
  await browser?.close();
  serving?.stop();
});

const steps = (count: number): Promise<void> => page.locator("output", { hasText: `${count} of ${count}` }).waitFor();
const value = (): Promise<string | null> => page.locator('[data-word="counter.value"]').first().textContent();
const take = async (words: string): Promise<void> => { await page.locator(".take", { hasText: words }).click(); };

describe.skipIf(CHROMIUM === null)(`the explorer in a browser${NO_CHROMIUM}`, () => {
  it("has a button for each step that can be taken, and shows memory after it", async () => {
    expect(await page.locator(".take").allTextContents()).toEqual(["a read", "b read"]);
    await take("a read");
    await steps(1);
    await take("a write");
    await steps(2);
    expect(await value()).toBe("1");
    expect(await page.locator(".take").allTextContents()).toEqual(["b read"]);
    expect(await page.locator(".lines", { hasText: "one is counted" }).count()).toBe(1);
  });

  it("takes back, and goes on from an earlier step", async () => {
    await page.locator(".undo").click();
    await steps(1);
    expect(await value()).toBe("0");
    await take("b read");
    await steps(2);
    await page.locator("#row-1").click();
    await page.locator(".from-here").click();
    await steps(1);
  });

  it("goes to the nearest broken promise, and runs by chance until a field changes", async () => {
    await page.locator(".seek button", { hasText: "nearest" }).click();
    await page.locator(".lines .alarm", { hasText: 'finally "both count"' }).waitFor();
    expect(await page.locator(".says").textContent()).toBe("Found after 3 steps.");
    expect(await page.locator(".take").count()).toBe(0);
    await page.locator("#row-0").click();
    await page.locator(".from-here").click();
    await steps(0);
    await page.getByLabel("what to look for").selectOption("field");
    await page.getByLabel("its name").fill("counter.value");
    await page.locator(".seek button", { hasText: "run by chance" }).click();
    await page.locator(".says", { hasText: "Found after" }).waitFor();
    expect(await page.locator('[data-word="counter.value"].changed').count()).toBeGreaterThan(0);
  });

  it("says what it cannot look for", async () => {
    await page.getByLabel("what to look for").selectOption("field");
    await page.getByLabel("its name").fill("no.such");
    await page.locator(".seek button", { hasText: "nearest" }).click();
    await page.locator(".says", { hasText: 'there is no field "no.such"' }).waitFor();
    // The browser notes the status of the refusal by itself.
    expect(errors.splice(0).every((e) => e.includes("400 (Bad Request)"))).toBe(true);
  });

  it("opens where a shared link ends", async () => {
    const link = await page.locator(".link").textContent();
    const count = await page.locator("output").textContent();
    const other = await browser.newPage();
    await other.goto(`${serving.url}#${link}`);
    await other.waitForSelector(".explorer");
    expect(await other.locator("output").textContent()).toBe(count);
    await other.close();
  });

  it("has asked nobody but its server, without an error, and ends with its page", async () => {
    expect(requests.filter((r) => !r.startsWith(serving.url) && r !== "data:,")).toEqual([]);
    expect(errors).toEqual([]);
    await page.close();
    await serving.ended;
  });
});
