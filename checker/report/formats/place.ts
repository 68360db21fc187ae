/** Lines of sources, as reports name them. */
import { relative } from "node:path";

/** A line of a source, from 1 upward. */
export interface Place {
  /** With slashes; relative to the folder of the run where it lies in it. */
  readonly file: string;
  readonly line: number;
}

/** A path as reports name it. */
export function namedFile(file: string, folder: string): string {
  const inside = relative(folder, file).replaceAll("\\", "/");
  return inside.startsWith("../") ? file.replaceAll("\\", "/") : inside;
}

export const placeOf = ({ file, line }: Place, folder: string): Place => ({ file: namedFile(file, folder), line });
