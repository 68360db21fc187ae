/** Each operator on a small function: exactly these changes, and none where there should be none. */
import { describe, expect, it } from "vitest";
import { mutantsOfModule } from "./generate.ts";
import type { OperatorName } from "./mutant.ts";
import { readModule } from "./program.ts";

const IMPORT = 'import { at, emit, spinLock, spinUnlock } from "thpcheck";\n';

/** What the operator makes of a routine with this body, in words. */
function changes(operator: OperatorName, body: string, head = "function* f(k: K, mm: Mm): Routine"): string[] {
  const module = readModule("impl/f.ts", `${IMPORT}${head} {\n${body.split("\n").map((l) => `  ${l.trim()}`).join("\n")}\n}\n`);
  return mutantsOfModule(module).filter((m) => m.operator === operator).map((m) => m.summary);
}
/** The body after each change. */
function bodies(operator: OperatorName, body: string, head?: string): string[] {
  const module = readModule("impl/f.ts", `${IMPORT}${head ?? "function* f(k: K, mm: Mm): Routine"} {\n${body}\n}\n`);
  return mutantsOfModule(module).filter((m) => m.operator === operator).map((m) => m.mutated.split("\n").slice(2, -2).join("\n"));
}

describe("drop-lock-pair", () => {
  it("drops the acquisition and every release of it, and leaves a preemption point", () => {
    expect(bodies("drop-lock-pair", "yield* spinLock(k, a);\nif (x) {\nspinUnlock(k, a);\nreturn;\n}\nspinUnlock(k, b);\nspinUnlock(k, a);"))
      .toEqual(['yield at("spinLock: dropped");\nif (x) {\nreturn;\n}\nspinUnlock(k, b);']);
  });
  it("pairs a release with the acquisition before it", () => {
    expect(changes("drop-lock-pair", "yield* spinLock(k, a);\nspinUnlock(k, a);\nyield* spinLock(k, a);\nx();\nspinUnlock(k, a);")).toHaveLength(2);
    expect(bodies("drop-lock-pair", "yield* spinLock(k, a);\nspinUnlock(k, a);\nyield* spinLock(k, a);\nx();\nspinUnlock(k, a);")[0])
      .toBe('yield at("spinLock: dropped");\nyield* spinLock(k, a);\nx();\nspinUnlock(k, a);');
  });
  it("leaves alone what another routine releases", () => {
    expect(changes("drop-lock-pair", "yield* spinLock(k, a);\nspinUnlock(k, b);")).toEqual([]);
  });
  it("keeps the statement of a branch without braces", () => {
    expect(bodies("drop-lock-pair", "if (c) rcuReadLock(k);\nx();\nif (c) rcuReadUnlock(k);")).toEqual(["if (c) {}\nx();\nif (c) {}"]);
  });
  it("drops vma_start_write(), which is released with mmap_lock", () => {
    expect(changes("drop-lock-pair", "yield* vmaStartWrite(k, vma);")).toEqual(['- yield* vmaStartWrite(k, vma);  + yield at("vmaStartWrite: dropped");']);
  });
});

describe("drop-recheck and drop-refusal", () => {
  const body = "if (a) return 1;\nyield* spinLock(k, l);\nif (b) {\nspinUnlock(k, l);\nreturn 2;\n}\nspinUnlock(k, l);";
  it("tells what is looked at again under a lock from what is looked at before", () => {
    expect(changes("drop-refusal", body)).toEqual(["- if (a) return 1;"]);
    expect(changes("drop-recheck", body)).toEqual(["- if (b) { spinUnlock(k, l); return 2; }"]);
  });
  it("needs an exit and no else, and spares what the environment chooses", () => {
    expect(changes("drop-refusal", 'if (a) x();\nif (a) return;\nelse x();\nif (choose(k, "alloc fails", 2) === 1) return;')).toEqual([]);
  });
});

describe("drop-flush", () => {
  it("drops flushes, on this CPU and on others", () => {
    expect(changes("drop-flush", "tlbRemoveTlbEntry(k, a, b);\nif (c) yield* flushTlbRange(k, mm, a, b);"))
      .toEqual(["- tlbRemoveTlbEntry(k, a, b);", '- if (c) yield* flushTlbRange(k, mm, a, b);  + if (c) yield at("flushTlbRange: dropped");']);
  });
});

describe("move-across-lock", () => {
  it("moves the last statement behind the release, with its announcements, and the first before the acquisition", () => {
    expect(bodies("move-across-lock", "yield* spinLock(k, l);\na(k);\nb(k);\nemit(k, 1);\nspinUnlock(k, l);")).toEqual([
      'yield at("moved before the acquisition"); a(k); yield* spinLock(k, l);\nb(k);\nemit(k, 1);\nspinUnlock(k, l);',
      'yield* spinLock(k, l);\na(k);\nspinUnlock(k, l); yield at("moved behind the release"); b(k);\nemit(k, 1);',
    ]);
  });
  it("has no preemption point to offer in a function that is none", () => {
    expect(bodies("move-across-lock", "rcuReadLock(k);\na(k);\nb(k);\nrcuReadUnlock(k);", "function f(k: K): void")[0]).toBe("a(k); rcuReadLock(k);\nb(k);\nrcuReadUnlock(k);");
  });
  it("moves no exits, no other lock operations, nothing that the release needs, no assertion", () => {
    expect(changes("move-across-lock", "x();\nif (a) return;\nspinUnlock(k, l);")).toEqual([]);
    expect(changes("move-across-lock", "spinUnlock(k, a);\nspinUnlock(k, l);")).toEqual([]);
    expect(changes("move-across-lock", "const l = x(k);\nspinUnlock(k, l);")).toEqual([]);
    expect(changes("move-across-lock", 'yield* spinLock(k, l);\nvmBugOn(a, "room: fact");')).toEqual([]);
  });
});

describe("off-by-one", () => {
  it("widens and narrows each comparison, and takes 1 away where it is added", () => {
    expect(bodies("off-by-one", "while (i < n << 1) x(end - 1);")).toEqual(["while (i <= (n << 1)) x(end - 1);", "while (i < (n << 1) - 1) x(end - 1);", "while (i < n << 1) x(end);"]);
    expect(bodies("off-by-one", "x(a >= b);")).toEqual(["x(a > b);", "x(a >= b - 1);"]);
  });
  it("leaves equality, assertions and statistics alone", () => {
    expect(changes("off-by-one", 'x(a === b);\nvmBugOn(a < b, "room: fact");\nk.vmstat.pgfault.add(a - 1);\nif (a < b) emit(k, 1);')).toEqual([]);
  });
});

describe("what is not done", () => {
  const body = "k.mm.nrPtes.add(mm, 1);\nk.vmstat.thp.add(1);\nn++;\nk.page.dirty.set(p, true);\nk.page.owner.set(p, 0);\nfolioGet(k, f);\nyield* folioPut(k, f);\nemit(k, 1);\nyield* other(k);";
  it.each([
    ["skip-counter", ["- k.mm.nrPtes.add(mm, 1);", "- n++;"]],
    ["skip-store", ["- k.page.dirty.set(p, true);"]],
    ["drop-reference", ["- folioGet(k, f);", '- yield* folioPut(k, f);  + yield at("folioPut: dropped");']],
    ["skip-call", ['- yield* other(k);  + yield at("other: dropped");']],
  ] as const)("%s", (operator, expected) => {
    expect(changes(operator, body)).toEqual(expected);
  });
  it("counts on where a loop would never end", () => {
    expect(changes("skip-counter", "while (i < n) {\ni++;\nm++;\n}")).toEqual(["- m++;"]);
  });
  it("spares what only the patch of 2018 does", () => {
    expect(changes("skip-call", "if (isRfc2018(k)) a(k);\nelse b(k);")).toEqual(["- else b(k);  + else {}"]);
  });
  it("imports the preemption point where the module has none", () => {
    const [m] = mutantsOfModule(readModule("impl/f.ts", 'import { emit } from "thpcheck";\nfunction* f(k: K): Routine {\n  yield* other(k);\n}\n'));
    expect(m!.mutated.split("\n")[0]).toBe('import { at, emit } from "thpcheck";');
    expect(m!.summary).toBe('- yield* other(k);  + yield at("other: dropped");');
  });
});

describe("drop-condition", () => {
  it("keeps one side, and what binds it", () => {
    expect(bodies("drop-condition", "x(a && (b || c));")).toEqual(["x(a);", "x((b || c));", "x(a && (b));", "x(a && (c));"]);
  });
});

describe("swap-steps", () => {
  it("lets two calls change places, with their announcements, where one can be preempted", () => {
    expect(changes("swap-steps", "yield* a(k);\nb(k);\nc(k);")).toEqual(["yield* a(k);  <->  b(k);"]);
    expect(bodies("swap-steps", "yield* a(k);\nemit(k, 1);\nyield at(\"b\");\nb(k);")).toEqual(['b(k);\nyield at("b");\nyield* a(k);\nemit(k, 1);']);
  });
});

describe("an id", () => {
  const ids = (text: string): string[] => mutantsOfModule(readModule("impl/f.ts", text)).map((m) => m.id);
  const routine = "function* f(k: K): Routine {\n  yield* a(k);\n  if (x < y) return;\n  yield* a(k);\n}\n";
  it("stays when lines move, other functions come, or spaces change", () => {
    const before = ids(routine);
    expect(new Set(before).size).toBe(before.length);
    expect(ids(`// a line\n\n${routine}`)).toEqual(before);
    expect(ids(`function g(k: K): void {\n  b(k);\n}\n${routine}`)).toEqual(expect.arrayContaining(before));
    expect(ids(routine.replace("if (x < y) return;", "if (x < y)\n    return;"))).toHaveLength(before.length);
  });
  it("is another where the text is another", () => {
    expect(ids(routine.replace("x < y", "x < z")).filter((id) => ids(routine).includes(id))).toHaveLength(2);
  });
});
