/** Text as HTML. */
const CHARACTERS: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** In an element or in quotes. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => CHARACTERS[c]!);
}
