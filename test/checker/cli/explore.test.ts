/** `thpcheck explore`: serves until it is told to end, and refuses what it cannot explore. */
import { createServer, type AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { CONFIG, Project, counters } from "./fixture.ts";

const project = new Project({ "thpcheck.config.ts": CONFIG, "scenarios/counters.ts": counters("holds()") });
afterAll(() => { project.remove(); });

describe("explore", () => {
  it("says where the page is, and ends in good order when it is asked to", async () => {
    const pages: Promise<string>[] = [];
    const { code, stdout } = await project.run(["explore", "racy"], (text, signal) => {
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0];
      if (url === undefined || pages.length > 0) return;
      pages.push(fetch(url).then((r) => r.text()));
      void pages[0]!.then(() => { signal("SIGINT"); });
    });
    expect(await pages[0]).toContain("<title>racy - thpcheck explore</title>");
    expect(stdout).toMatch(/^racy: http:\/\/127\.0\.0\.1:\d+\/\nopen it in a browser; it ends with Ctrl-C, or when the page is closed\n$/);
    expect(code).toBe(0);
  });

  it.each([
    [["raci"], 'there is no scenario "raci". Did you mean "racy"?'],
    [["./no-such.ts"], "there is no file ./no-such.ts"],
    [["tc1.racy.AAAA"], "the trace string is damaged"],
    [["racy", "--port", "70000"], "It must be a port from 0 to 65535"],
    [["racy", "--patch", "no.patch"], "the patch no.patch cannot be read"],
    [[], "missing required argument 'scenario'"],
  ])("refuses %j", async (args, says) => {
    const { code, stderr } = await project.run(["explore", ...args]);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("internal");
    expect(code).toBe(2);
  });

  it("refuses a port that is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => { other.once("listening", resolve); });
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await project.run(["explore", "racy", "--port", String(port)]);
    expect(stderr).toMatch(new RegExp(`^thpcheck: --port ${port}: there can be no server \\(.*EADDRINUSE`));
    expect(code).toBe(2);
    other.close();
  });
});
