/** The picture of a kernel's memory, for pages: its source in a checkout, the script that was built of it in the package. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../picture/kernel.ts", import.meta.url));
const built = fileURLToPath(new URL("../dist/picture/kernel.bundle.js", import.meta.url));

/** Absolute path, for `Scenario.picture`. */
export const KERNEL_PICTURE = existsSync(source) ? source : built;
