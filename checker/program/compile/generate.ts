/** Program text from a syntax tree. */
import generateModule from "@babel/generator";
import type * as t from "@babel/types";

const generate = (typeof generateModule === "function" ? generateModule : (generateModule as unknown as { default: typeof generateModule }).default);

export function generateCode(node: t.Node): string {
  return generate(node, { comments: false, compact: false, jsescOption: { minimal: true } }).code;
}
