/** A project in a folder of its own, and the command line run in it as a person would. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const COMMAND = fileURLToPath(new URL("../../../checker/cli/thpcheck.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds from start to the first output. */
  readonly firstOutput: number;
}

export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), "thpcheck-cli-"));

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Runs `thpcheck` here. `onOutput` sees the standard output so far and may signal the process. */
  run(args: readonly string[], onOutput: (stdout: string, signal: (s: NodeJS.Signals) => void) => void = () => {}): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const start = performance.now();
      let firstOutput = Infinity;
      let stdout = "";
      let stderr = "";
      const child = spawn(process.execPath, [COMMAND, ...args], { cwd: this.folder, env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, COLUMNS: "100" } });
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        firstOutput = Math.min(firstOutput, performance.now() - start);
        stdout += text;
        onOutput(stdout, (s) => child.kill(s));
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => { stderr += text; });
      child.on("error", reject);
      child.on("close", (code) => { resolve({ code, stdout, stderr, firstOutput }); });
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const CONFIG = `import { defineConfig } from ${JSON.stringify(new URL("../../../checker/config.ts", import.meta.url).href)};
export default defineConfig({ scenarios: ["scenarios/*.ts"], lists: { colours: async () => [["colour", "taste"], ["red", "sour"]] }, commands: [{ name: "greet", description: "says hello", register: (c) => c.action(() => console.log("hello")) }] });
`;

/** Two increments: a racy pair, and a pair under a lock. `expectRacy` is the racy one's expectation as source text. */
export const counters = (expectRacy: string, expectLocked = "holds({ states: 8 })"): string => `
import { at, holds, int, mutex, mutexLock, mutexUnlock, scenario, struct, violated } from "thpcheck";
import type { Routine, U8, World } from "thpcheck";
const structs = { counter: struct({ value: int(0, 9, "the count"), lock: mutex("guards value") }) };
type K = World<typeof structs>;
function* racy(k: K): Routine {
  yield at("read");
  const seen: U8 = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
}
function* locked(k: K): Routine {
  yield* mutexLock(k, k.counter.lock.at());
  const seen: U8 = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
  mutexUnlock(k, k.counter.lock.at());
}
const both = { "no update is lost": (k: K) => k.counter.value.get() === 2 };
export default [
  scenario({ name: "racy", why: "an update can be lost", tier: "quick", structs, threads: [{ name: "alice", run: racy }, { name: "bob", run: racy }], finally: both, expect: ${expectRacy} }),
  scenario({ name: "locked", why: "the lock keeps updates", tier: "full", structs, threads: [{ name: "alice", run: locked }, { name: "bob", run: locked }], finally: both, expect: ${expectLocked} }),
];
`;

/** A counter that counts far: large enough to be interrupted. */
export const LARGE = `
import { at, holds, int, scenario, struct } from "thpcheck";
import type { Routine, World } from "thpcheck";
const structs = { c: struct({ a: int(0, 4095, "a"), b: int(0, 4095, "b") }) };
type K = World<typeof structs>;
function* countA(k: K): Routine { while (true) { yield at("a", () => k.c.a.get() < 4095); k.c.a.add(1); } }
function* countB(k: K): Routine { while (true) { yield at("b", () => k.c.b.get() < 4095); k.c.b.add(1); } }
export default scenario({ name: "large", why: "takes a while", tier: "quick", structs, threads: [{ name: "a", run: countA, daemon: true }, { name: "b", run: countB, daemon: true }], expect: holds() });
`;
