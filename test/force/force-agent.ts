/** What the guest runs: two threads at their gates (`agent/force.c`), and the parts of the agent of conformance. */
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { agentDefines, type CProgram } from "../conformance/agent-build.ts";

const FOLDER = fileURLToPath(new URL("./agent/", import.meta.url));
/** From FOLDER. */
const PARTS = "../../conformance/agent/";

export function forceAgent(): CProgram {
  // All but the one with its main().
  const parts = globSync("*.c", { cwd: fileURLToPath(new URL("../conformance/agent/", import.meta.url)) }).sort();
  return {
    name: "force-agent", folder: FOLDER, sources: ["force.c", ...parts.filter((p) => p !== "agent.c").map((p) => PARTS + p)],
    flags: ["-static", "-pthread", ...agentDefines()],
  };
}
