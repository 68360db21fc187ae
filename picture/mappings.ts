/** What maps each page: the entries of all page tables, as the hardware and the kernel follow them. */
import type { Kernel } from "../impl/mm-types.ts";
import { entryHas, entryTarget, pmdMigration, pmdTable, pmdTransHuge, pteMigration, ptePresent, SPECIAL } from "../impl/pgtable.ts";
import { upTo } from "./figure.ts";

/** An entry that names a page. */
export interface Mapping {
  readonly pfn: number;
  /** `mm 0, page 3`, `mm 0, range 1`. */
  readonly by: string;
  /** The entry is a PMD. */
  readonly huge: boolean;
  /** It is a migration entry: it stands for the page and does not map it. */
  readonly migration: boolean;
}

export function mappingsOf(k: Kernel): Mapping[] {
  return upTo(k.mm.count).flatMap((mm) => upTo(k.param.hugeRanges.get()).flatMap((range) => ofRange(k, mm, range)));
}

function ofRange(k: Kernel, mm: number, range: number): Mapping[] {
  const pmd = k.mm.pmd.get(mm, range);
  const pages = k.param.hpagePmdNr.get();
  if (pmdTable(pmd)) return upTo(pages).flatMap((n) => ofPte(k, mm, range * pages + n, k.ptTable.pte.get(entryTarget(pmd), n)));
  if (!pmdTransHuge(pmd) && !pmdMigration(pmd)) return [];
  const mapping = { by: `mm ${mm}, range ${range}`, huge: true, migration: pmdMigration(pmd) };
  return upTo(pages).map((n) => ({ ...mapping, pfn: entryTarget(pmd) + n }));
}

/** The zero page is none of the frames. */
function ofPte(k: Kernel, mm: number, vpn: number, pte: number): Mapping[] {
  const isPage = !entryHas(pte, SPECIAL) && entryTarget(pte) < k.page.count;
  if (!isPage || !(ptePresent(pte) || pteMigration(pte))) return [];
  return [{ pfn: entryTarget(pte), by: `mm ${mm}, page ${vpn}`, huge: false, migration: pteMigration(pte) }];
}
