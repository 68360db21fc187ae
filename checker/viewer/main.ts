/** The script of a page: draws the data that lies in it. */
import { h, render } from "preact";
import type { PageData } from "../page/data.ts";
import type { Picture } from "../page/picture.ts";
import { App } from "./app.ts";
import { lightUpTogether } from "./together.ts";

/** Where the picture's script leaves it: `PICTURE_GLOBAL`. */
const { thpcheckPicture } = globalThis as { thpcheckPicture?: { readonly default: Picture } };
const picture = thpcheckPicture?.default ?? null;
const page = JSON.parse(document.getElementById("page")!.textContent) as PageData;
if (picture?.style !== undefined) {
  const style = document.createElement("style");
  style.textContent = picture.style;
  document.head.append(style);
}
render(h(App, { page, picture }), document.getElementById("app")!);
lightUpTogether();
