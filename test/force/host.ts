/** A kernel that is there as long as it is asked: of guests that go wrong, another one. */
import { isInterrupted } from "../../checker/cli/interruption.ts";
import type { KernelImage } from "../conformance/guest/store.ts";
import { StubError } from "./gdb-stub.ts";
import { ForcedMachine } from "./machine.ts";
import { NotForceable } from "./traced/run.ts";

/** A guest that has gone wrong is replaced. */
export interface Host {
  readonly image: KernelImage;
  /** 2 or 3. */
  readonly threads: number;
  machine: ForcedMachine;
  readonly say: (text: string) => void;
}
/** Throws as ForcedMachine.boot(). */
export async function bootHost(image: KernelImage, say: Host["say"], threads = 2): Promise<Host> {
  return { image, threads, machine: await ForcedMachine.boot(image, threads), say };
}

/** How often something is tried, each time on a fresh guest. A busy host may take a guest's time away, or its debugger's. */
const GUESTS_TRIED = 3;
/**
 * What `use` gives of the machine; tried again on fresh ones. Throws what the last of them threw, and at once what says that
 * another guest would not help.
 */
export async function on<T>(host: Host, use: (machine: ForcedMachine) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await use(host.machine);
    } catch (e) {
      if (tries === GUESTS_TRIED || isInterrupted() || e instanceof NotForceable) throw e;
      await host.machine.stop();
      host.say(`  a new guest, since: ${(e as Error).message}`);
      host.machine = await ForcedMachine.boot(host.image, host.threads);
    }
  }
}

/** The last guest, too, has ended by itself, or its debugger has: nothing is said of the kernel. Null: it is another error. */
export const guestLost = (e: unknown): string | null =>
  (e instanceof StubError ? `${GUESTS_TRIED} guests were lost, the last since: ${e.message}` : null);
