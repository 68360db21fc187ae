/** The script of the explorer's page. */
import { h, render } from "preact";
import { Explorer } from "./explorer.ts";
import { pictureOfPage } from "./picture.ts";
import { keepOpen } from "./server.ts";
import { lightUpTogether } from "./together.ts";

const start = JSON.parse(document.getElementById("start")!.textContent) as string | null;
render(h(Explorer, { picture: pictureOfPage(), start }), document.getElementById("app")!);
lightUpTogether();
keepOpen();
