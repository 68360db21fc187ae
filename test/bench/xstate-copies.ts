/** Arguments: a machine, how many copies of it, events to leave out. Prints `{ states, edges, seconds }`, the seconds those of the traversal. */
import { machineNamed } from "../../spec/alphabet.ts";
import type { EventName } from "../../spec/events.ts";
import { sideBySide } from "../spec/adjacency.ts";

const [machine, instances, ...without] = process.argv.slice(2);
const start = performance.now();
const counts = sideBySide(machineNamed(machine!), Number(instances), without as EventName[]);
process.stdout.write(`${JSON.stringify({ ...counts, seconds: (performance.now() - start) / 1000 })}\n`);
