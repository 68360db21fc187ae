/** A guest that is lost is replaced, and what is asked of it is asked again; so often, and no more. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { StubError, stopIn } from "./gdb-stub.ts";
import { guestLost, on, type Host } from "./host.ts";
import { ForcedMachine } from "./machine.ts";
import { NotForceable } from "./traced/run.ts";

/** Guests by number, and which of them were stopped. */
function host(): { readonly host: Host; readonly stopped: number[]; readonly said: string[] } {
  const [stopped, said]: [number[], string[]] = [[], []];
  const guest = (number: number): ForcedMachine => ({
    number, stop: () => { stopped.push(number); return Promise.resolve(); },
  }) as unknown as ForcedMachine;
  let booted = 0;
  vi.spyOn(ForcedMachine, "boot").mockImplementation(() => Promise.resolve(guest(++booted)));
  return { host: { threads: 2, image: {} as Host["image"], machine: guest(0), say: (text) => said.push(text) }, stopped, said };
}
afterEach(() => { vi.restoreAllMocks(); });
/** As when the guest ends while it runs: the debugger says that, in place of a stop. */
const ends = (): never => stopIn("W00") as never;

describe("a guest", () => {
  it("that ends by itself is replaced, and asked again", async () => {
    const { host: h, stopped, said } = host();
    let times = 0;
    expect(await on(h, () => (++times < 3 ? ends() : Promise.resolve("done")))).toBe("done");
    expect([times, stopped]).toEqual([3, [0, 1]]);
    expect(said).toEqual(Array.from({ length: 2 }, () => "  a new guest, since: this tells of no stop: W00"));
  });
  it("is no longer replaced when three were lost: nothing is said of the kernel", async () => {
    const { host: h } = host();
    const lost: unknown = await on(h, ends).catch((e: unknown) => e);
    expect(lost).toBeInstanceOf(StubError);
    expect(guestLost(lost)).toBe("3 guests were lost, the last since: this tells of no stop: W00");
    expect(guestLost(new Error("another"))).toBeNull();
  });
  it("is not replaced for what no other guest would do", async () => {
    const { host: h, stopped } = host();
    await expect(on(h, () => Promise.reject(new NotForceable("there is no place")))).rejects.toThrow("there is no place");
    expect(stopped).toEqual([]);
  });
});
