/** What a swap entry stands for: of the specification, for user-memory.ts and for what must be true at rest. */
import { NONE } from "thpcheck";
import type { Kernel } from "../mm-types.ts";
import type { Content, SwapSlot } from "../structs/types.ts";

/**
 * The content of a slot: memory has it, in the swap cache; or else the device, where zeroes are not stored.
 * @model asked in assertions
 */
export function swapContent(k: Kernel, entry: SwapSlot): Content {
  const folio = k.swapDevice.folio.once(0, entry);
  // As long as it is not read, the folio of a fault says nothing. One that is just being added to the cache does not name its slots.
  const first = folio === NONE ? NONE : k.page.swap.once(folio);
  if (first !== NONE && k.page.uptodate.get(folio)) return k.page.content.get(folio + entry - first);
  return k.swapDevice.zero.once(0, entry) ? 0 : k.swapSlot.content.get(entry);
}
