/** Part of `npm run build`: the viewer as the package has it, one script and its style. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { viewerScript } from "./bundle.ts";

const built = new URL("../../dist/checker/viewer/", import.meta.url);
mkdirSync(built, { recursive: true });
writeFileSync(new URL("viewer.js", built), await viewerScript());
copyFileSync(new URL("../viewer/style.css", import.meta.url), new URL("style.css", built));
