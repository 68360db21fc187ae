/**
 * The operations of `image/lock-runtime.ts` as functions of an emitted program, to be lowered with it. Whatever is a fault there
 * traps here: the JavaScript program takes the step once more, and words it. The tables of the locks are arrays of memory 0.
 */
import * as t from "@babel/types";
import type { LayoutPlan } from "../program/layout.ts";

const KINDS = ["spinlock", "mutex", "rwsem"] as const;
const WORDS: Readonly<Record<string, number>> = { shared: 0, exclusive: 1, spinlock: 0, mutex: 1, rwsem: 2 };
/** Which arguments of an operation decide what it does: the others are for messages. */
const DECIDING: Readonly<Record<string, readonly number[]>> = {
  canTake: [0, 1], isQueued: [0], arrive: [0, 1], take: [0, 1, 2, 4], atExit: [0], spinTrylock: [0, 1], spinUnlock: [0, 1],
  mutexTrylock: [0, 1], mutexUnlock: [0, 1], downReadTrylock: [0, 1], upRead: [0, 1], downWriteTrylock: [0, 1], upWrite: [0, 1],
  downgradeWrite: [0, 1],
};

/** The tables: where each lock begins, its kind, whether its writers queue; and where the spinlocks begin. */
export function lockTables({ locks }: LayoutPlan): Readonly<Record<string, Int32Array>> {
  return {
    lockAt: Int32Array.from(locks, (l) => l.offset), lockKind: Int32Array.from(locks, (l) => KINDS.indexOf(l.kind)),
    lockQueued: Int32Array.from(locks, (l) => (l.queued ? 1 : 0)),
    spinAt: Int32Array.from(locks.filter((l) => l.kind === "spinlock"), (l) => l.offset),
  };
}

/** Within `node`, calls of the lock runtime become calls of these functions. */
export function nameLockCalls(node: t.Node): void {
  t.traverseFast(node, (n) => {
    if (!t.isCallExpression(n) || !t.isMemberExpression(n.callee) || !t.isIdentifier(n.callee.object, { name: "$lk" })) return;
    const { name } = n.callee.property as t.Identifier;
    const deciding = DECIDING[name];
    if (deciding === undefined) return;
    n.callee = t.identifier(`$lk_${name}`);
    n.arguments = deciding.map((i) => {
      const given = n.arguments[i]!;
      return t.isStringLiteral(given) ? t.numericLiteral(WORDS[given.value]!) : given;
    });
  });
}

/** The functions, `$isHeld` and `$isHeldP` among them. */
export function lockText({ locks, maskBytes }: LayoutPlan): string {
  const bytes = Array.from({ length: maskBytes }, (_, b) => b);
  const mask = bytes.map((b) => `$B[p + ${b}] << ${8 * b}`).join(" | ");
  const setMask = bytes.map((b) => `$B[p + ${b}] = m >>> ${8 * b};`).join(" ");
  const spins = locks.filter((l) => l.kind === "spinlock").length;
  const tries = (name: string, kind: number): string => `function $lk_${name}(id, me) { return $lk_tryExclusive(id, ${kind}, me); }`;
  const releases = (name: string, kind: number): string => `function $lk_${name}(id, me) { return $lk_release(id, ${kind}, me); }`;
  return `${held("$isHeld", "$B", bytes)}
${held("$isHeldP", "$PB", bytes)}
function $lk_at(id) {
  if (id < 0 || id >= ${locks.length}) $fault();
  return $lockAt[id];
}
function $lk_mask(p) { return ${mask}; }
function $lk_setMask(p, m) { ${setMask} return 0; }
function $lk_readers(id) { return $lockKind[id] === 2 ? $lk_mask($lk_at(id) + 1) : 0; }
function $lk_waiters(id) { return $lockKind[id] === 2 ? $lk_mask($lk_at(id) + ${1 + maskBytes}) : 0; }
function $lk_setReaders(id, m) { return $lk_setMask($lk_at(id) + 1, m); }
function $lk_setWaiters(id, m) { return $lk_setMask($lk_at(id) + ${1 + maskBytes}, m); }
function $lk_holds(id, me) { return $B[$lk_at(id)] === me + 1 || (($lk_readers(id) >> me) & 1) !== 0; }
function $lk_canTake(id, exclusive) {
  if ($B[$lk_at(id)] !== 0) return false;
  if (exclusive === 1) return $lk_readers(id) === 0;
  return $lockQueued[id] === 0 || $lk_waiters(id) === 0;
}
function $lk_isQueued(id) { return $lk_at(id) >= 0 && $lockQueued[id] === 1; }
function $lk_checkKind(id, kind) {
  $lk_at(id);
  if ($lockKind[id] !== kind) $fault();
  return 0;
}
function $lk_checkTake(id, me) {
  if ($lk_holds(id, me)) $fault();
  if ($lockKind[id] === 0) return 0;
  for (let n = 0; n < ${spins}; n++) if ($B[$spinAt[n]] === me + 1) $fault();
  return 0;
}
function $lk_atExit(me) {
  for (let id = 0; id < ${locks.length}; id++) if ($lk_holds(id, me)) $fault();
  return 0;
}
function $lk_tryExclusive(id, kind, me) {
  $lk_checkKind(id, kind);
  if (!$lk_canTake(id, 1)) return false;
  $B[$lk_at(id)] = me + 1;
  return true;
}
function $lk_release(id, kind, me) {
  $lk_checkKind(id, kind);
  if ($B[$lk_at(id)] !== me + 1) $fault();
  $B[$lk_at(id)] = 0;
  return 0;
}
${[tries("spinTrylock", 0), tries("mutexTrylock", 1), tries("downWriteTrylock", 2)].join("\n")}
${[releases("spinUnlock", 0), releases("mutexUnlock", 1), releases("upWrite", 2)].join("\n")}
${SHARED}`;
}

/** Operations in which readers take part, and the wait for a lock. */
const SHARED = `
function $lk_arrive(id, me) {
  $lk_checkKind(id, 2);
  $lk_checkTake(id, me);
  if ($lk_canTake(id, 1) && $lk_waiters(id) === 0) { $B[$lk_at(id)] = me + 1; return true; }
  $lk_setWaiters(id, $lk_waiters(id) | (1 << me));
  return false;
}
function $lk_downReadTrylock(id, me) {
  $lk_checkKind(id, 2);
  if (!$lk_canTake(id, 0)) return false;
  $lk_setReaders(id, $lk_readers(id) | (1 << me));
  return true;
}
function $lk_upRead(id, me) {
  $lk_checkKind(id, 2);
  if ((($lk_readers(id) >> me) & 1) === 0) $fault();
  return $lk_setReaders(id, $lk_readers(id) & ~(1 << me));
}
function $lk_downgradeWrite(id, me) {
  $lk_release(id, 2, me);
  return $lk_setReaders(id, $lk_readers(id) | (1 << me));
}
function $lk_take(id, exclusive, kind, me) {
  $lk_checkKind(id, kind);
  $lk_checkTake(id, me);
  if (exclusive === 0) return $lk_setReaders(id, $lk_readers(id) | (1 << me));
  if ($lockQueued[id] === 1) $lk_setWaiters(id, $lk_waiters(id) & ~(1 << me));
  $B[$lk_at(id)] = me + 1;
  return 0;
}`;

/** Whether anyone holds a lock in the state that `view` is a view of. */
const held = (name: string, view: string, bytes: readonly number[]): string => `function ${name}(id) {
  const p = $lk_at(id);
  if (${view}[p] !== 0) return true;
  if ($lockKind[id] === 2) { ${bytes.map((b) => `if (${view}[p + ${b + 1}] !== 0) return true;`).join(" ")} }
  return false;
}`;
