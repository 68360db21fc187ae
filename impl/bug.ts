/** The kernel's assertions. A condition that holds ends the check with a violation "assertion". */
import { bugOn } from "thpcheck";

/** @kernel include/linux/mmdebug.h VM_BUG_ON(). `message`: room, colon, fact. */
export function vmBugOn(condition: boolean, message: string): void {
  bugOn(condition, message);
}
