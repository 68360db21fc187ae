/** `impl/FUNCTIONS.md`: the exported functions of `impl/`, file by file, written from the sources. */
import { fileURLToPath } from "node:url";
import { exportedFunctions, tag, type ExportedFunction } from "./exported-functions.ts";
import { sources, type Source } from "./sources.ts";

export const FUNCTIONS = fileURLToPath(new URL("../../impl/FUNCTIONS.md", import.meta.url));

const HEAD = `# The functions of impl/

Every exported function, file by file: what it is called with, and its counterpart in Linux, or why it has none.
\`npx thpcheck functions --write\` writes this file; do not edit it. \`README.md\` says what the files are about.
`;

function line(f: ExportedFunction): string {
  const model = tag(f.doc, "model");
  const counterpart = tag(f.doc, "kernel") ?? (model === null ? null : `model: ${model}`);
  return `- \`${f.signature}\`${counterpart === null ? "" : `: ${counterpart}`}`;
}

function section(source: Source): string[] {
  const functions = exportedFunctions(source);
  return functions.length === 0 ? [] : [`## ${source.path.replace("impl/", "")}\n\n${functions.map(line).join("\n")}\n`];
}

/** The text that the file should have. */
export function functionList(): string {
  return [HEAD, ...sources.filter((s) => s.path.startsWith("impl/")).flatMap(section)].join("\n");
}
