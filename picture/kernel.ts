/** The picture of a kernel's memory. `thpcheck.config.ts` registers it for scenarios that have a kernel's structs. */
import type { Picture } from "thpcheck";
import type { KernelStructs } from "../impl/mm-types.ts";
import { addressSpaces } from "./address-spaces.ts";
import { cpus } from "./cpus.ts";
import { frames } from "./frames.ts";
import { pageTables } from "./page-tables.ts";
import { reservations } from "./reservations.ts";
import { style } from "./style.ts";

const picture: Picture<KernelStructs> = {
  style,
  draw: (scene) => [addressSpaces(scene), pageTables(scene), frames(scene), cpus(scene), reservations(scene)],
};
export default picture;
