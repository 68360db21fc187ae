/**
 * The remote protocol of GDB, as much of it as is needed to stop, read and change the processors of a virtual machine. QEMU's
 * end of it stops all processors when one stops, and calls processor N, from 1 on, the thread p1.N.
 *
 * No debugger is in between: a stop takes one packet where GDB would take hundreds.
 */
import { connect, type Socket } from "node:net";

/** Milliseconds that an answer may take. */
const ANSWER_MS = 20_000;
const ACK = "+";
const INTERRUPT = "\u0003";

/** Registers of x86-64, by their number in the protocol. */
export const REGISTER = { rsp: 7, rip: 16, eflags: 17, cs: 18, gsBase: 25, kernelGsBase: 26, cr3: 29, cr4: 30 } as const;
export type Register = keyof typeof REGISTER;

/** Why a machine has stopped. */
export interface Stop {
  /** The processor that the reply names, from 1 on. Another one may have stopped for a reason of its own at the same time. */
  readonly cpu: number;
  /** Where a write to a watched word was: its address; null for every other stop. */
  readonly watched: bigint | null;
}

/** The other end has hung up, says what is no answer, or nothing. */
export class StubError extends Error {}

const checksum = (text: string): string => (Buffer.from(text, "latin1").reduce((sum, byte) => sum + byte, 0) & 255)
  .toString(16).padStart(2, "0");
const littleEndian = (hex: string): bigint => BigInt(`0x${Buffer.from(hex, "hex").reverse().toString("hex")}`);

export class GdbStub {
  /** Packets sent since the connection was made. */
  packets = 0;
  readonly #socket: Socket;
  #said = "";
  #over = false;
  #wake: (() => void) | null = null;
  /** To which processor registers and memory belong at the moment; 0: it is not known. */
  #selected = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#said += text;
      this.#wake?.();
    });
    const end = (): void => {
      this.#over = true;
      this.#wake?.();
    };
    socket.on("error", end).on("close", end);
  }

  /** Connects to the socket at `path`, which stops the machine. Throws StubError for a stub that lacks what is needed. */
  static async connect(path: string): Promise<GdbStub> {
    const socket = connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const stub = new GdbStub(socket);
    // The machine that stops says so unasked, or not: it depends on whether it ran.
    await stub.#packet(200);
    await stub.#ask("qSupported:multiprocess+;vContSupported+");
    // Single registers are given only to who has read what they are.
    await stub.#ask("qXfer:features:read:target.xml:0,ffb");
    const resumes = await stub.#ask("vCont?");
    if (!/^vCont;.*c.*;s/.test(resumes)) throw new StubError(`the debugger cannot resume one processor alone: ${resumes}`);
    return stub;
  }

  // ---- registers and memory, of a machine that has stopped ---------------------------------------------------------

  async register(cpu: number, register: Register): Promise<bigint> {
    await this.#select(cpu);
    return littleEndian(await this.#ask(`p${REGISTER[register].toString(16)}`));
  }
  async setRegister(cpu: number, register: Register, value: bigint): Promise<void> {
    await this.#select(cpu);
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    await this.#okay(`P${REGISTER[register].toString(16)}=${bytes.toString("hex")}`);
  }
  /** By the processor's page tables. Throws StubError for an address that they do not map. */
  async read(cpu: number, address: bigint, size: number): Promise<Buffer> {
    await this.#select(cpu);
    const answer = await this.#ask(`m${BigInt.asUintN(64, address).toString(16)},${size.toString(16)}`);
    if (answer.startsWith("E") || answer.length !== 2 * size) throw new StubError(`${answer} for what is at ${address.toString(16)}`);
    return Buffer.from(answer, "hex");
  }
  async write(cpu: number, address: bigint, bytes: Uint8Array): Promise<void> {
    await this.#select(cpu);
    const at = BigInt.asUintN(64, address).toString(16);
    await this.#okay(`M${at},${bytes.length.toString(16)}:${Buffer.from(bytes).toString("hex")}`);
  }
  async word(cpu: number, address: bigint): Promise<bigint> {
    return (await this.read(cpu, address, 8)).readBigUInt64LE();
  }

  // ---- points ------------------------------------------------------------------------------------------------------

  /** The processors stop before they execute what is there. */
  async breakAt(address: bigint): Promise<void> { await this.#okay(`Z0,${address.toString(16)},1`); }
  async clearBreak(address: bigint): Promise<void> { await this.#okay(`z0,${address.toString(16)},1`); }
  /** The processors stop when they have written to the eight bytes there. */
  async watch(address: bigint): Promise<void> { await this.#okay(`Z2,${address.toString(16)},8`); }
  async clearWatch(address: bigint): Promise<void> { await this.#okay(`z2,${address.toString(16)},8`); }

  // ---- running -----------------------------------------------------------------------------------------------------

  /** All processors run; `stopped` tells when they no longer do. */
  resume(): void { this.#send("vCont;c"); }
  /** One instruction of this processor, while the others stand still. */
  async step(cpu: number): Promise<void> {
    this.#send(`vCont;s:p1.${cpu.toString(16)}`);
    if (await this.#packet(ANSWER_MS) === null) throw new StubError(`processor ${cpu} does not step`);
  }
  /** This processor alone runs, until `interrupt`. */
  resumeAlone(cpu: number): void { this.#send(`vCont;c:p1.${cpu.toString(16)}`); }

  /** Waits for a stop of a machine that runs; null: it still runs after so many milliseconds. */
  async stopped(ms: number): Promise<Stop | null> {
    const reply = await this.#packet(ms);
    return reply === null ? null : stopIn(reply);
  }
  /** Stops a machine that runs. A stop that came first is the one that is told. */
  async interrupt(): Promise<Stop> {
    this.#socket.write(INTERRUPT, "latin1");
    const reply = await this.#packet(ANSWER_MS);
    if (reply === null) throw new StubError("the machine does not stop");
    return stopIn(reply);
  }

  /** Hangs up. The machine goes on. */
  close(): void { this.#socket.destroy(); }

  // ---- packets -----------------------------------------------------------------------------------------------------

  async #select(cpu: number): Promise<void> {
    if (this.#selected === cpu) return;
    await this.#okay(`Hgp1.${cpu.toString(16)}`);
    this.#selected = cpu;
  }
  async #okay(request: string): Promise<void> {
    const answer = await this.#ask(request);
    if (answer !== "OK") throw new StubError(`${answer === "" ? "nothing" : answer} for ${request.slice(0, 60)}`);
  }
  async #ask(request: string): Promise<string> {
    this.#send(request);
    const answer = await this.#packet(ANSWER_MS);
    if (answer === null) throw new StubError(`no answer to ${request.slice(0, 60)}`);
    return answer;
  }
  #send(text: string): void {
    this.packets++;
    this.#socket.write(`$${text}#${checksum(text)}`, "latin1");
    // A processor that ran may have been selected by the stop.
    if (text.startsWith("vCont;")) this.#selected = 0;
  }

  /** The next packet; null: none came in time. */
  async #packet(ms: number): Promise<string | null> {
    const end = performance.now() + ms;
    for (;;) {
      this.#said = this.#said.replace(/^\++/, "");
      const hash = this.#said.indexOf("#");
      if (this.#said.startsWith("$") && hash >= 0 && this.#said.length >= hash + 3) {
        const text = this.#said.slice(1, hash);
        const sum = this.#said.slice(hash + 1, hash + 3);
        this.#said = this.#said.slice(hash + 3);
        if (sum !== checksum(text)) throw new StubError(`a packet was damaged: ${text.slice(0, 60)}`);
        this.#socket.write(ACK, "latin1");
        return text;
      }
      if (this.#over) throw new StubError("the debugger has hung up");
      const left = end - performance.now();
      if (left <= 0 || !await this.#more(left)) return null;
    }
  }
  #more(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (came: boolean): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve(came);
      };
      const timer = setTimeout(() => { done(false); }, ms);
      this.#wake = () => { done(true); };
    });
  }
}

/** Throws StubError for what tells of no stop. */
export function stopIn(reply: string): Stop {
  const cpu = /thread:p[0-9a-f]+\.([0-9a-f]+);/.exec(reply);
  if (!reply.startsWith("T") || cpu === null) throw new StubError(`this tells of no stop: ${reply.slice(0, 60)}`);
  const watched = /(?:^|;|T..)watch:([0-9a-f]+);/.exec(reply);
  return { cpu: Number.parseInt(cpu[1]!, 16), watched: watched === null ? null : BigInt(`0x${watched[1]!}`) };
}
