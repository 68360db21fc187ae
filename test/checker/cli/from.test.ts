/** `check NAME --from FILE`: some scenarios of a file that no configuration lists. */
import { afterAll, describe, expect, it } from "vitest";
import { Project, counters } from "./fixture.ts";

/** A scenario of two policies; the price is that of the policy. */
const POLICIES = `
import { at, int, scenario, struct, type Routine, type World } from "thpcheck";
const structs = { s: struct({ paid: int(0, 2, "paid") }) };
type K = World<typeof structs>;
const PRICES = { cheap: 1, dear: 2 };
const under = (policy) => {
  if (!(policy in PRICES)) throw new RangeError("no policy " + policy + "; there are cheap, dear");
  const price = PRICES[policy];
  function* pays(k: K): Routine {
    yield at("pay");
    k.s.paid.set(price);
  }
  return scenario({ name: "paid@" + policy, structs, threads: [{ name: "a", run: pays }], policy, underPolicy: under,
    finally: { "the price": (k: K) => k.s.paid.get() === price } });
};
export default under("cheap");
`;
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

  it("audits that scenario", async () => {
    const { code, stdout } = await project.run(["check", "locked", "--from", "mine.ts", "--audit"]);
    expect(stdout).toContain("two workers");
    expect(stdout).not.toContain("racy");
    expect(code).toBe(0);
  });

  it("runs it under a policy, where it knows some", async () => {
    project.write("policies.ts", POLICIES);
    const { code, stdout } = await project.run(["check", "paid", "--from", "policies.ts", "--policy", "dear"]);
    expect(stdout).toContain("ok   paid@dear holds");
    expect(code).toBe(0);
    const none = await project.run(["check", "locked", "--from", "mine.ts", "--policy", "dear"]);
    expect(none.stderr).toContain('"locked" of mine.ts knows no policies; leave out --policy');
    expect(none.code).toBe(2);
    const unknown = await project.run(["check", "paid", "--from", "policies.ts", "--policy", "none"]);
    expect(unknown.stderr).toContain("no policy none; there are cheap, dear");
    expect(unknown.code).toBe(2);
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
