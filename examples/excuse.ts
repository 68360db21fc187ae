/**
 * An excuse: the promise allows the states in which it is true, and names it, so that a result can say in how many states the
 * promise was in force (`check --invariants`).
 */
import { at, bool, holds, int, scenario, struct, type Routine, type World } from "thpcheck";

const structs = { shop: struct({ stock: int(0, 9, "on the shelf"), book: int(0, 9, "in the book"), open: bool("customers may look") }) };
type K = World<typeof structs>;

function* deliver(k: K): Routine {
  yield at("put on the shelf");
  k.shop.stock.set(5);
  yield at("write into the book");
  k.shop.book.set(5);
  yield at("open");
  k.shop.open.set(true);
}

const isClosed = (k: K): boolean => !k.shop.open.get();
const bookIsRight = Object.assign((k: K) => isClosed(k) || k.shop.stock.get() === k.shop.book.get(), { excuse: isClosed });

export default scenario({
  name: "example-excuse", why: "the book must be right while the shop is open", tier: "quick", structs,
  threads: [{ name: "keeper", run: deliver }],
  always: { "the book is right": bookIsRight },
  expect: holds({ states: 4 }),
});
