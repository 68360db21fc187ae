/** `check NAME --from FILE`: some scenarios of a file that no configuration lists. */
import { afterAll, describe, expect, it } from "vitest";
import { Project, counters } from "./fixture.ts";

const project = new Project({ "mine.ts": counters('violated("no update is lost")') });
afterAll(() => { project.remove(); });

describe("check --from", () => {
  it("checks the scenario of that name, whatever its tier, and no other of the file", async () => {
    const { code, stdout } = await project.run(["check", "locked", "--from", "mine.ts"]);
    expect(stdout).toContain("locked");
    expect(stdout).not.toContain("racy");
    expect(code).toBe(0);
  });

  it("says which scenarios the file has, where it has none of that name", async () => {
    const { code, stderr } = await project.run(["check", "loked", "--from", "mine.ts"]);
    expect(stderr).toContain('mine.ts has no scenario "loked". Did you mean "locked"? It has: racy, locked');
    expect(code).toBe(2);
  });

  it.each([
    [["check", "other.ts", "--from", "mine.ts"], "not a file: other.ts"],
    [["check", "racy", "--from", "absent.ts"], "there is no file absent.ts"],
    [["check", "racy", "--from", "mine.ts", "--patch", "idea.patch", "--reach"], "leave out --from"],
  ])("refuses %j", async (args, sentence) => {
    const { code, stderr } = await project.run(args);
    expect(stderr).toContain(sentence);
    expect(code).toBe(2);
  });
});
