/** Loads a generated scenario module: its functions run as they are written, and carry their source for the compiler. */
import { stripTypeScriptTypes } from "node:module";
import * as thpcheck from "../../../checker/index.ts";
import { isScenario, type ProgramScenario, type Scenario } from "../../../checker/index.ts";
import { transformModule } from "../../../checker/compile/transform.ts";

/** `text` must import from "thpcheck" alone and export one program scenario as its default. */
export function loadGenerated(text: string): ProgramScenario {
  const loaded = loadScenario(text);
  if (!("threads" in loaded)) throw new Error("the generated module does not export a program scenario");
  return loaded;
}

/** The same for scenarios of either kind. */
export function loadScenario(text: string): Scenario {
  const code = transformModule(text, "generated.ts")?.code ?? text;
  const body = stripTypeScriptTypes(code)
    .replace("import.meta.url", '"generated.ts"')
    .replace(/import (\{[^}]*\}) from "thpcheck";/, "const $1 = thpcheck;")
    .replace(/^export default /m, "return ");
  const loaded: unknown = new Function("thpcheck", `"use strict"; ${body}`)(thpcheck);
  if (!isScenario(loaded)) throw new Error("the generated module does not export a scenario");
  return loaded;
}
