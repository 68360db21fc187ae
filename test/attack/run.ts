/** Runs inputs: most of them many in a process, which is ended where one of them hangs; some in a process of their own. */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { differences, harmedIn, hashesOf, left, type Arena } from "./arena.ts";
import { nameOf, type Input } from "./input.ts";
import { faultsOf, type Answer } from "./judge.ts";
import type { Order, Reply } from "./victim.ts";

export interface Finding {
  readonly input: Input;
  readonly faults: readonly string[];
  readonly answer: Answer;
  /** Its folder. */
  readonly folder: string;
}
export interface Judged {
  readonly input: Input;
  readonly answer: Answer;
}

const SECONDS_DEFAULT = 20;
/** Inputs after which a process is replaced: modules that were loaded stay in its memory. */
const INPUTS_OF_ONE = 200;
/** Milliseconds that processes of a group have to end behind the first. */
const PATIENCE_MS = 3000;

const clean = { NO_COLOR: "1", FORCE_COLOR: undefined, COLUMNS: "100", THPCHECK_LOAD_SECONDS: "10", THPCHECK_CACHE: "off" };

/** Runs them all, `width` at a time, and gives what is wrong. `told` hears of each as it ends. */
export async function attack(inputs: readonly Input[], arena: Arena, width: number, told: (judged: Judged) => void): Promise<Finding[]> {
  const findings: Finding[] = [];
  const waiting = [...inputs];
  const note = (input: Input, answer: Answer, folder: string, more: readonly string[]): void => {
    const faults = [...faultsOf(input, answer), ...more];
    if (faults.length > 0) findings.push({ input, faults, answer, folder });
    told({ input, answer });
  };
  const before = hashesOf(arena.project);
  await Promise.all(Array.from({ length: width }, async () => {
    const victim = new Victim(arena);
    for (let input = waiting.shift(); input !== undefined; input = waiting.shift()) {
      const folder = arena.place(input);
      const { answer, remains } = input.alone === undefined ? await victim.ask(input, folder) : await ownProcess(input, folder, arena);
      note(input, answer, folder, [...harmedIn(folder, input), ...remains]);
    }
    const remains = await victim.end();
    if (remains.length > 0) findings.push(ofAll(inputs, remains));
  }));
  const harmed = differences(before, hashesOf(arena.project));
  if (harmed.length > 0) findings.push(ofAll(inputs, harmed));
  const order = new Map(inputs.map((i, n) => [i, n]));
  return findings.sort((a, b) => (order.get(a.input) ?? -1) - (order.get(b.input) ?? -1));
}

/** What no single input can be blamed for. */
function ofAll(inputs: readonly Input[], faults: readonly string[]): Finding {
  const input: Input = { ...inputs[0]!, family: "all", rule: "together", what: `${inputs.length} inputs` };
  return { input, faults, answer: { code: 0, out: "", err: "", ms: 0, died: null }, folder: "" };
}

interface Asked {
  readonly answer: Answer;
  /** Processes that it left. */
  readonly remains: readonly string[];
}

class Victim {
  readonly #arena: Arena;
  #process: ChildProcess | null = null;
  #asked = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  async ask(input: Input, folder: string): Promise<Asked> {
    if (this.#asked >= INPUTS_OF_ONE) await this.end();
    const child = (this.#process ??= this.#start());
    const start = performance.now();
    const order: Order = {
      id: ++this.#asked, args: input.args.map((a) => a.replace(/^%\//, `${folder}/`)),
      folder: input.inProject === true ? this.#arena.project : folder,
    };
    const { promise, resolve } = Promise.withResolvers<Reply | string>();
    const hear = (reply: Reply): void => { if (reply.id === order.id) resolve(reply); };
    const ended = (code: number | null, signal: string | null): void =>
      { resolve(`the process has ended (${signal ?? `exit code ${code}`})`); };
    child.on("message", hear).once("exit", ended);
    const seconds = input.seconds ?? SECONDS_DEFAULT;
    const late = setTimeout(() => { resolve(`it has not ended after ${seconds} s`); }, seconds * 1000);
    child.send(order);
    const reply = await promise;
    clearTimeout(late);
    child.off("message", hear).off("exit", ended);
    const ms = performance.now() - start;
    if (typeof reply !== "string") return { answer: { ...reply, ms, died: null }, remains: [] };
    await this.#kill();
    return { answer: { code: null, out: "", err: "", ms, died: reply }, remains: [] };
  }

  #start(): ChildProcess {
    this.#asked = 0;
    return fork(join(this.#arena.project, "test", "attack", "victim.ts"), {
      cwd: this.#arena.folder, detached: true, stdio: ["ignore", "ignore", "ignore", "ipc"], execArgv: ["--no-warnings"],
      env: { ...process.env, ...clean },
    });
  }

  /** Ends the process, and gives what it leaves. */
  async end(): Promise<string[]> {
    const child = this.#process;
    if (child === null) return [];
    this.#process = null;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.disconnect();
    await gone;
    return remaining(child.pid!);
  }

  async #kill(): Promise<void> {
    const child = this.#process!;
    this.#process = null;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-child.pid!, "SIGKILL");
      await gone;
    }
  }
}

async function remaining(group: number): Promise<string[]> {
  const start = performance.now();
  let found = left(group);
  while (found.length > 0 && performance.now() - start < PATIENCE_MS) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    found = left(group);
  }
  if (found.length > 0) process.kill(-group, "SIGKILL");
  return found.map((f) => `a process is left: ${f}`);
}

async function ownProcess(input: Input, folder: string, arena: Arena): Promise<Asked> {
  const start = performance.now();
  const { env = {}, stdout } = input.alone!;
  const to = stdout === undefined ? "pipe" : openSync(stdout, "w");
  const command = join(arena.project, "checker", "cli", "thpcheck.js");
  const child = spawn(process.execPath, [command, ...input.args], {
    cwd: folder, detached: true, stdio: ["ignore", to, "pipe"], env: { ...process.env, ...clean, ...env },
  });
  let [out, err] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => { out += text; });
  child.stderr!.setEncoding("utf8").on("data", (text: string) => { err += text; });
  const seconds = input.seconds ?? SECONDS_DEFAULT;
  let died: string | null = null;
  const late = setTimeout(() => {
    died = `it has not ended after ${seconds} s`;
    process.kill(-child.pid!, "SIGKILL");
  }, seconds * 1000);
  const code = await new Promise<number | null>((resolve) => child.once("exit", (c, signal) => {
    if (c === null) died ??= `ended by ${signal}`;
    resolve(c);
  }));
  clearTimeout(late);
  const remains = await remaining(child.pid!);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null && !stream.closed) await new Promise((resolve) => stream.once("close", resolve));
  }
  if (typeof to === "number") closeSync(to);
  return { answer: { code: died === null ? code : null, out, err, ms: performance.now() - start, died }, remains };
}

/** A finding in words, with what it takes to see it again. */
export function findingInWords({ input, faults, answer, folder }: Finding): string {
  const said = `${answer.out}\n${answer.err}`.trim().split("\n").map((l) => `    | ${l.slice(0, 200)}`);
  const shown = said.length <= 12 ? said : [...said.slice(0, 4), "    | ...", ...said.slice(-7)];
  return [`${nameOf(input)}: ${faults.join("; ")}`,
    `    thpcheck ${input.args.map((a) => JSON.stringify(a.slice(0, 100))).join(" ")}   in ${folder}`, ...shown].join("\n");
}
