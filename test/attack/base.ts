/** The whole inputs that the malformed ones are made from. */

export const IMPORTS = `import {
  array, at, bitset, bool, bugOn, choose, current, emit, holds, int, mutex, mutexLock, mutexUnlock, NONE, queue, record,
  ref, rwsem, scenario,
  spinLock, spinTrylock, spinUnlock, spinlock, struct, table, violated } from "thpcheck";
import type { Int, Ref, Routine, U8, UpTo, World } from "thpcheck";
`;

/** Two increments without a lock: what is promised does not hold, in 4 steps. */
export const STRUCTS = 'const structs = { counter: struct({ value: int(0, 9, "the count"), lock: spinlock("a lock") }) };';
export const ROUTINE = `type K = World<typeof structs>;
function* increment(k: K): Routine {
  yield at("read");
  const seen: U8 = k.counter.value.get();
  yield at("write");
  k.counter.value.set(seen + 1);
}
`;

export const MEMBERS: Readonly<Record<string, string>> = {
  name: '"racy"', why: '"a test"', tier: '"quick"', structs: "structs",
  threads: '[{ name: "a", run: increment }, { name: "b", run: increment }]',
  finally: '{ "both count": (k: K) => k.counter.value.get() === 2 }', expect: "holds()",
};

/** A module with these members of its one scenario; a member that is null is left out. */
export function moduleWith(members: Readonly<Record<string, string | null>> = {}, before = ""): string {
  const all = { ...MEMBERS, ...members };
  const list = Object.entries(all).flatMap(([name, text]) => (text === null ? [] : [`  ${JSON.stringify(name)}: ${text},`]));
  return `${IMPORTS}${STRUCTS}\n${ROUTINE}${before}\nexport default scenario({\n${list.join("\n")}\n} as any);\n`;
}

/** The routine's body in place of its own; line 9 of the module. */
export const moduleWithBody = (body: string, members: Readonly<Record<string, string | null>> = {}, before = ""): string =>
  moduleWith({ threads: '[{ name: "a", run: body }]', finally: null, ...members },
    `${before}\nfunction* body(k: K): Routine {\n${body}\n}`);
