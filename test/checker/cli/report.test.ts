/** `check --report DIR`, `replay --html FILE`: what is written, and what is refused. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG, Project, counters, type Finished } from "./fixture.ts";

const project = new Project({
  "thpcheck.config.ts": CONFIG, "scenarios/counters.ts": counters("holds()"), "scenarios/broken.ts": "export default 5;\n",
  "mine/note.txt": "mine", "file.txt": "mine",
});
const read = (name: string): string => readFileSync(join(project.folder, name), "utf8");
let ran: Finished;
beforeAll(async () => { ran = await project.run(["check", "--tier", "full", "--report", "report"]); });
afterAll(() => { project.remove(); });

describe("check --report", () => {
  it("writes an index with every case, and a page for the violation", () => {
    expect(ran.code).toBe(1);
    expect(readdirSync(join(project.folder, "report")).sort()).toEqual(["index.html", "traces"]);
    expect(readdirSync(join(project.folder, "report/traces"))).toEqual(["racy.html"]);
    const index = read("report/index.html");
    expect(index).toContain('<h1 class="alarm">thpcheck: 2 cases not as expected</h1>');
    expect(index).toContain('<a href="traces/racy.html">racy</a>');
    expect(index).toMatch(/<tr class="pass"><td>pass<\/td><td>locked<\/td><td>8<\/td>/);
    expect(index).toMatch(/<tr class="error"><td>error<\/td><td>module 1 that gave no scenarios<\/td>/);
    expect(index).toContain("exit code 1");
    expect(read("report/traces/racy.html")).toContain("npx thpcheck replay tc1.racy.");
  });

  it("writes over a report, and takes pages away that are no longer of it", async () => {
    project.write("scenarios/counters.ts", counters('violated("no update is lost")').replaceAll('"racy"', '"lossy"'));
    expect((await project.run(["check", "lossy", "--report", "report"])).code).toBe(0);
    expect(readdirSync(join(project.folder, "report/traces"))).toEqual(["lossy.html"]);
    expect(read("report/index.html")).toContain("thpcheck: all as expected");
  });

  it("leaves nothing where nothing could be run, and an older report as it was", async () => {
    expect((await project.run(["check", "no-such", "--report", "never"])).code).toBe(2);
    expect(existsSync(join(project.folder, "never"))).toBe(false);
    const before = read("report/index.html");
    expect((await project.run(["check", "no-such", "--report", "report"])).code).toBe(2);
    expect(read("report/index.html")).toBe(before);
  });

  it.each([
    ["mine", "--report mine holds files that are no report of thpcheck; they are left as they are: name another folder"],
    ["file.txt", "--report file.txt cannot be written: it is no folder"],
    ["", "--report needs the name of a folder"],
    ["file.txt/x", "--report file.txt/x cannot be written: not a directory (ENOTDIR)"],
    ["no/such", "--report no/such cannot be written: no such file or directory (ENOENT)"],
    ["/proc/x", "--report /proc/x cannot be written: "],
  ])("refuses %s", async (folder, says) => {
    const { code, stderr } = await project.run(["check", `--report=${folder}`]);
    expect(stderr).toContain(`thpcheck: ${says}`);
    expect(code).toBe(2);
    expect(read("mine/note.txt") + read("file.txt")).toBe("minemine");
  });
});

describe("replay --html", () => {
  const trace = (): string => /tc1\.\S+/.exec(read("report/traces/lossy.html"))![0].replace(/[<"].*/, "");

  it("writes the same page as the report", async () => {
    const { code, stdout } = await project.run(["replay", trace(), "--html", "lossy.html"]);
    expect(code).toBe(0);
    expect(stdout).toContain("page: lossy.html\n");
    expect(read("lossy.html")).toBe(read("report/traces/lossy.html"));
  });

  it("leaves the standard output to JSON", async () => {
    const { stdout } = await project.run(["replay", trace(), "--html", "lossy.html", "--format", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({ property: { name: "no update is lost" } });
  });

  it.each([
    ["file.txt", "--html file.txt would overwrite a file that is no page of thpcheck"],
    ["mine", "--html mine cannot be written: it is a folder"],
    ["no/such/x.html", "--html no/such/x.html cannot be written: no such file or directory (ENOENT)"],
  ])("refuses %s", async (file, says) => {
    const { code, stderr } = await project.run(["replay", trace(), "--html", file]);
    expect(stderr).toContain(says);
    expect(code).toBe(2);
    expect(existsSync(join(project.folder, "no"))).toBe(false);
    expect(read("file.txt")).toBe("mine");
  });
});
