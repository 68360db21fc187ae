/**
 * A pool of processes that work side by side, each on one whole job. Processes and not threads: one that crashes, or runs
 * out of memory, takes only its own job with it. Each keeps what it has loaded, compiled and optimised for its next job.
 */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Job, Message, Order } from "./job.ts";

/** The published build holds .js files. */
const MEMBER = fileURLToPath(
  import.meta.url.endsWith(".ts") ? new URL("./member.ts", import.meta.url) : new URL("./member.js", import.meta.url),
);

export class Pool {
  /** Processes at most. */
  readonly size: number;
  readonly #idle: ChildProcess[] = [];
  readonly #busy = new Set<ChildProcess>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(size: number) {
    this.size = size;
  }

  /** Resolves when the next `run` can begin at once. Ask before each `run`. */
  async room(): Promise<void> {
    while (this.#running >= this.size) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Performs the job in a process of its own. Rejects with a sentence when the job throws or the process dies. */
  async run<Answer>(job: Job, hear: (news: unknown) => void = () => {}): Promise<Answer> {
    this.#running++;
    const member = this.#idle.pop() ?? startMember();
    this.#busy.add(member);
    try {
      const answer = await answerOf<Answer>(member, job, hear);
      if (member.connected) this.#idle.push(member);
      return answer;
    } catch (e) {
      if (member.connected && e instanceof JobFailed) this.#idle.push(member);
      throw e;
    } finally {
      this.#busy.delete(member);
      this.#running--;
      this.#waiting.shift()?.();
    }
  }

  /** Tells the jobs that are being performed to end early. */
  stop(): void {
    for (const member of this.#busy) if (member.connected) member.send({ kind: "stop" } satisfies Order);
  }

  /** Ends the processes. */
  close(): void {
    for (const member of [...this.#idle, ...this.#busy]) if (member.connected) member.disconnect();
    this.#idle.length = 0;
  }
}

class JobFailed extends Error {}

/** Megabytes for young objects: a compilation makes so many syntax trees that V8's own choice costs a tenth of its time. */
const YOUNG_MB = 64;

/** Standard output belongs to the command; what a member has to say before it dies goes where errors go. */
function startMember(): ChildProcess {
  return fork(MEMBER, {
    execArgv: [...process.execArgv, `--max-semi-space-size=${YOUNG_MB}`],
    serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
}

function answerOf<Answer>(member: ChildProcess, job: Job, hear: (news: unknown) => void): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const listen = (message: Message): void => {
    if (message.kind === "news") hear(message.news);
    else if (message.kind === "done") resolve(message.answer as Answer);
    else reject(new JobFailed(message.reason));
  };
  const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
    const how = signal ?? `exit code ${code}`;
    const hint = 'it may have run out of memory: "--workers 1" shows what it says';
    reject(new Error(`the process that worked on it ended (${how}); ${hint}`));
  };
  const failed = (e: Error): void => { reject(new Error(`no process can be started for it: ${e.message}`)); };
  member.on("message", listen).once("exit", ended).once("error", failed);
  const forget = (): void => void member.off("message", listen).off("exit", ended).off("error", failed);
  promise.then(forget, forget);
  // One that has died while it was idle says nothing any more.
  if (member.connected) member.send({ kind: "job", job } satisfies Order, (e) => { if (e !== null) failed(e); });
  else ended(member.exitCode, member.signalCode);
  return promise;
}
