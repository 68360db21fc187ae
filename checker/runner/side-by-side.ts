/**
 * Runs small scenarios side by side, each in a process of the pool; large ones in this process, whose search then has all
 * cores. Answers are handed over in the order of the scenarios, and a large one waits for those before it.
 */
import { errorResult } from "../check/verdict.ts";
import type { LoadedScenario } from "../project/project.ts";
import { digestOf } from "../compile/digest.ts";
import { CHECK_JOB, errorAnswer, type CheckAnswer, type CheckNews, type CheckTask } from "./check-job.ts";
import { InProcessRunner } from "./in-process.ts";
import { unlike } from "./unlike.ts";
import { Pool } from "./pool/pool.ts";
import type { RunListener, RunSettings, Runner } from "./runner.ts";

/** How often it is asked whether the person has stopped the run. */
const STOP_INTERVAL_MS = 50;

export class SideBySideRunner implements Runner {
  readonly #settings: RunSettings;
  readonly #members: number;
  readonly #isLarge: (s: LoadedScenario) => boolean;

  /** `members`: processes at most. `isLarge`: whether threads are to share the search of a scenario. */
  constructor(settings: RunSettings, members: number, isLarge: (s: LoadedScenario) => boolean) {
    this.#settings = settings;
    this.#members = members;
    this.#isLarge = isLarge;
  }

  async run(scenarios: readonly LoadedScenario[], listener: RunListener): Promise<number> {
    const here = new InProcessRunner(this.#settings);
    const pool = new Pool(this.#members);
    const watch = setInterval(() => { if (this.#settings.shouldStop()) pool.stop(); }, STOP_INTERVAL_MS);
    let reported = Promise.resolve();
    let next = 0;
    try {
      for (; next < scenarios.length; next++) {
        const s = scenarios[next]!;
        await (this.#isLarge(s) ? reported : pool.room());
        if (this.#settings.shouldStop()) break;
        if (this.#isLarge(s)) await here.one(s, next, listener);
        else reported = this.#inTurn(pool, s, next, listener, reported);
        // A failure is looked at when all have been handed out; until then it is not lost, only later.
        reported.catch(() => {});
      }
      await reported;
    } finally {
      clearInterval(watch);
      pool.close();
    }
    return next;
  }

  /** Starts the check now, and tells the listener of it when those before it have been told. */
  #inTurn(pool: Pool, s: LoadedScenario, index: number, listener: RunListener, before: Promise<void>): Promise<void> {
    // Until its turn comes, only the latest news is kept: the scenario is ahead of the one whose progress is shown.
    const latest: { news: CheckNews | null; shown: boolean } = { news: null, shown: false };
    const answer = this.#elsewhere(pool, s, (news) => {
      latest.news = news;
      if (latest.shown) listener.news(news);
    });
    return before.then(async () => {
      listener.started(s, index);
      latest.shown = true;
      if (latest.news !== null) listener.news(latest.news);
      listener.answered(s, await answer);
    });
  }

  /** Checks a scenario in a process of the pool. Whatever happens to that process is an error of this scenario alone. */
  async #elsewhere(pool: Pool, s: LoadedScenario, hear: (news: CheckNews) => void): Promise<CheckAnswer> {
    const { folder, policy, audit, probe, options } = this.#settings;
    const workers = options.workers === null ? null : 1;
    const task: CheckTask = {
      file: s.file, name: s.scenario.name, folder, policy, audit, probe, cores: 1, digest: digestOf(s.scenario),
      options: { ...withoutFunctions(options), workers },
    };
    try {
      const answer = await pool.run<CheckAnswer>({ module: CHECK_JOB, task }, (news) => { hear(news as CheckNews); });
      return answer.unlike === null ? answer : errorAnswer(errorResult(s.scenario, options, 1, unlike(s, answer.unlike)));
    } catch (e) {
      return errorAnswer(errorResult(s.scenario, options, 1, (e as Error).message));
    }
  }
}

/** Functions cannot be sent: the other process puts its own in their place. */
function withoutFunctions(options: RunSettings["options"]): CheckTask["options"] {
  const plain = Object.entries(options).filter(([, value]) => typeof value !== "function");
  return Object.fromEntries(plain) as unknown as CheckTask["options"];
}
