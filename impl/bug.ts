/** The kernel's assertions. A condition that holds ends the check with a violation "assertion". */

/** @kernel include/linux/mmdebug.h VM_BUG_ON(). The message: room, colon, fact. */
export { bugOn as vmBugOn } from "thpcheck";
