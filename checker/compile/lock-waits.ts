/**
 * Waiting for a lock: `yield* spinLock(k, lock)` and its like become yield points of their own.
 *
 * Which lock it is is decided before the wait, as the native generator decides it. A lock named by locals and constants
 * is named the same way again when the thread is resumed; one chosen from state, which may change meanwhile, is kept in
 * a local of its own.
 */
import * as t from "@babel/types";
import { checkIntrinsicCall } from "./intrinsic-calls.ts";
import { INTRINSICS } from "./intrinsics.ts";
import { isLocalName } from "./locals.ts";
import { mapChildren, withPlace } from "./syntax.ts";
import type { Translator } from "./translate.ts";

export interface LockWait {
  readonly kind: "lock";
  readonly label: string;
  readonly mode: "exclusive" | "shared";
  readonly lockKind: "spinlock" | "mutex" | "rwsem";
  readonly lock: t.Expression;
  /** `struct.field`, or null when known only at run time. */
  readonly lockClass: string | null;
  /** The first of the two steps of a writer at a queued semaphore: it takes nothing yet. */
  readonly arriveOnly: boolean;
}

/** Rewrites the lock waits in `body`; `found` is told of each yield that stands for one. */
export function expandLockWaits(tr: Translator, body: t.BlockStatement, found: (y: t.YieldExpression, wait: LockWait) => void): void {
  const expand = (s: t.Statement): t.Statement[] => expandStatement(tr, s, found);
  const visit = (node: t.Node): t.Node => mapChildren(node, (child, _key, inList) => {
    visit(child);
    if (!t.isStatement(child)) return child;
    if (inList) return expand(child);
    const made = t.isBlockStatement(child) ? [child] : expand(child);
    return made.length === 1 ? made[0]! : t.blockStatement(made);
  });
  visit(body);
}

function expandStatement(tr: Translator, s: t.Statement, found: (y: t.YieldExpression, wait: LockWait) => void): t.Statement[] {
  if (!t.isExpressionStatement(s) || !t.isYieldExpression(s.expression) || !s.expression.delegate) return [s];
  const call = s.expression.argument;
  if (!t.isCallExpression(call) || !t.isIdentifier(call.callee)) return [s];
  const intrinsic = INTRINSICS.get(tr.fn.captured(call.callee.name));
  if (intrinsic?.kind !== "lock") return [s];
  checkIntrinsicCall(tr, call, call.callee.name, intrinsic);
  let lock = call.arguments[1] as t.Expression;
  const before: t.Statement[] = [];
  const field = lockField(tr, lock);
  if (!isStable(tr, lock)) {
    const name = declareHidden(tr, s);
    before.push(withPlace(t.expressionStatement(t.assignmentExpression("=", t.identifier(name), lock)), s));
    lock = t.identifier(name);
  }
  const wait = (arriveOnly: boolean): t.Statement => {
    const y = withPlace(t.yieldExpression(null, false), s.expression);
    const { label, mode, lockKind } = intrinsic;
    found(y, { kind: "lock", label, mode, lockKind, lock: t.cloneNode(lock), lockClass: field?.path ?? null, arriveOnly });
    // Liveness sees the lock's locals as used at this yield.
    y.argument = t.cloneNode(lock);
    return withPlace(t.expressionStatement(y), s);
  };
  if (intrinsic.label !== "down_write" || (field !== null && !field.queued)) return [...before, wait(false)];
  // A writer at a queued semaphore first arrives, and waits only if it could not have it at once.
  const again = (): t.Expression => t.cloneNode(lock);
  const arrived = t.callExpression(t.identifier("$arrive"), [again()]);
  const queued = t.blockStatement([wait(true), t.ifStatement(t.unaryExpression("!", arrived), wait(false))]);
  if (field !== null) return [...before, ...queued.body];
  return [...before, t.ifStatement(t.callExpression(t.identifier("$isQueued"), [again()]), queued, t.blockStatement([wait(false)]))];
}

function lockField(tr: Translator, e: t.Expression): { path: string; queued: boolean } | null {
  if (!t.isCallExpression(e) || !t.isMemberExpression(e.callee)) return null;
  const chain = tr.chain(e.callee);
  if (chain === null || chain.path.length !== 3 || chain.path[2] !== "at") return null;
  const f = tr.field(e, chain.path[0]!, chain.path[1]!);
  return f.lockBase < 0 ? null : { path: f.path, queued: f.queued };
}

/** Evaluated again after the wait it gives the same lock: made of locals and constants only. */
function isStable(tr: Translator, e: t.Expression): boolean {
  if (t.isIdentifier(e)) return isLocalName(e.name);
  if (lockField(tr, e) === null) return false;
  return (e as t.CallExpression).arguments.every((a) => t.isNumericLiteral(a) || t.isIdentifier(a));
}

function declareHidden(tr: Translator, from: t.Node): string {
  let n = 1;
  while (tr.prepared.locals.has(`$$0_$lock${n}`)) n++;
  const name = `$$0_$lock${n}`;
  const annotation = withPlace(t.tsTypeReference(t.identifier("LockId")), from);
  tr.prepared.locals.set(name, { name: `$lock${n}`, annotation, init: null, constant: true, declaration: from });
  return name;
}
