/** The functions of `impl/`, from its source: what no scenario and no test even compiles has no counter that could say so. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@babel/parser";
import { ROOT } from "./recorded.ts";

export interface FunctionOfImpl {
  readonly file: string;
  readonly name: string;
  readonly line: number;
}

/**
 * Named functions at the top level of the modules of `impl/`, by file and line. Not those of `impl/abstraction/`, which the
 * checker evaluates between steps: they say what a state means, and are no part of what runs. Not those of `impl/config/`,
 * which run once, as ordinary code, when a scenario or a test is set up.
 */
export function functionsOfImpl(): FunctionOfImpl[] {
  return globSync("impl/**/*.ts", { cwd: ROOT, exclude: ["impl/abstraction/**", "impl/config/**"] }).sort().flatMap((file) => {
    const { body } = parse(readFileSync(join(ROOT, file), "utf8"), { sourceType: "module", plugins: ["typescript"] }).program;
    return body.flatMap((statement): FunctionOfImpl[] => {
      const declared = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
      const line = statement.loc!.start.line;
      if (declared?.type === "FunctionDeclaration") return [{ file, name: declared.id!.name, line }];
      if (declared?.type !== "VariableDeclaration") return [];
      return declared.declarations.flatMap((d) => (d.init?.type === "ArrowFunctionExpression" && d.id.type === "Identifier" ? [{ file, name: d.id.name, line }] : []));
    });
  });
}
