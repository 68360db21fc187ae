/** Loads a generated scenario module without the compiler: types stripped, its generators run as they are written. */
import { stripTypeScriptTypes } from "node:module";
import * as thpcheck from "../../../checker/index.ts";
import { isScenario, type ProgramScenario } from "../../../checker/index.ts";

/** `text` must import from "thpcheck" alone and export one program scenario as its default. */
export function loadNative(text: string): ProgramScenario {
  const body = stripTypeScriptTypes(text)
    .replace(/^import (\{[^}]*\}) from "thpcheck";$/m, "const $1 = thpcheck;")
    .replace(/^export default /m, "return ");
  const loaded: unknown = new Function("thpcheck", `"use strict";\n${body}`)(thpcheck);
  if (!isScenario(loaded) || !("threads" in loaded)) throw new Error("the generated module does not export a program scenario");
  return loaded;
}
