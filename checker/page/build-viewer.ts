/** Part of `npm run build`: what pages of the package are made of: the viewer's two scripts, styles, and the pictures that are named. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { BUNDLED, pictureScript, VIEWERS, viewerScript, type Viewer } from "./bundle.ts";

const built = new URL("../../dist/checker/viewer/", import.meta.url);
mkdirSync(built, { recursive: true });
for (const viewer of Object.keys(VIEWERS) as Viewer[]) {
  writeFileSync(new URL(basename(VIEWERS[viewer].built.pathname), built), await viewerScript(viewer));
}
copyFileSync(new URL("../viewer/style.css", import.meta.url), new URL("style.css", built));
copyFileSync(new URL("index.css", import.meta.url), new URL("../page/index.css", built));

const pictures = new URL("../../dist/picture/", import.meta.url);
mkdirSync(pictures, { recursive: true });
for (const picture of process.argv.slice(2)) {
  writeFileSync(new URL(`${basename(picture, ".ts")}${BUNDLED}`, pictures), await pictureScript(resolve(picture)));
}
