/** Drawings of a picture as elements. Only what `page/picture.ts` names comes through: no addresses, no scripts. */
import { h, type ComponentChild } from "preact";
import type { DrawnValue, Drawing, Figure, Tag } from "../page/picture.ts";
import type { Moment } from "./moment.ts";
import { Value } from "./value.ts";

const TAGS: ReadonlySet<string> = new Set<Tag>(
  ["div", "span", "section", "h3", "h4", "p", "ul", "li", "table", "tbody", "tr", "th", "td"],
);

/** Throws a TypeError for what is no drawing. */
export function drawn(drawing: Drawing, moment: Moment): ComponentChild {
  if (drawing === null || typeof drawing === "string" || typeof drawing === "number") return drawing;
  if (isList(drawing)) return drawing.map((part) => drawn(part, moment));
  if ("field" in drawing) return valueOf(drawing, moment);
  return figure(drawing, moment);
}

const isList = (drawing: Drawing): drawing is readonly Drawing[] => Array.isArray(drawing);

function valueOf({ field, i, j, word }: DrawnValue, moment: Moment): ComponentChild {
  return h(Value, { moment, word: moment.word(field, i, j), as: word ?? null });
}

function figure({ tag, class: name, title, columns, of, content }: Figure, moment: Moment): ComponentChild {
  if (!TAGS.has(tag)) throw new TypeError(`a figure can be no ${String(tag)}`);
  const attributes = { class: name, title, colSpan: columns, "data-of": of };
  return h(tag, attributes, drawn(content, moment));
}
