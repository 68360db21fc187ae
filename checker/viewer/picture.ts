/** The picture that the page has. */
import type { Picture } from "../page/picture.ts";

/** The project's picture, whose style becomes part of the page; null: it has none. */
export function pictureOfPage(): Picture | null {
  // Where the picture's script leaves it: `PICTURE_GLOBAL` of page/bundle.ts.
  const { thpcheckPicture } = globalThis as { thpcheckPicture?: { readonly default: Picture } };
  const picture = thpcheckPicture?.default ?? null;
  if (picture?.style !== undefined) {
    const style = document.createElement("style");
    style.textContent = picture.style;
    document.head.append(style);
  }
  return picture;
}
