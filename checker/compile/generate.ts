/** Program text from syntax trees, with the source map that leads back to what a person wrote. */
import generateModule from "@babel/generator";
import * as t from "@babel/types";

const generate = (typeof generateModule === "function" ? generateModule : (generateModule as unknown as { default: typeof generateModule }).default);

/** The text of an expression, without a map. */
export function generateCode(node: t.Node): string {
  return generate(node, { comments: false, jsescOption: { minimal: true } }).code;
}

export interface GeneratedProgram {
  readonly code: string;
  /** Source map, version 3, as JSON; null unless it was asked for. */
  readonly map: { readonly version: number; readonly sources: readonly string[]; readonly names: readonly string[]; readonly mappings: string } | null;
}

/** The text of all functions of a program. Each node's place is the file named in its `loc`. */
export function generateProgram(functions: readonly t.Statement[], sourceMap: boolean): GeneratedProgram {
  const { code, map } = generate(t.program([...functions]), { comments: false, jsescOption: { minimal: true }, sourceMaps: sourceMap, sourceFileName: "thpcheck" });
  return { code, map: sourceMap ? map as GeneratedProgram["map"] : null };
}
