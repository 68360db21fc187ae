/** The debugger's protocol, against a stub that says what it is told to say. */
import { createServer, type Server, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { GdbStub, stopIn } from "./gdb-stub.ts";

const framed = (text: string): string => {
  const sum = Buffer.from(text, "latin1").reduce((s, b) => s + b, 0) & 255;
  return `$${text}#${sum.toString(16).padStart(2, "0")}`;
};

/** Answers packets by a function; what that returns null for is not answered. */
class FakeStub {
  readonly packets: string[] = [];
  interrupts = 0;
  socket: Socket | null = null;
  readonly folder = mkdtempSync(join(tmpdir(), "thpcheck-force-test-"));
  readonly path = join(this.folder, "gdb");
  readonly #server: Server;
  #said = "";
  constructor(answer: (packet: string) => string | null, greets = true) {
    this.#server = createServer((socket) => {
      this.socket = socket;
      if (greets) socket.write(framed("T05thread:p01.01;"));
      socket.setEncoding("latin1").on("data", (text: string) => {
        this.#said += text;
        for (;;) {
          this.#said = this.#said.replace(/^\++/, "");
          if (this.#said.startsWith("\u0003")) {
            this.interrupts++;
            this.#said = this.#said.slice(1);
            socket.write(framed("T02thread:p01.02;"));
            continue;
          }
          const packet = /^\$([^#]*)#..$|^\$([^#]*)#../.exec(this.#said);
          if (packet === null) return;
          this.#said = this.#said.slice(packet[0].length);
          const sent = packet[1] ?? packet[2]!;
          this.packets.push(sent);
          const reply = answer(sent);
          // In two pieces: nothing promises that a packet comes whole.
          if (reply !== null) {
            const whole = `+${framed(reply)}`;
            socket.write(whole.slice(0, 4));
            setImmediate(() => socket.write(whole.slice(4)));
          }
        }
      });
    });
    this.#server.listen(this.path);
  }
  end(): void {
    this.socket?.destroy();
    this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const GREETING: Readonly<Record<string, string>> = {
  "qSupported:multiprocess+;vContSupported+": "PacketSize=1000", "qXfer:features:read:target.xml:0,ffb": "l<target/>",
  "vCont?": "vCont;c;C;s;S",
};
const stubs: FakeStub[] = [];
afterEach(() => {
  for (const s of stubs.splice(0)) s.end();
});
function fake(answers: Readonly<Record<string, string | null>>, greets = true): FakeStub {
  const stub = new FakeStub((p) => (p in answers ? answers[p]! : GREETING[p] ?? ""), greets);
  stubs.push(stub);
  return stub;
}

describe("the debugger's protocol", () => {
  it("greets, whether the machine tells of its stop or not, and asks for registers only then", async () => {
    for (const greets of [true, false]) {
      const stub = fake({}, greets);
      (await GdbStub.connect(stub.path)).close();
      expect(stub.packets).toEqual(Object.keys(GREETING));
    }
  });
  it("refuses a stub that cannot resume one processor alone", async () => {
    await expect(GdbStub.connect(fake({ "vCont?": "" }).path)).rejects.toThrow(/cannot resume one processor/);
  });
  it("reads and writes registers and memory of a processor, which it selects once", async () => {
    const stub = fake({
      "Hgp1.2": "OK", "Hgp1.1": "OK", "p10": "0807060504030201", "P10=0100000000000080": "OK", "mffff888000000000,8": "0100000000000000",
      "m10,2": "E14", "M20,2:ebfe": "OK", "Z0,30,1": "OK", "z2,40,8": "",
    });
    const gdb = await GdbStub.connect(stub.path);
    expect(await gdb.register(2, "rip")).toBe(0x0102030405060708n);
    await gdb.setRegister(2, "rip", 0x8000000000000001n);
    expect(await gdb.word(1, -0x778000000000n)).toBe(1n);
    await expect(gdb.read(1, 16n, 2)).rejects.toThrow("E14 for what is at 10");
    await gdb.write(1, 32n, Uint8Array.of(0xeb, 0xfe));
    await gdb.breakAt(0x30n);
    await expect(gdb.clearWatch(0x40n)).rejects.toThrow("nothing for z2,40,8");
    expect(stub.packets.filter((p) => p.startsWith("Hg"))).toEqual(["Hgp1.2", "Hgp1.1"]);
    gdb.close();
  });
  it("resumes, waits for a stop or not, and tells of the stop that came before an interrupt", async () => {
    const stub = fake({ "vCont;c": null, "vCont;s:p1.2": "T05thread:p01.02;" });
    const gdb = await GdbStub.connect(stub.path);
    gdb.resume();
    expect(await gdb.stopped(20)).toBeNull();
    stub.socket!.write(framed("T05thread:p01.02;watch:ffff888000001000;"));
    expect(await gdb.interrupt()).toEqual({ cpu: 2, watched: 0xffff888000001000n });
    await gdb.step(2);
    expect(stub.interrupts).toBe(1);
    gdb.close();
  });
  it("throws where a packet is damaged, tells of no stop, or the other end hangs up", async () => {
    const gdb = await GdbStub.connect(fake({ "vCont;c": null }).path);
    const stub = stubs.at(-1)!;
    stub.socket!.write("$T05thread:p01.01;#00");
    await expect(gdb.stopped(500)).rejects.toThrow("damaged");
    expect(() => stopIn("W00")).toThrow("tells of no stop");
    stub.socket!.destroy();
    await expect(gdb.stopped(500)).rejects.toThrow("hung up");
  });
});
