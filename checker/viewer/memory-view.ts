/** Memory at the selected step: the project's picture, where there is one; locks; machines; every struct. */
import { h, type ComponentChild, type JSX } from "preact";
import type { Picture } from "../page/picture.ts";
import { drawn } from "./drawing.ts";
import { LocksView } from "./locks-view.ts";
import { MachinesView } from "./machines-view.ts";
import type { Moment } from "./moment.ts";
import { StructsView } from "./structs-view.ts";
import { ThreadsView } from "./threads-view.ts";

export function MemoryView({ moment, picture }: { readonly moment: Moment; readonly picture: Picture | null }): JSX.Element {
  const drawing = picture === null || moment.layout === null ? null : h("section", { class: "picture" }, attempted(picture, moment));
  return h("div", { class: "memory" }, drawing, h(LocksView, { moment }), h(ThreadsView, { moment }), h(MachinesView, { moment }),
    h(StructsView, { moment, open: picture === null }));
}

/** A picture that throws says so, and the rest of the page is there. */
function attempted(picture: Picture, moment: Moment): ComponentChild {
  try {
    return drawn(picture.draw(moment.scene()), moment);
  } catch (e) {
    const why = e instanceof Error ? e.message : String(e);
    return h("p", { class: "alarm picture-failed" }, `The picture of this state cannot be drawn: ${why}`);
  }
}
