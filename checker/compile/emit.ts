/**
 * From linked functions to one closed program text: every routine, helper and property that can be reached, specialised
 * for this scenario's layout.
 */
import * as t from "@babel/types";
import { CompileError } from "./compile-error.ts";
import { insertBlockCounters } from "./coverage.ts";
import { generateProgram, type GeneratedProgram } from "./generate.ts";
import type { LinkedFunction, Linker } from "./link.ts";
import type { Point } from "../image/image.ts";
import { lowerRoutine, type LoweredRoutine } from "./lower.ts";
import { Translator } from "./translate.ts";

export class Emitter {
  readonly #linker: Linker;
  readonly routines: LoweredRoutine[] = [];
  readonly #functions: t.Statement[] = [];

  constructor(linker: Linker) {
    this.#linker = linker;
  }

  /** Translates everything that has been linked so far and what that links in turn. */
  drain(): void {
    for (let fn = this.#linker.next(); fn !== null; fn = this.#linker.next()) {
      if (fn.routine && !fn.straight) {
        const lowered = lowerRoutine(this.#linker, fn);
        this.routines.push(lowered);
        this.#functions.push(lowered.code);
      } else this.#functions.push(this.#helper(fn));
    }
  }

  #helper(fn: LinkedFunction): t.FunctionDeclaration {
    const tr = new Translator(this.#linker, fn);
    if (this.#linker.options.countsIn(fn.module.file) && (fn.purpose === "program" || fn.purpose === "init")) insertBlockCounters(tr);
    const body = tr.statement(tr.prepared.body) as t.BlockStatement;
    this.#linker.reads.set(fn.emitted, tr.reads);
    if (tr.temporaries.length > 0) {
      body.body.unshift(t.variableDeclaration("let", tr.temporaries.map((x) => t.variableDeclarator(t.identifier(x)))));
    }
    return t.functionDeclaration(t.identifier(fn.emitted), tr.params.map((p) => t.identifier(p)), body);
  }

  /** Adds a function that was made otherwise. */
  add(made: t.Statement): void {
    this.#functions.push(made);
  }

  program(sourceMap: boolean): GeneratedProgram {
    return generateProgram(this.#functions, sourceMap);
  }

  /** Bytes of the deepest frames below and including routine `root`. Throws CompileError on recursion. */
  areaBytes(root: string): number {
    const byName = new Map(this.routines.map((r) => [r.emitted, r]));
    const depth = (name: string, above: readonly string[]): number => {
      const r = byName.get(name)!;
      if (above.includes(name)) {
        const cycle = [...above.slice(above.indexOf(name)), name].map((n) => byName.get(n)!.name).join(" -> ");
        const place = this.#linker.sites[r.points.find((p) => p !== null)?.site ?? 0] ?? { file: "", line: 0, column: 0 };
        throw new CompileError(place, `recursion: ${cycle}`, "A thread's frames have a fixed size: turn the recursion into a loop");
      }
      const behind = (p: Point | null, pc: number): number =>
        (p?.callee == null ? 0 : r.frame.layouts[pc]!.bytes + depth(p.callee, [...above, name]));
      return Math.max(r.frame.bytes, ...r.points.map(behind));
    };
    return depth(root, []);
  }
}
