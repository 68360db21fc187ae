/** Programs that are unlike a kernel: one with the signs of HTML in its words, and a model without routines. */
import { at, holds, int, scenario, struct, type Routine, type World } from "thpcheck";

const structs = { s: struct({ v: int(0, 3, "a </script><!-- meaning") }) };
type K = World<typeof structs>;

function* odd(k: K): Routine {
  yield at("</script><script>alert(1)</script>");
  k.s.v.set(2);
}

export const signs = scenario({
  name: "odd", why: "</script>", tier: "quick", structs, threads: [{ name: "<b>", run: odd }], expect: holds(),
});

const counts = (name: string): { name: string; step: (k: K) => string | null; atRest: (k: K) => boolean } => ({
  name,
  step: (k) => {
    if (k.s.v.get() === 3) return null;
    k.s.v.set(k.s.v.get() + 1);
    return "count";
  },
  atRest: (k) => k.s.v.get() === 3,
});

export const model = scenario({
  name: "counting", why: "a model without routines", tier: "quick", model: { structs, actors: [counts("a"), counts("b")] }, expect: holds(),
});
