/** A state of a kernel, as it is drawn. */
import type { Scene } from "thpcheck";
import type { KernelStructs } from "../impl/mm-types.ts";

export type KernelScene = Scene<KernelStructs>;
