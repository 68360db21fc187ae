/**
 * The kernel's objects: include/linux/mm_types.h, and what else is memory. This file composes them, in the order of the
 * state vector; `structs/` has one file for each object, with its fields and flags.
 *
 * Every field says what protects it, its guard:
 * - `"lock"`: a lock of the same object. `"struct.lock"`: the lock of a singleton. `"field->lock"`: the lock of the object
 *   that the reference `field` points to.
 * - `"atomic"`: each access is one indivisible operation, as of an atomic_t or a flag bit. Where the kernel reads
 *   without the lock it says so with READ_ONCE: `.once()` here.
 * - `"atomic(mapping)"`: the fields of a folio that a mapping changes. The reference-count scheme changes them in one step.
 * - `"cpu"`: the CPU's own caches, batches and mmu_gather. Access to those of another CPU is marked; it stands for an
 *   interrupt there, or for work queued there.
 * - `"lifetime"`: constant while there is a reference to the object.
 * - `"model"`: bookkeeping for which the kernel has no memory.
 *
 * The ghost field `owner` names the thread that has the object to itself. That thread needs no lock for it. The field is
 * written right after the operation that takes the object out of the reach of all others, or puts it back. Only the
 * sanitizers read it.
 */
import type { World } from "thpcheck";
import type { KernelConfig } from "./config/options.ts";
import { knobStruct, paramStruct } from "./config/param.ts";
import { anonVma, avc } from "./structs/anon-vma.ts";
import { mthpStat, tracepoint, vmstat } from "./structs/counters.ts";
import { cpu } from "./structs/cpu.ts";
import { collapse, detachedPtes, lost, user, userCall, userSince } from "./structs/ghosts.ts";
import { lruList, lruSize, splitBatch, splitList } from "./structs/list.ts";
import { mm } from "./structs/mm.ts";
import { page } from "./structs/page.ts";
import { folioWait, pageWaiters } from "./structs/page-flags.ts";
import { ptTable, rcu } from "./structs/page-table.ts";
import { resv, resvLru, resvs } from "./structs/reservation.ts";
import {
  anonOrders, deferredSplit, hugeZero, hugeZeroWords, khugepaged, mmSlot, mthpScan, scanBitmap, thpSize, window,
} from "./structs/thp.ts";
import { isolated, swapBio, swapDevice, swapSlot, tlbFlushBatched, tlbUbc } from "./structs/swap.ts";
import { vma } from "./structs/vma.ts";
import { lruvec, node, zone } from "./structs/zone.ts";

/** Every object of the kernel, for these bounds. @kernel include/linux/mm_types.h */
export function kernelStructs(c: KernelConfig) {
  return {
    param: paramStruct(c),
    knob: knobStruct(c),

    page: page(c), pageWaiters: pageWaiters(c), folioWait: folioWait(c),
    zone: zone(c), lruvec: lruvec(c), lruList: lruList(c), lruSize: lruSize(c), node: node(c),
    cpu: cpu(c),
    mm: mm(c), vma: vma(c), anonVma: anonVma(c), avc: avc(c), ptTable: ptTable(c), rcu: rcu(c),
    hugeZero: hugeZero(), hugeZeroWords: hugeZeroWords(c), anonOrders: anonOrders(c), thpSize: thpSize(c),
    deferredSplit: deferredSplit(c), splitList: splitList(c), splitBatch: splitBatch(c), khugepaged: khugepaged(c), mmSlot: mmSlot(c),
    resvs: resvs(c), resv: resv(c), resvLru: resvLru(c),
    swapDevice: swapDevice(c), swapSlot: swapSlot(c), swapBio: swapBio(c), isolated: isolated(c),
    tlbUbc: tlbUbc(c), tlbFlushBatched: tlbFlushBatched(c),
    mthpScan: mthpScan(c), scanBitmap: scanBitmap(c), window: window(c), detachedPtes: detachedPtes(c),
    collapse: collapse(c), user: user(c), userCall: userCall(c), userSince: userSince(c), lost: lost(c),
    tracepoint: tracepoint(), vmstat: vmstat(), mthpStat: mthpStat(),
  };
}

export type KernelStructs = ReturnType<typeof kernelStructs>;
/** `struct.field` */
export type FieldPath = { [S in keyof KernelStructs]: `${S}.${keyof KernelStructs[S]["fields"] & string}` }[keyof KernelStructs];
/** The world of a kernel. */
export type Kernel = World<KernelStructs>;
