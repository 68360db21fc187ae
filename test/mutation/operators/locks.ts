/** Locks that are not taken, and statements that leave the section that a lock protects. */
import * as t from "@babel/types";
import type { Change } from "../mutant.ts";
import { callOf, declaredNames, isPreemptionPoint, mayExit, mentions, nodesOf, sourceOf, statementLists, statementsOf, type Call, type KernelFunction, type Module } from "../program.ts";
import { acquires, isLock, isNotKernel, isUnlock, LOCKS } from "../vocabulary.ts";
import { bareBranches, dropped, preemption } from "./operator.ts";

/** What is locked: the arguments after `k`. */
const lockedBy = (module: Module, c: Call): string => c.node.arguments.slice(1).map((a) => sourceOf(module, a)).join(", ");

/** A lock is not taken, nor released, between this acquisition and the next of the same. */
export function* dropLockPairs(module: Module, fn: KernelFunction): Generator<Change> {
  const bare = bareBranches(fn);
  const calls = [...statementsOf(fn)].flatMap((node) => {
    const call = callOf(node);
    return call === null ? [] : [{ node, call, locked: lockedBy(module, call) }];
  });
  for (const [i, lock] of calls.entries()) {
    if (!isLock(lock.call)) continue;
    const again = calls.findIndex((c, j) => j > i && c.call.name === lock.call.name && c.locked === lock.locked);
    const section = calls.slice(i + 1, again < 0 ? undefined : again);
    const unlocks = section.filter((c) => LOCKS[lock.call.name]!.includes(c.call.name) && c.locked === lock.locked);
    // Released by another routine, which would then release what is not held: no change of one place.
    if (unlocks.length === 0 && LOCKS[lock.call.name]!.length > 0) continue;
    yield {
      operator: "drop-lock-pair", node: lock.node, also: unlocks.map((u) => u.node),
      edits: [lock, ...unlocks].map((c) => dropped(module, c.node, c.call, bare)),
    };
  }
}

/** Whether the statement can stand elsewhere: it does something, is no lock operation, and does not leave the function. */
function isMovable(statement: t.Statement): boolean {
  const call = callOf(statement);
  if (isPreemptionPoint(statement) || isNotKernel(statement) || isLock(call) || isUnlock(call) || mayExit(statement)) return false;
  for (const { node } of nodesOf(statement)) if (t.isCallExpression(node) && t.isIdentifier(node.callee) && (isUnlock({ name: node.callee.name, method: false, delegated: false, node }) || acquires({ name: node.callee.name, method: false, delegated: false, node }))) return false;
  return t.isExpressionStatement(statement) || t.isVariableDeclaration(statement) || t.isIfStatement(statement);
}

/**
 * The last thing that is done under a lock is done after the release; the first thing is done before the acquisition. In a
 * routine a preemption point comes between, as it would: outside of the section others can run.
 */
export function* moveAcrossLocks(module: Module, fn: KernelFunction): Generator<Change> {
  const split = (what: string): string => (fn.routine ? `${preemption(what)} ` : "");
  for (const list of statementLists(fn)) {
    for (const [i, statement] of list.entries()) {
      if (isUnlock(callOf(statement))) {
        // Announcements stay with what they announce.
        let from = i - 1;
        while (from > 0 && isNotKernel(list[from]!)) from--;
        const moved = list[from];
        if (moved === undefined || from < 0 || !isMovable(moved)) continue;
        if (mentions(statement, declaredNames(moved))) continue;
        const group = module.text.slice(moved.start!, list[i - 1]!.end!);
        yield { operator: "move-across-lock", node: moved, also: [statement], edits: [{ start: moved.start!, end: statement.end!, text: `${sourceOf(module, statement)} ${split("moved behind the release")}${group}` }] };
      } else if (isLock(callOf(statement))) {
        const moved = list[i + 1];
        if (moved === undefined || !isMovable(moved)) continue;
        let to = i + 1;
        while (list[to + 1] !== undefined && isNotKernel(list[to + 1]!)) to++;
        const group = module.text.slice(moved.start!, list[to]!.end!);
        yield { operator: "move-across-lock", node: moved, also: [statement], edits: [{ start: statement.start!, end: list[to]!.end!, text: `${split("moved before the acquisition")}${group} ${sourceOf(module, statement)}` }] };
      }
    }
  }
}

/** Two things that are done one after the other change places. Both can be preempted, or the order would show to nobody. */
export function* swapSteps(module: Module, fn: KernelFunction): Generator<Change> {
  if (!fn.routine) return;
  for (const list of statementLists(fn)) {
    const effects = list.filter((s) => !isPreemptionPoint(s) && !isNotKernel(s));
    for (const [i, first] of effects.entries()) {
      const second = effects[i + 1];
      if (second === undefined || !isMovable(first) || !isMovable(second)) continue;
      const calls = [callOf(first), callOf(second)];
      if (calls.includes(null) || !calls.some((c) => c?.delegated === true)) continue;
      const [a, b] = [withAnnouncements(list, first), withAnnouncements(list, second)];
      const text = (g: { start: number; end: number }): string => module.text.slice(g.start, g.end);
      yield { operator: "swap-steps", node: first, also: [second], edits: [{ ...a, text: text(b) }, { ...b, text: text(a) }] };
    }
  }
}

function withAnnouncements(list: readonly t.Statement[], statement: t.Statement): { start: number; end: number } {
  let to = list.indexOf(statement);
  while (list[to + 1] !== undefined && isNotKernel(list[to + 1]!)) to++;
  return { start: statement.start!, end: list[to]!.end! };
}

