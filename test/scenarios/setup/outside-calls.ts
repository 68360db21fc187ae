/** Through which routines processes call the kernel, and which results say that a call failed. */
import type { OutsideCall } from "thpcheck";
import type { KernelConfig } from "../../../impl/config/options.ts";
import { sysfsStore } from "../../../impl/sysfs.ts";
import {
  load, store, sysFork, sysGetThpDisable, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise, sysSetThpDisable,
  sysSplitHugePages,
} from "../../../impl/entry/syscalls.ts";

/** A result below 0 is an error number, `false` a signal; a load that gets one in place of a content says so by a content of its own. */
export function outsideCalls({ contents }: Pick<KernelConfig, "contents">): readonly OutsideCall[] {
  const others = [
    store, sysFork, sysGetThpDisable, sysMadvise, sysMmap, sysMprotect, sysMremap, sysMunmap, sysProcessMadvise, sysSetThpDisable,
    sysSplitHugePages, sysfsStore,
  ];
  return [{ run: load, failure: contents }, ...others.map((run) => ({ run }))];
}
