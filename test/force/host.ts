/** A kernel that is there as long as it is asked: of guests that go wrong, another one. */
import { isInterrupted } from "../../checker/cli/interruption.ts";
import type { KernelImage } from "../conformance/guest/store.ts";
import { ForcedMachine } from "./machine.ts";

/** A guest that has gone wrong is replaced. */
export interface Host {
  readonly image: KernelImage;
  machine: ForcedMachine;
  readonly say: (text: string) => void;
}
/** Throws as ForcedMachine.boot(). */
export async function bootHost(image: KernelImage, say: Host["say"]): Promise<Host> {
  return { image, machine: await ForcedMachine.boot(image), say };
}

/** How often something is tried, each time on a fresh guest. A busy host may take a guest's time away, or its debugger's. */
const GUESTS_TRIED = 3;
/** What `use` gives of the machine; tried again on fresh ones. Throws what the last of them threw. */
export async function on<T>(host: Host, use: (machine: ForcedMachine) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await use(host.machine);
    } catch (e) {
      if (tries === GUESTS_TRIED || isInterrupted()) throw e;
      await host.machine.stop();
      host.say(`  a new guest, since: ${(e as Error).message}`);
      host.machine = await ForcedMachine.boot(host.image);
    }
  }
}
