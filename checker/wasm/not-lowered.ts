import type * as t from "@babel/types";
import { generateCode } from "../compile/generate.ts";

/** What cannot be lowered, with its text. The scenario runs on JavaScript then. */
export class NotLowered extends Error {
  constructor(node: t.Node, why: string) {
    const text = generateCode(node);
    super(`${why}: ${text.length > 80 ? `${text.slice(0, 80)}...` : text}`);
  }
}
