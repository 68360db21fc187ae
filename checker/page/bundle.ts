/**
 * Scripts for the browser, each bundled to one text without imports: the viewer, and the picture of a project.
 *
 * The package has the viewer bundled already (`build-viewer.ts`); in a checkout it is bundled from its sources when it is
 * needed, so that it is never older than they are. A picture is bundled by the Rolldown of the project, or comes bundled.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { errorSentence, shortPath } from "../error-sentence.ts";
import { UsageError } from "../usage-error.ts";

/** The scripts of the viewer: where their sources begin, and their files in a package. */
export const VIEWERS = {
  /** Draws the page that it is part of. */
  page: { source: new URL("../viewer/main.ts", import.meta.url), built: new URL("../viewer/viewer.js", import.meta.url) },
  /** Draws what the explorer's server answers. */
  explorer: { source: new URL("../viewer/explorer-main.ts", import.meta.url), built: new URL("../viewer/explorer.js", import.meta.url) },
} as const;
export type Viewer = keyof typeof VIEWERS;
const STYLE = new URL("../viewer/style.css", import.meta.url);
const CHECKER = new URL("../index.ts", import.meta.url);

/** The global under which a page finds the picture. */
export const PICTURE_GLOBAL = "thpcheckPicture";

export async function viewerScript(viewer: Viewer): Promise<string> {
  const source = fileURLToPath(VIEWERS[viewer].source);
  return existsSync(source) ? bundled(source, null) : readFileSync(VIEWERS[viewer].built, "utf8");
}

export function viewerStyle(): string {
  return readFileSync(STYLE, "utf8");
}

/** A picture that has been bundled: a script that sets the global. */
export const BUNDLED = ".bundle.js";

/** The picture in a module of the project, as a script that sets the global. Throws a UsageError where it cannot be bundled. */
export async function pictureScript(file: string): Promise<string> {
  if (file.endsWith(BUNDLED)) return readFileSync(file, "utf8");
  try {
    return await bundled(file, PICTURE_GLOBAL);
  } catch (e) {
    throw new UsageError(`the picture ${shortPath(file)} cannot be bundled: ${errorSentence(e)}`);
  }
}

/** `global`: the name that gets what the module exports; null: it exports nothing. */
async function bundled(file: string, global: string | null): Promise<string> {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: file, platform: "browser", logLevel: "silent",
    // What a module exports is used, and nothing else: modules for Node are left out with what asks for them.
    treeshake: { moduleSideEffects: false },
    resolve: { alias: { thpcheck: fileURLToPath(CHECKER) } },
  });
  try {
    const exported = global === null ? { exports: "none" } as const : { exports: "named", name: global } as const;
    const { output } = await build.generate({ format: "iife", minify: true, ...exported });
    const [{ code, imports }] = output;
    if (imports.length > 0) throw new UsageError(`it uses ${imports.join(", ")}, which a browser does not have`);
    return code;
  } finally {
    await build.close();
  }
}
