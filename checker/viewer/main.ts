/** The script of a page: draws the data that lies in it. */
import { h, render } from "preact";
import type { PageData } from "../page/data.ts";
import { App } from "./app.ts";
import { pictureOfPage } from "./picture.ts";
import { lightUpTogether } from "./together.ts";

const page = JSON.parse(document.getElementById("page")!.textContent) as PageData;
render(h(App, { page, picture: pictureOfPage() }), document.getElementById("app")!);
lightUpTogether();
