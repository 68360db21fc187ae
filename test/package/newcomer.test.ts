/**
 * The newcomer's path: the ten commands of the README, one after the other in a fresh folder, with the files that it shows beside
 * them. Each must print what the README says behind it; its time is printed. The only thing that is not as written: the folder
 * beside the checkout is a temporary one, and what `xdg-open` would show is opened in Chromium.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, launch, NO_CHROMIUM } from "../page/browser/chromium.ts";
import { packing, ROOT } from "./packed.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const blocks = (language: string): string[] =>
  [...README.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map((m) => m[1]!);

interface Command {
  readonly text: string;
  readonly says: string;
}
const commands: readonly Command[] = blocks("sh").find((block) => block.startsWith("npm pack"))!.trim().split("\n")
  .map((line) => ({ text: line.replace(/\s+# .*$/, "").trim(), says: /\s# (.*)$/.exec(line)?.[1] ?? "" }));
/** By name, the files that begin with it as a comment. */
const files = new Map(blocks("ts").flatMap((text) => {
  const name = /^\/\/ (\S+)\n/.exec(text)?.[1];
  return name === undefined ? [] : [[name, text] as const];
}));

/** A folder that the checkout could lie in. */
const beside = mkdtempSync(join(tmpdir(), "thpcheck-newcomer-"));
const mine = join(beside, "mine");
afterAll(() => { rmSync(beside, { recursive: true, force: true }); });

/** Nothing that this test run sets for itself. */
const NEWCOMERS = {
  ...process.env, VITEST: undefined, TEST: undefined, NODE_ENV: undefined, THPCHECK_CACHE: undefined,
  npm_config_prefer_offline: "true", npm_config_update_notifier: "false",
};

interface Ran {
  readonly code: number | null;
  readonly printed: string;
}
const times: string[] = [];
function run(text: string, folder: string): Ran {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync("bash", ["-c", text.replaceAll(/(?<=\s)\.\.(?=\/|$)/g, beside)], {
    cwd: folder, encoding: "utf8", env: NEWCOMERS,
  });
  times.push(`${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  return { code: status, printed: stdout + stderr };
}

// ---- where there is no registry --------------------------------------------------------------------------------------

/** Places a package that the checkout has, with its commands, as `npm i` lays it out. */
function place(name: string): void {
  const at = join(mine, "node_modules", name);
  if (existsSync(at)) return;
  mkdirSync(dirname(at), { recursive: true });
  symlinkSync(join(ROOT, "node_modules", name), at);
  const manifest = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as { readonly bin?: Readonly<Record<string, string>> };
  placeCommands(name, manifest.bin ?? {});
}
function placeCommands(name: string, bin: Readonly<Record<string, string>>): void {
  mkdirSync(join(mine, "node_modules/.bin"), { recursive: true });
  for (const [command, file] of Object.entries(bin)) {
    const link = join(mine, "node_modules/.bin", command);
    if (!existsSync(link)) symlinkSync(join("..", name, file), link);
  }
}
/** Does what `npm i` could not do. */
function installByHand(): void {
  const installed = join(mine, "node_modules/thpcheck");
  if (existsSync(installed)) return ["vitest", "vite"].forEach(place);
  mkdirSync(installed, { recursive: true });
  spawnSync("tar", ["xzf", join(beside, "thpcheck-0.1.0.tgz"), "-C", installed, "--strip-components=1"]);
  const { dependencies, bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>; readonly bin: Readonly<Record<string, string>>;
  };
  const runtime = `node-${process.platform}-${process.arch}`;
  for (const name of [...Object.keys(dependencies), runtime]) if (existsSync(join(ROOT, "node_modules", name))) place(name);
  placeCommands("thpcheck", bin);
}
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/;

// ---- the path --------------------------------------------------------------------------------------------------------

/** What a newcomer sees: from the index to the trace, and back to the step that took the page away. */
async function look(page: Page, index: string): Promise<readonly string[]> {
  await page.goto(pathToFileURL(index).href);
  await page.getByRole("link", { name: "arena" }).click();
  await page.locator(".step.selected").waitFor();
  const shown = (): Promise<string> => page.locator("body").innerText();
  const last = await shown();
  for (let n = 58; n > 34; n--) await page.keyboard.press("ArrowLeft");
  return [last, await page.locator("output").innerText(), await shown(), await page.locator(".step.selected").innerText()];
}

describe("the newcomer's path", () => {
  const ran = new Map<string, Ran>();
  beforeAll(async () => {
    for (const { text } of commands) {
      if (text.startsWith("npm pack")) {
        ran.set(text, await packing(() => run(text, ROOT)));
        continue;
      }
      // It would open on somebody's screen.
      if (text.startsWith("xdg-open")) continue;
      let done = run(text, existsSync(mine) ? mine : ROOT);
      if (text.startsWith("npm i ") && done.code !== 0 && UNREACHABLE.test(done.printed)) {
        installByHand();
        times.push("          (no registry can be reached: laid out by hand)");
        done = { code: 0, printed: "" };
      }
      ran.set(text, done);
      for (const [name, content] of existsSync(mine) ? files : []) {
        if (!existsSync(join(mine, name))) writeFileSync(join(mine, name), content);
      }
    }
    console.log(`the newcomer's path:\n${times.join("\n")}`);
  });

  it("takes ten commands, and the three files that it shows", () => {
    expect(commands).toHaveLength(10);
    expect([...files.keys()]).toEqual(["arena.ts", "arena.test.ts", "vitest.config.mjs"]);
  });

  it.each(commands.filter(({ text }) => !text.startsWith("xdg-open")))("$text", ({ text, says }) => {
    const { code, printed } = ran.get(text)!;
    expect(code, printed).toBe(says.startsWith("FAIL") ? 1 : 0);
    if (/^(FAIL|ok|1 passed)/.test(says)) expect(printed).toContain(says);
    expect(printed).not.toMatch(/thpcheck: |Warning: |deprecated/);
  });

  it("says after --report what to open", () => {
    expect(ran.get(commands.find(({ text }) => text.includes("--report"))!.text)!.printed).toContain("report: report/index.html");
  });

  it.skipIf(CHROMIUM === null)(`shows in a browser what went wrong${NO_CHROMIUM}`, async () => {
    const opened = commands.find(({ text }) => text.startsWith("xdg-open"))!.text.split(" ")[1]!;
    const browser = await launch();
    try {
      const [last, output, shown, selected] = await look(await browser.newPage(), join(mine, opened));
      expect(last).toContain('broken: finally "the store is found"');
      expect(last).toContain("huge zero page 0");
      expect(output).toContain("34 of 58");
      expect(shown).toContain("mm[0].pmd[0]: huge page 0 rw dirty young -> none");
      expect(selected).toContain("zapHugePmd zap.ts:");
    } finally {
      await browser.close();
    }
  });
});
