/** What the explorer's server answers, and whom it refuses. No browser: test/page/browser/ has one. */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Scenario } from "thpcheck";
import { defaultEngine } from "../../../checker/check/engine.ts";
import { serve, type Serving } from "../../../checker/explorer/server.ts";
import { Session } from "../../../checker/explorer/session.ts";
import type { Arrival, Explored, Goal, WalkedPath, Way } from "../../../checker/page/explored.ts";
import { decodeTrace } from "../../../checker/trace/codec.ts";
import { picking, racy } from "./counters.ts";

async function sessionOf(s: Scenario): Promise<Session> {
  const { system, source } = await (await defaultEngine()).compile(s, { clearDeadLocals: true });
  return new Session({ system, scenario: s.name, programHash: source!.programHash, config: {}, patch: null, program: s, from: null });
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}
interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request, as it is: `fetch` would not send a foreign Host, nor a path with dots. */
function ask(serving: Serving, { method = "GET", path = "/", headers = {}, body = "" }: Asked): Promise<Answer> {
  const { hostname, port } = new URL(serving.url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => { text += part; });
      response.on("end", () => { resolve({ status: response.statusCode!, headers: response.headers, text }); });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

let serving: Serving;
const JSON_HEADERS = { "Content-Type": "application/json" };
const post = (path: string, value: unknown): Promise<Answer> =>
  ask(serving, { method: "POST", path, headers: JSON_HEADERS, body: JSON.stringify(value) });
const START: WalkedPath = { initial: [], steps: [] };
const steps = (...actors: number[]): WalkedPath => ({ initial: [], steps: actors.map((actor) => ({ actor, choices: [] })) });
const at = async (path: WalkedPath): Promise<Explored> => JSON.parse((await post("/state", { path })).text) as Explored;
const go = async (goal: Goal, way: Way, path = START, seed = 0): Promise<Arrival> =>
  JSON.parse((await post("/go", { path, goal, way, seed })).text) as Arrival;
const errorOf = ({ text }: Answer): string => (JSON.parse(text) as { error: string }).error;

beforeAll(async () => {
  serving = await serve({ session: await sessionOf(racy as unknown as Scenario), page: "<!doctype html>the page", port: 0 });
});
afterAll(async () => {
  serving.stop();
  await serving.ended;
});

describe("the explorer answers", () => {
  it("where a path leads, and which steps can be taken there", async () => {
    const start = await at(START);
    expect(start.next.map(({ actor, label }) => [actor, label])).toEqual([[0, "read"], [1, "read"]]);
    const further = await at(steps(0, 0, 1));
    expect(further.next.map(({ actor, label }) => [actor, label])).toEqual([[1, "write"]]);
    expect(further.page.trace.steps.map((s) => s.label)).toEqual(["read", "write", "read"]);
    expect(further.page.trace.verdict).toEqual([{ text: 'shows the witness "one is counted"', style: "change" }]);
    expect(further.page.trace.steps[2]!.switched).toBe("a has ended");
  });

  it("what is broken at its end, and that nothing can be done there", async () => {
    const end = await at(steps(0, 1, 0, 1));
    expect(end.next).toEqual([]);
    expect(end.page.trace.verdict[0]).toEqual({ text: 'broken: finally "both count"', style: "alarm" });
    expect((await at(steps(0, 0, 1, 1))).page.trace.verdict).toEqual([]);
  });

  it("with a trace string that leads to the same state", async () => {
    const { link, page } = await at(steps(1, 0, 0));
    expect(decodeTrace(link).scenario).toBe("racy");
    const again = JSON.parse((await post("/state", { trace: link })).text) as Explored;
    expect(again.page.trace.states).toEqual(page.trace.states);
    expect(again.link).toBe(link);
  });

  it.each<[Goal, number]>([
    [{ kind: "broken" }, 4], [{ kind: "promise", name: "both count" }, 4], [{ kind: "witness", name: "one is counted" }, 2],
    [{ kind: "label", name: "write" }, 2], [{ kind: "field", name: "counter.value" }, 2],
  ])("the nearest state that shows %o", async (goal, length) => {
    const { says, state } = await go(goal, "nearest");
    expect(says).toBe(`Found after ${length} steps.`);
    expect(state!.path.steps.length).toBe(length);
  });

  it("a run by chance, the same for the same seed, from where one is", async () => {
    const first = await go({ kind: "label", name: "write" }, "walk", steps(0), 3);
    expect(await go({ kind: "label", name: "write" }, "walk", steps(0), 3)).toEqual(first);
    expect(first.state!.path.steps[0]).toEqual({ actor: 0, choices: [] });
    expect(first.state!.page.trace.steps.at(-1)!.label).toBe("write");
  });

  it("that nothing shows it, and after how many states", async () => {
    const { says, state } = await go({ kind: "witness", name: "three are" }, "nearest");
    expect(state).toBe(null);
    expect(says).toMatch(/^Not found: none of the 12 states that can be reached from here shows it\.$/);
    expect((await go({ kind: "witness", name: "three are" }, "walk")).says).toBe("Not found: the walk came to an end after 4 steps.");
    expect((await go({ kind: "broken" }, "nearest", steps(0, 0, 1, 1))).says).toBe("No step can be taken here.");
  });

  it("the page, which no other site may frame or read", async () => {
    const { status, text, headers } = await ask(serving, {});
    expect([status, text]).toEqual([200, "<!doctype html>the page"]);
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cross-origin-resource-policy": "same-origin" });
  });
});

describe("choices", () => {
  it("are steps of their own, initial ones states of their own; a step that goes wrong says how", async () => {
    const session = await sessionOf(picking as unknown as Scenario);
    const start = session.at(START);
    expect(start.initials.map((i) => i.words)).toEqual([["begin=0"], ["begin=1"], ["begin=2"]]);
    expect(start.next.map((n) => [n.words, n.fault])).toEqual([[["how much = nothing"], null], [["how much = all"], null]]);
    const other = session.at({ initial: [1], steps: [] });
    expect(other.next[1]!.fault).toBe('rule "assertion": too much');
    const wrong = session.at({ initial: [1], steps: [{ actor: 0, choices: [1] }] });
    expect(wrong.next).toEqual([]);
    expect(wrong.page.trace.verdict).toEqual([{ text: 'broken: rule "assertion": too much', style: "alarm" }]);
    expect(session.go({ initial: [1], steps: [] }, { kind: "broken" }, { way: "nearest", seed: 0 }).state!.path.steps)
      .toEqual([{ actor: 0, choices: [1] }]);
  });
});

describe("the explorer refuses", () => {
  const own = (): string => new URL(serving.url).host;
  it.each([["evil.example"], ["evil.example:80"], ["127.0.0.1"], ["localhost"], ["127.0.0.1:1"]])("the host %j", async (host) => {
    const { status, text } = await ask(serving, { headers: { Host: host } });
    expect([403, 400]).toContain(status);
    expect(text).not.toContain("the page");
  });
  it("takes localhost with its port for itself", async () => {
    expect((await ask(serving, { headers: { Host: own().replace("127.0.0.1", "localhost") } })).status).toBe(200);
  });
  it.each([["http://evil.example"], ["null"], ["https://127.0.0.1"]])("a request of the site %s", async (origin) => {
    const answer = await ask(serving, { method: "POST", path: "/state", headers: { ...JSON_HEADERS, Origin: origin }, body: "{}" });
    expect([answer.status, errorOf(answer)]).toEqual([403, "another site may not ask"]);
  });
  it.each([
    ["/../../etc/passwd"], ["/..%2f..%2fetc/passwd"], ["/package.json"], ["//"], ["/state/"], ["/?x"], ["/%00"], ["/index.html"],
  ])("the address %s", async (path) => {
    expect((await ask(serving, { path })).status).toBe(404);
  });
  it.each([["POST", "/"], ["GET", "/state"], ["PUT", "/go"], ["DELETE", "/open"], ["OPTIONS", "/state"]])("%s %s", async (method, path) => {
    expect((await ask(serving, { method, path })).status).toBe(405);
  });
  it.each<[string, string]>([
    ['{"path":', "the request is no JSON"], ["[]", "the request is wrong: "], ["null", "the request is wrong: "],
    ['{"path":{"initial":[],"steps":[{"actor":-1,"choices":[]}]}}', "the request is wrong: "],
    ['{"path":{"initial":[],"steps":[{"actor":7,"choices":[]}]}}', "there is no actor 7"],
    ['{"path":{"initial":[1],"steps":[]}}', "the trace does not apply from its start"],
    ['{"path":{"initial":[],"steps":[{"actor":0,"choices":[3]}]}}', "the trace does not apply from step 1"],
    ['{"path":{"initial":[],"steps":[]},"more":1}', "the request is wrong: "],
    ['{"trace":"tc1.racy.AAAA"}', "the trace string is damaged"],
    ['{"__proto__":{"path":1}}', "the request is wrong: "],
  ])("the body %s", async (body, says) => {
    const answer = await ask(serving, { method: "POST", path: "/state", headers: JSON_HEADERS, body });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toContain(says);
  });
  it("what it does not have", async () => {
    for (const kind of ["promise", "witness", "field"]) {
      const answer = await post("/go", { path: START, goal: { kind, name: "no such" }, way: "nearest", seed: 0 });
      expect([answer.status, errorOf(answer)]).toEqual([400, expect.stringContaining(`there is no ${kind} "no such"`)]);
    }
  });
  it("what is no JSON by its own words, and what is too long", async () => {
    const plain = await ask(serving, { method: "POST", path: "/state", headers: { "Content-Type": "text/plain" }, body: "{}" });
    expect(plain.status).toBe(415);
    const long = await ask(serving, { method: "POST", path: "/state", headers: JSON_HEADERS, body: `"${"x".repeat(9 * 2 ** 20)}"` })
      .catch((e: NodeJS.ErrnoException) => ({ status: e.code }));
    expect([413, "ECONNRESET", "EPIPE"]).toContain(long.status);
    // And answers the next one all the same.
    expect((await at(START)).next.length).toBe(2);
  });
});

describe("the server ends", () => {
  it("when its last page has been gone for a while, and not while one is loaded again", async () => {
    const own = await serve({ session: await sessionOf(racy as unknown as Scenario), page: "", port: 0, awayMs: 300 });
    let hasEnded = false;
    void own.ended.then(() => { hasEnded = true; });
    const open = async (): Promise<() => void> => {
      const abort = new AbortController();
      await fetch(`${own.url}open`, { signal: abort.signal });
      return () => { abort.abort(); };
    };
    const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
    const [first, second] = [await open(), await open()];
    first();
    await pause(600);
    expect(hasEnded).toBe(false);
    second();
    const third = await open();
    await pause(600);
    expect(hasEnded).toBe(false);
    third();
    await own.ended;
    await expect(fetch(own.url)).rejects.toThrow("fetch failed");
  });
});
