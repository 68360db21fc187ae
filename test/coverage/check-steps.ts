/** Holds the table of steps to the compiled kernel. */
import { compileImage } from "../../checker/compile/compile.ts";
import type { ProgramImage } from "../../checker/image/image.ts";
import { everyRoutine } from "./every-routine.ts";
import type { Operation } from "./steps.ts";

/** What is wrong with the operations, one sentence each; empty when every label exists and every merge leads to one. */
export function wrongSteps(operations: readonly Operation[], image: ProgramImage = compileImage(everyRoutine)): string[] {
  return operations.flatMap((o) => o.items.flatMap((i): string[] => {
    if ("labels" in i) {
      if (i.labels.length === 0) return [`${i.item}: no label stands for it`];
      return i.labels.filter((l) => !hasLabel(image, l)).map((l) => `${i.item}: the compiled kernel has no yield "${l}"`);
    }
    if ("missing" in i) return i.missing === "" ? [`${i.item}: it does not say which part is missing`] : [];
    const host = o.items.find((other) => other.item === i.with);
    if (host === undefined || !("labels" in host)) return [`${i.item}: it is part of ${i.with}, which is no step with labels of its own`];
    return [];
  }));
}

/** Whether a routine has a yield of this label. A lock that is known only at run time fits every class of locks there is. */
function hasLabel(image: ProgramImage, where: string): boolean {
  const colon = where.indexOf(": ");
  const [routine, label] = [where.slice(0, colon), where.slice(colon + 2)];
  const classes = image.plan.locks.map((l) => l.lockClass);
  const labels = image.routines.filter((r) => r.name === routine).flatMap((r) => r.points.flatMap((p) => (p === null || p.kind === "call" ? [] : [p.label])));
  return labels.some((l) => l === label || (l.includes("%") && classes.some((c) => l.replace("%", `(${c})`) === label)));
}
