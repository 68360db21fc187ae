/** The catalogue: every invariant whose subject exists. */
import type { Invariant } from "../invariant.ts";
import { counterInvariants } from "./counters.ts";
import { mapcountInvariants } from "./mapcount.ts";
import { pageInvariants } from "./page.ts";
import { pageTableInvariants } from "./page-table.ts";
import { tlbInvariants } from "./tlb.ts";
import { vmaInvariants } from "./vma.ts";

export const INVARIANTS: readonly Invariant[] = [...mapcountInvariants, ...pageTableInvariants, ...pageInvariants, ...vmaInvariants, ...tlbInvariants, ...counterInvariants];
