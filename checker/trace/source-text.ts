/**
 * What the source says at a place of a trace: the call that a thread makes, `sysMadvise(0, 2, MADV_DONTNEED)`, and what an
 * assertion expects.
 *
 * The text is that of the modules that the program was compiled from, a patch included. Where it cannot be had, or a line
 * says something else, there is none: a trace can do without.
 */
import { pathToFileURL } from "node:url";
import * as t from "@babel/types";
import { contraryOf } from "../compile/contrary.ts";
import { originOf, SourceModules, type SourceModule } from "../compile/source-module.ts";
import { patchOf, underPatch } from "../patch/patch.ts";
import { isModel, type Scenario } from "../scenario.ts";

/** A longer call says more than a reader wants to know. */
const CALL_LENGTH_MAX = 70;

export class SourceText {
  readonly #modules = new SourceModules();
  /** Those of the threads' routines, by file. */
  readonly #known = new Map<string, SourceModule>();
  readonly #patch: string | null;

  constructor(scenario: Scenario) {
    const origins = (isModel(scenario) ? [] : scenario.threads).flatMap(({ run }) => originOf(run) ?? []);
    for (const module of origins.map((origin) => this.#modules.of(origin))) this.#known.set(module.file, module);
    this.#patch = origins[0] === undefined ? null : patchOf(origins[0].module.url);
  }

  /** The call of `routine` on that line, without the world that every routine is handed; null where it is not there. */
  call(file: string, line: number, routine: string): string | null {
    const found = this.#callsOn(file, line).find(({ call }) => t.isIdentifier(call.callee, { name: routine }));
    if (found === undefined) return null;
    const args = found.call.arguments.slice(1).map((a) => oneLine(found.module, a));
    const text = `${routine}(${args.join(", ")})`;
    return text.length <= CALL_LENGTH_MAX ? text : `${routine}(...)`;
  }

  /** The lines of a file, the first is number 1 at index 0; null where it cannot be had. */
  lines(file: string): readonly string[] | null {
    try {
      return this.#module(file).text.split("\n");
    } catch {
      return null;
    }
  }

  /** What the assertion at `file:line` expects; null where there is none, or several. */
  expectation(place: string): string | null {
    const [, file, line] = /^(.*):(\d+)$/.exec(place) ?? [];
    if (file === undefined) return null;
    const isAssertion = ({ callee }: t.CallExpression): boolean => t.isIdentifier(callee) && /bugOn$/i.test(callee.name);
    const found = this.#callsOn(file, Number(line)).filter(({ call }) => isAssertion(call));
    const condition = found.length === 1 ? found[0]!.call.arguments[0] : undefined;
    // vmBugOn(true, ...), vmBugOn(foreign, ...): the condition was asked before.
    if (condition === undefined || t.isBooleanLiteral(condition) || t.isIdentifier(condition)) return null;
    return contraryOf(condition, (node) => oneLine(found[0]!.module, node));
  }

  #module(file: string): SourceModule {
    return this.#known.get(file) ?? this.#modules.load(underPatch(pathToFileURL(file).href, this.#patch));
  }

  #callsOn(file: string, line: number): { readonly module: SourceModule; readonly call: t.CallExpression }[] {
    try {
      const module = this.#module(file);
      const calls: { module: SourceModule; call: t.CallExpression }[] = [];
      t.traverseFast(module.ast, (node) => {
        if (t.isCallExpression(node) && node.loc?.start.line === line) calls.push({ module, call: node });
      });
      return calls;
    } catch {
      // A file that is gone, or was never one.
      return [];
    }
  }
}

const oneLine = (module: SourceModule, node: t.Node): string => module.textOf(node).replace(/\s+/g, " ");
