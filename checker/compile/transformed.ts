/**
 * What `transformModule` makes of a module's text, or made in an earlier process (`cache/entries.ts`): of loading the two hundred
 * modules of a kernel, parsing and walking them is the most.
 */
import { find, keep, keyOf } from "../cache/entries.ts";
import { compilerIdentity } from "./identity.ts";
import { transformModule } from "./transform.ts";

/** The text to run in the place of a module's own. Throws CompileError when that does not parse. */
export function transformedText(text: string, file: string): string {
  const key = keyOf(["transform", compilerIdentity(), file, text]);
  const found = find(key);
  if (found !== null) return found.toString("utf8");
  const code = transformModule(text, file)?.code ?? text;
  keep(key, Buffer.from(code, "utf8"));
  return code;
}
