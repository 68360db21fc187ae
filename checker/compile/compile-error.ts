/** What the routine subset refuses: always with a place in the source and what to write instead. */
import { shortPath } from "../error-sentence.ts";

export class CompileError extends Error {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  constructor(place: { file: string; line: number; column: number }, problem: string, instead: string) {
    super(`${shortPath(place.file)}:${place.line}:${place.column}: ${problem}. ${instead}`);
    this.name = "CompileError";
    this.file = place.file;
    this.line = place.line;
    this.column = place.column;
  }
}
