/** Program text from syntax trees, with the source map that leads back to what a person wrote. */
import generateModule from "@babel/generator";
import * as t from "@babel/types";
import { defaultOf } from "./interop.ts";

const generate = defaultOf(generateModule);

/** The text of an expression, without a map. */
export function generateCode(node: t.Node): string {
  return generate(node, { comments: false, jsescOption: { minimal: true } }).code;
}

/** A source map, version 3. */
export interface SourceMap {
  readonly version: number;
  readonly sources: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}

export interface GeneratedProgram {
  readonly code: string;
  /** Source map, version 3, as JSON; null unless it was asked for. */
  readonly map: SourceMap | null;
}

/** The text of all functions of a program. Each node's place is the file named in its `loc`. */
export function generateProgram(functions: readonly t.Statement[], sourceMap: boolean): GeneratedProgram {
  const options = { comments: false, jsescOption: { minimal: true }, sourceMaps: sourceMap, sourceFileName: "thpcheck" };
  const { code, map } = generate(t.program([...functions]), options);
  return { code, map: sourceMap ? map as GeneratedProgram["map"] : null };
}
