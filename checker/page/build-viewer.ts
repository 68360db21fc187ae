/** Part of `npm run build`: the viewer as the package has it, two scripts, and the styles of pages. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { VIEWERS, viewerScript, type Viewer } from "./bundle.ts";

const built = new URL("../../dist/checker/viewer/", import.meta.url);
mkdirSync(built, { recursive: true });
for (const viewer of Object.keys(VIEWERS) as Viewer[]) {
  writeFileSync(new URL(basename(VIEWERS[viewer].built.pathname), built), await viewerScript(viewer));
}
copyFileSync(new URL("../viewer/style.css", import.meta.url), new URL("style.css", built));
copyFileSync(new URL("index.css", import.meta.url), new URL("../page/index.css", built));
