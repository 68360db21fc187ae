/**
 * A page as one file: data, script and style are part of it. It asks for nothing from anywhere, which its policy makes sure of.
 */
import { pictureScript, viewerScript, viewerStyle } from "./bundle.ts";
import type { PageData } from "./data.ts";
import { escaped } from "./escaped.ts";

/** How a page of ours begins: what may be written over. */
const OURS = '<meta name="generator" content="thpcheck">';

const POLICY = [
  "default-src 'none'", "script-src 'unsafe-inline'", "style-src 'unsafe-inline'", "img-src data:", "base-uri 'none'", "form-action 'none'",
].join("; ");

export function isPage(text: string): boolean {
  return text.includes(OURS);
}

/**
 * `picture`: the module of the project's picture (absolute path); null: it has none. Throws a UsageError where that cannot be
 * bundled.
 */
export async function pageDocument(data: PageData, picture: string | null): Promise<string> {
  return document(`${data.program.scenario} - thpcheck`, viewerStyle(), POLICY, [
    ...FRAME, `<script type="application/json" id="page">${asJson(data)}</script>`, ...await drawing(picture),
    script(await viewerScript("page")),
  ]);
}

/** The page of the explorer, which asks its server for what it draws. `start`: the trace string that it begins with; null: none. */
export async function explorerDocument(scenario: string, picture: string | null, start: string | null): Promise<string> {
  return document(`${scenario} - thpcheck explore`, viewerStyle(), `${POLICY}; connect-src 'self'`, [
    ...FRAME, `<script type="application/json" id="start">${asJson(start)}</script>`, ...await drawing(picture),
    script(await viewerScript("explorer")),
  ]);
}

const FRAME = ["<noscript>This page draws itself: it needs JavaScript.</noscript>", '<div id="app"></div>'];

const drawing = async (picture: string | null): Promise<string[]> => (picture === null ? [] : [script(await pictureScript(picture))]);

/** The frame of every page. */
export function document(title: string, style: string, policy: string, body: readonly string[]): string {
  return [
    "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">', OURS,
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">', '<meta name="color-scheme" content="light dark">',
    // Else a browser asks the server for one.
    '<link rel="icon" href="data:,">', `<title>${escaped(title)}</title>`, `<style>${style}</style>`, "</head>", "<body>",
    ...body, "</body>", "</html>", "",
  ].join("\n");
}

/** JSON inside of a script element: nothing in it ends the element. */
function asJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function script(code: string): string {
  return `<script>${code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--")}</script>`;
}
