/**
 * Which pages of which folios a process maps, as far as these are large and no PMD maps them: lines "f process start pages order offset",
 * in which `offset` is the place of the first page in its folio. Whole folios of one order that follow one another are one line.
 * A line of pages ("p") says which frames these are, and not where one folio ends and the next one begins.
 */
import { HPAGE } from "./program.ts";

/** What an entry maps: a page of a large folio. */
export interface MappedPage {
  readonly folio: number;
  readonly order: number;
  readonly offset: number;
}
/** Pages in a row of one folio. */
interface Piece extends Omit<MappedPage, "folio"> {
  readonly start: number;
  readonly pages: number;
}

/** `at`: what the entry of the page maps, or null: nothing of the kind. */
export function folioLines(process: number, start: number, end: number, at: (vpn: number) => MappedPage | null): string[] {
  const pieces: Piece[] = [];
  for (let vpn = start; vpn < end;) {
    const first = at(vpn);
    if (first === null) {
      vpn++;
      continue;
    }
    const piece = pieceFrom(vpn, end, first, at);
    vpn += piece.pages;
    const last = pieces.at(-1);
    if (last !== undefined && follows(last, piece)) pieces[pieces.length - 1] = { ...last, pages: last.pages + piece.pages };
    else pieces.push(piece);
  }
  return pieces.map((p) => `f ${process} ${p.start} ${p.pages} ${p.order} ${p.offset}`);
}

function pieceFrom(start: number, end: number, { folio, order, offset }: MappedPage, at: (vpn: number) => MappedPage | null): Piece {
  let pages = 1;
  while (start + pages < end && offset + pages < 1 << order) {
    const next = at(start + pages);
    if (next === null || next.folio !== folio || next.offset !== offset + pages) break;
    pages++;
  }
  return { start, pages, order, offset };
}

const isWhole = ({ pages, order, offset }: Piece): boolean => offset === 0 && pages % (1 << order) === 0;
function follows(last: Piece, piece: Piece): boolean {
  return isWhole(last) && isWhole(piece) && last.order === piece.order && last.start + last.pages === piece.start;
}

/** A piece of a line, and whose it is. */
export interface FolioPiece extends Piece {
  readonly process: number;
}

/** The pieces of folios that lines tell of, each folio by itself. */
export function pieces(lines: readonly string[]): FolioPiece[] {
  return lines.filter((l) => l.startsWith("f ")).flatMap((line) => {
    const [process, start, pages, order, offset] = line.split(" ").slice(1).map(Number) as [number, number, number, number, number];
    const size = 1 << order;
    if (offset !== 0 || pages < size) return [{ process, start, pages, order, offset }];
    return Array.from({ length: pages / size }, (_, i) => ({ process, start: start + i * size, pages: size, order, offset: 0 }));
  });
}

/** Its folio is smaller than a huge page. */
export const isMiddle = ({ order }: FolioPiece): boolean => 1 << order < HPAGE;
