/**
 * What is promised of references that get_user_pages() hands out: who takes one may do so, and who has a page pinned keeps
 * it. Of the specification: no kernel routine decides anything by it.
 *
 * - A reference is judged in the step that takes it for good, by the flags of the area: to write takes VM_WRITE, to read
 *   VM_READ. FOLL_FORCE may read everything, and may write where the area forbids it, but only to a page that nobody else
 *   maps; not in shared areas. Without a lock the entry is what counts (gupFast()): while somebody holds mmap_lock, the area
 *   may be ahead of it, and nothing is judged.
 * - A pin, FOLL_PIN, is noted until it is given back. X8 of spec/invariants/exclusivity.ts looks at those that are held.
 *
 * FOLL_GET without FOLL_PIN is not noted: it keeps the frame, and promises nothing of the content (X9 of the catalogue).
 */
import { current, NONE } from "thpcheck";
import { vmBugOn } from "./bug.ts";
import type { Kernel } from "./mm-types.ts";
import { pageFolio } from "./page-flags.ts";
import { entireMapcountOf } from "./refcount/scheme.ts";
import type { Mm, Pfn, Vpn } from "./structs/types.ts";
import { VM_READ, VM_SHARED, VM_WRITE } from "./structs/vma.ts";

const MAY_NOT_WRITE = "permission: get_user_pages() lets its caller write to a page whose area does not permit it";
const MAY_NOT_READ = "permission: get_user_pages() lets its caller read a page whose area does not permit it";

/**
 * The entry that was read again after the reference was taken is the one that the reference was taken by. All of it is an
 * assertion, so that its reads are not accesses of the calling routine.
 * @holds interrupts off
 * @model judges: see above
 */
export function judgeFastReference(k: Kernel, mm: Mm, vpn: Vpn, writes: boolean): void {
  vmBugOn(!k.mm.mmapLock.isHeld(mm) && !isPermitted(k, mm, vpn, NONE, writes, false), writes ? MAY_NOT_WRITE : MAY_NOT_READ);
}

/**
 * A reference to the page is taken at `vpn`.
 * @holds mmap_lock, the page-table lock
 * @model judges: see above
 */
export function judgeReference(k: Kernel, mm: Mm, vpn: Vpn, page: Pfn, writes: boolean, forced: boolean): void {
  vmBugOn(!isPermitted(k, mm, vpn, page, writes, forced), writes ? MAY_NOT_WRITE : MAY_NOT_READ);
}

function isPermitted(k: Kernel, mm: Mm, vpn: Vpn, page: number, writes: boolean, forced: boolean): boolean {
  const rights = rightsAt(k, mm, vpn);
  if (rights === NONE) return false;
  if ((rights & wanted(writes)) !== 0) return true;
  return forced && (rights & VM_SHARED) === 0 && (!writes || isPrivate(k, page));
}

/** A page that may be written may be read: x86 has no entry that would say otherwise. */
function wanted(writes: boolean): number {
  return writes ? VM_WRITE : VM_READ | VM_WRITE;
}

/** VM_* flags of the area at the address; NONE where there is no area. */
function rightsAt(k: Kernel, mm: Mm, vpn: Vpn): number {
  for (let vma = 0; vma < k.vma.count; vma++) {
    if (k.vma.mm.get(vma) === mm && k.vma.start.get(vma) <= vpn && vpn < k.vma.end.get(vma)) return k.vma.flags.get(vma);
  }
  return NONE;
}

/** Nobody else maps the page, and it is no zero page. */
function isPrivate(k: Kernel, page: Pfn): boolean {
  const folio = pageFolio(k, page);
  return k.page.anon.get(folio) && k.page.mapcount.get(page) + 1 + entireMapcountOf(k, folio) <= 1;
}

/** This CPU's thread has the page pinned from now on. @model notes what is held */
export function pinTaken(k: Kernel, page: Pfn): void {
  const cpu = current(k);
  let i = 0;
  while (i < k.param.pinsPerThread.get() && k.cpu.pinned.get(cpu, i) !== NONE) i++;
  const full = i === k.param.pinsPerThread.get();
  vmBugOn(full, "pins: a thread holds more pins than there is room for; raise pinsPerThread in kernelConfig()");
  k.cpu.pinned.set(cpu, i, page);
}

/** A pin of the page is given back, by the thread that took it or by another. @model notes what is held */
export function pinReleased(k: Kernel, page: Pfn): void {
  const mine = pinOf(k, current(k), page);
  if (mine !== NONE) {
    k.cpu.pinned.set(current(k), mine, NONE);
    return;
  }
  for (let cpu = 0; cpu < k.cpu.count; cpu++) {
    const i = pinOf(k, cpu, page);
    if (i === NONE) continue;
    k.cpu.pinned.set(cpu, i, NONE);
    return;
  }
  vmBugOn(true, `pins: page ${page} is unpinned, and nobody has it pinned`);
}

function pinOf(k: Kernel, cpu: number, page: Pfn): number {
  for (let i = 0; i < k.param.pinsPerThread.get(); i++) if (k.cpu.pinned.get(cpu, i) === page) return i;
  return NONE;
}
