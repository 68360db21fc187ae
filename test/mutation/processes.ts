/** Worker processes: one request at a time each, with a limit of wall-clock time. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Request } from "./worker.ts";

const WORKER = fileURLToPath(new URL("./worker.ts", import.meta.url));

export class WorkerProcess {
  readonly #child: ChildProcess;
  #ended = false;

  constructor(folder: string) {
    // No mutant is compiled twice.
    const env = { ...process.env, THPCHECK_CACHE: "off" };
    this.#child = fork(WORKER, [], {
      cwd: folder, env, stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: ["--max-old-space-size=3072"],
    });
    this.#child.stderr!.on("data", () => {});
    this.#child.on("exit", () => { this.#ended = true; });
  }

  /** The answer; one that is due after `seconds`, or of a process that ends, is a failure, and the process is ended. */
  ask(request: Request, seconds: number): Promise<Answer> {
    if (this.#ended) return Promise.resolve({ kind: "failed", message: "the process has ended" });
    return new Promise((resolve) => {
      const done = (answer: Answer): void => {
        clearTimeout(timer);
        this.#child.off("message", answered).off("exit", exited);
        resolve(answer);
      };
      const answered = (answer: Answer): void => { done(answer); };
      const exited = (code: number | null, signal: string | null): void => { done({ kind: "failed", message: `the process ended (${signal ?? `exit code ${code}`})` }); };
      const timer = setTimeout(() => {
        this.end();
        done({ kind: "failed", message: `no answer in ${seconds} s` });
      }, seconds * 1000);
      this.#child.on("message", answered).on("exit", exited);
      this.#child.send(request);
    });
  }

  end(): void {
    this.#ended = true;
    this.#child.kill("SIGKILL");
  }

  get ended(): boolean {
    return this.#ended;
  }
}
