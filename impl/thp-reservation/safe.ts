/**
 * Reservations, the safe design: how they are made, handed out and given back.
 *
 * - Block and object are allocated before any lock is taken. Under the lock it is checked again whether they are
 *   needed.
 * - A page is handed out under the lock, together with the reservation's reference. It is marked used, and the
 *   counter follows in the same step. A fault that fails gives it back the same way. So nobody else can get the page
 *   while it is cleared, which happens without the lock.
 * - A reservation that is released gives back its unused pages. Used ones are ordinary pages with the reference of
 *   their mapping, and stay as they are.
 * - Nothing but its lock keeps a reservation: the shrinker takes no reference to an address space.
 * - A reservation and a huge PMD exclude each other. Both are made under the PMD lock, and each checks for the other.
 *
 * The object of a reservation is used only under the container's lock, or by the thread that has taken it out of the
 * hash.
 */
import { NONE, at, choose, current, emit, spinLock, spinUnlock, type Routine } from "thpcheck";
import { EV } from "../../spec/events.ts";
import { thpVmaAllowableOrder, thpVmaSuitableOrder, TVA_PAGEFAULT } from "../huge-memory/eligibility.ts";
import type { Kernel } from "../mm-types.ts";
import type { Container, Mm, Pfn, PteIndex, Reservation, Vma, Vpn } from "../structs/types.ts";
import { allocPages } from "../page-alloc.ts";
import { pagesDisown } from "../page-ref.ts";
import { hpageAddress, pmdIndex, pmdNone, pmdTable, pteIndex } from "../pgtable.ts";
import { pmdLockptr, pmdpGet } from "../pgtable-generic.ts";
import { folioPut } from "../swap.ts";
import { safeShrink } from "./safe-shrinker.ts";
import { containerOf, findReservation, insertReservation, lruAdd, lruDel } from "./container.ts";

/**
 * Reserves a block for the huge range around `vpn`, unless there is one, the range does not fit the VMA, or there is no
 * memory.
 * @model part of the safe mechanism: the patch of 2018 has khugepaged_reserve()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* safeReserve(k: Kernel, vma: Vma, vpn: Vpn): Routine {
  if (!thpVmaSuitableOrder(k, vma, vpn)) return;
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const there: boolean = findReservation(k, container, vpn) !== NONE;
  spinUnlock(k, k.resvs.lock.at(container));
  if (there) return;
  let block: Pfn = yield* allocPages(k, k.param.hpagePmdOrder.get(), true);
  if (block === NONE && k.param.directReclaim.get() !== 0) {
    yield* safeShrink(k);
    block = yield* allocPages(k, k.param.hpagePmdOrder.get(), true);
  }
  if (block === NONE) {
    k.vmstat.thpResAllocFailed.add(1);
    return;
  }
  // The object comes from a slab. Whether its allocation fails is invisible to other threads.
  if (k.param.allocationMayFail.get() !== 0 && choose(k, "kmem_cache_alloc fails", 2) === 1) {
    k.vmstat.thpResAllocFailed.add(1);
    yield* putBlock(k, block);
    return;
  }
  const inserted: boolean = yield* insert(k, vma, container, hpageAddress(k, vpn), block);
  if (!inserted) yield* putBlock(k, block);
}

/** False: somebody else was faster, or a huge page is there by now. */
function* insert(k: Kernel, vma: Vma, container: Container, haddr: Vpn, block: Pfn): Routine<boolean> {
  const mm: Mm = k.vma.mm.get(vma);
  yield* spinLock(k, pmdLockptr(k, mm));
  yield* spinLock(k, k.resvs.lock.at(container));
  const pmd = pmdpGet(k, mm, haddr);
  const wanted: boolean = (pmdNone(pmd) || pmdTable(pmd)) && findReservation(k, container, haddr) === NONE;
  if (wanted) {
    yield* spinLock(k, k.resvLru.lock.at());
    insertReservation(k, container, mm, vma, haddr, block);
    spinUnlock(k, k.resvLru.lock.at());
  }
  spinUnlock(k, k.resvs.lock.at(container));
  spinUnlock(k, pmdLockptr(k, mm));
  return wanted;
}

/** Single pages with one reference each. */
function* putBlock(k: Kernel, block: Pfn): Routine {
  for (let i: PteIndex = 0; i < k.param.hpagePmdNr.get(); i++) yield* folioPut(k, block + i);
}

/**
 * The page that is reserved for `vpn`, with the reservation's reference to it. Its content is undefined. NONE: there
 * is none, or it is in use.
 * @model part of the safe mechanism: the patch of 2018 has khugepaged_get_reserved_page()
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* safeTake(k: Kernel, vma: Vma, vpn: Vpn): Routine<Pfn> {
  const container: Container = containerOf(k, vma);
  yield at("transparent_hugepage_enabled");
  const enabled: boolean = thpVmaAllowableOrder(k, vma, TVA_PAGEFAULT);
  if (!enabled) return NONE;
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  let page: Pfn = NONE;
  if (res !== NONE && !k.resv.used.get(res, pteIndex(k, vpn))) {
    const last: boolean = k.resv.unused.get(res) === 1 && k.param.resvFullStaysOnLru.get() === 0;
    if (last) {
      yield* spinLock(k, k.resvLru.lock.at());
      lruDel(k, res);
      spinUnlock(k, k.resvLru.lock.at());
      yield at("dec_node_page_state(NR_THP_RESERVED)");
    }
    page = k.resv.page.get(res) + pteIndex(k, vpn);
    k.resv.used.set(res, pteIndex(k, vpn), true);
    k.resv.unused.add(res, -1);
    k.node.thpReserved.add(-1);
    k.page.owner.set(page, current(k));
    emit(k, EV.RESV_TAKE, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
  }
  spinUnlock(k, k.resvs.lock.at(container));
  return page;
}

/**
 * Undoes safeTake for a fault that failed. If the reservation is gone meanwhile, the page is an ordinary one.
 * @model part of the safe mechanism: the patch of 2018 has no way back
 * @holds the VMA lock or mmap_lock, for reading
 */
export function* safeGiveBack(k: Kernel, vma: Vma, vpn: Vpn, page: Pfn): Routine {
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const res: Reservation = findReservation(k, container, vpn);
  if (res === NONE || k.resv.page.get(res) + pteIndex(k, vpn) !== page) {
    spinUnlock(k, k.resvs.lock.at(container));
    yield* folioPut(k, page);
    return;
  }
  // Nobody may rely on the content of an unused page.
  k.page.content.set(page, k.param.contents.get());
  k.page.uptodate.set(page, false);
  if (k.resv.unused.get(res) === 0 && k.param.resvFullStaysOnLru.get() === 0) {
    yield* spinLock(k, k.resvLru.lock.at());
    lruAdd(k, res);
    spinUnlock(k, k.resvLru.lock.at());
    yield at("inc_node_page_state(NR_THP_RESERVED)");
  }
  k.resv.used.set(res, pteIndex(k, vpn), false);
  k.resv.unused.add(res, 1);
  k.node.thpReserved.add(1);
  pagesDisown(k, page, 0);
  emit(k, EV.RESV_RETURN, k.vma.mm.get(vma), pmdIndex(k, vpn), pteIndex(k, vpn), page);
  spinUnlock(k, k.resvs.lock.at(container));
}

/**
 * Whether a reservation keeps a fault from installing a huge page at `haddr`.
 * @model part of the safe mechanism: the patch of 2018 installs no huge pages where it reserves
 * @holds the PMD lock
 */
export function* safeBlocksHugePmd(k: Kernel, vma: Vma, haddr: Vpn): Routine<boolean> {
  const container: Container = containerOf(k, vma);
  yield* spinLock(k, k.resvs.lock.at(container));
  const blocks: boolean = findReservation(k, container, haddr) !== NONE;
  spinUnlock(k, k.resvs.lock.at(container));
  return blocks;
}
