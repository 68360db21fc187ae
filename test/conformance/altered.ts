/**
 * Whether a kernel is one that Linux released, in what every program shows. Hosts of virtual machines patch theirs: one of
 * 6.18.44 gives a page to whoever reads memory that nobody has written to, where Linux maps the zero page. On such a kernel
 * a program that disagrees says nothing of `impl/`.
 */
import type { RealKernel } from "./agent-talk.ts";
import { HostKernel } from "./host.ts";
import { PAGE_PRESENT, PAGE_ZERO, type Observations } from "./observation.ts";
import { programFromJson } from "./program.ts";

/** A read of one small page of fresh memory. */
const READ_OF_NOTHING = programFromJson({ steps: ["0 mmap 0.0 1.0 rw fixed", "0 read 0.0 0.1"] });

/** What the kernel does otherwise than any that Linux released, as a clause; null: nothing that shows here. */
export async function alteredIn(kernel: RealKernel): Promise<string | null> {
  const what = alteredBy(await kernel.run(READ_OF_NOTHING));
  return what === null ? null : `${kernel.release} is not Linux as it was released: ${what}`;
}

/** The same of this machine's own kernel, where programs can be run (`whyNot`). Throws a UsageError when the agent fails. */
export async function alteredHost(): Promise<string | null> {
  const host = await HostKernel.start();
  try {
    return await alteredIn(host);
  } finally {
    await host.stop();
  }
}

/** The same of what was observed after the two steps. */
export function alteredBy(observed: Observations): string | null {
  // p process start pages flags frame mapcount
  const pages = (observed.at(-1) ?? []).filter((line) => line.startsWith("p ")).map((line) => Number(line.split(" ")[4]));
  const given = pages.some((flags) => (flags & PAGE_PRESENT) !== 0 && (flags & PAGE_ZERO) === 0);
  return given ? "a read of memory that nobody has written to gets a page of its own, and not the zero page" : null;
}
