/**
 * A user's module as the compiler sees it: its text, syntax tree, functions by position, type aliases and imports.
 *
 * The tree comes from the text that the loader saw (which a patch may have changed), not from the disk.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { types } from "node:util";
import { parse } from "@babel/parser";
import * as t from "@babel/types";
import { patchOf, patchedText, underPatch } from "../patch/patch.ts";
import { CompileError } from "./compile-error.ts";

/** Key under which the transform attaches a function's origin to the function. */
export const ORIGIN = Symbol.for("thpcheck.origin");

/** Where a function object comes from: enough to find its tree and the values it captures. */
export interface Origin {
  readonly module: { readonly url: string; readonly text: string };
  /** Offset of the function's first character in the text. */
  readonly start: number;
  /** The values of the names that the function captures, as they are now. */
  readonly captured: () => Readonly<Record<string, unknown>>;
}

/** Null for what is no function of a user's module, and for what only inherits from one, or stands before it as a Proxy. */
export function originOf(f: unknown): Origin | null {
  return typeof f === "function" && !types.isProxy(f) && Object.hasOwn(f, ORIGIN) ? (f as unknown as { [ORIGIN]: Origin })[ORIGIN] : null;
}

export type FunctionNode = t.FunctionDeclaration | t.FunctionExpression | t.ArrowFunctionExpression | t.ObjectMethod;

export interface Place { readonly file: string; readonly line: number; readonly column: number }

export function parseModule(text: string, file: string): t.File {
  try {
    return parse(text, { sourceType: "module", plugins: ["typescript"], sourceFilename: file, attachComment: false });
  } catch (e) {
    const at = (e as { loc?: { line: number; column: number } }).loc ?? { line: 1, column: 0 };
    throw new CompileError({ file, line: at.line, column: at.column + 1 }, `this does not parse: ${(e as Error).message}`,
      "Correct the syntax first");
  }
}

/** Whether the text imports or exports as an ES module does; false for what does not parse as one. */
export function isEsModule(text: string, file: string): boolean {
  if (!/^[ \t]*(?:import|export)\b/m.test(text)) return false;
  try {
    return parseModule(text, file).program.body.some((node) => t.isImportDeclaration(node) || t.isExportDeclaration(node));
  } catch {
    // What is wrong with it, Node says when it loads it.
    return false;
  }
}

type Load = (url: string) => SourceModule;

export class SourceModule {
  readonly url: string;
  readonly file: string;
  readonly text: string;
  readonly ast: t.File;
  readonly #functions = new Map<number, FunctionNode>();
  readonly #types = new Map<string, t.TSType>();
  readonly #interfaces = new Map<string, t.TSInterfaceDeclaration>();
  readonly #imports = new Map<string, { specifier: string; imported: string }>();

  constructor(url: string, text: string) {
    this.url = url;
    this.file = url.startsWith("file:") ? fileURLToPath(url) : url;
    this.text = text;
    this.ast = parseModule(text, this.file);
    t.traverseFast(this.ast, (node) => {
      if (t.isFunctionDeclaration(node) || t.isFunctionExpression(node) || t.isArrowFunctionExpression(node) || t.isObjectMethod(node)) {
        this.#functions.set(node.start!, node);
      } else if (t.isTSTypeAliasDeclaration(node)) {
        this.#types.set(node.id.name, node.typeAnnotation);
      } else if (t.isTSInterfaceDeclaration(node)) {
        this.#interfaces.set(node.id.name, node);
      } else if (t.isImportDeclaration(node)) {
        for (const s of node.specifiers) {
          const imported = t.isImportSpecifier(s) ? (t.isIdentifier(s.imported) ? s.imported.name : s.imported.value) : "default";
          this.#imports.set(s.local.name, { specifier: node.source.value, imported });
        }
      }
    });
  }

  functionAt(start: number): FunctionNode {
    const f = this.#functions.get(start);
    if (f === undefined) throw new Error(`[thpcheck internal] ${this.file}: no function at offset ${start}`);
    return f;
  }

  /**
   * The type that `name` stands for here, and the module in which its own names are to be looked up; null when it is neither
   * declared here nor imported from a file.
   */
  typeAlias(name: string, load: Load): { type: t.TSType; module: SourceModule } | null {
    const own = this.#types.get(name);
    if (own !== undefined) return { type: own, module: this };
    const from = this.#imported(name, load);
    return from === null ? null : from.module.typeAlias(from.name, load);
  }

  /** The interface that `name` stands for here, and its module; null as above. */
  interfaceNamed(name: string, load: Load): { declaration: t.TSInterfaceDeclaration; module: SourceModule } | null {
    const own = this.#interfaces.get(name);
    if (own !== undefined) return { declaration: own, module: this };
    const from = this.#imported(name, load);
    return from === null ? null : from.module.interfaceNamed(from.name, load);
  }

  #imported(name: string, load: Load): { module: SourceModule; name: string } | null {
    const from = this.#imports.get(name);
    if (from === undefined || !from.specifier.startsWith(".")) return null;
    return { module: load(underPatch(new URL(from.specifier, this.url).href, patchOf(this.url))), name: from.imported };
  }

  place(node: t.Node): Place {
    return { file: this.file, line: node.loc?.start.line ?? 0, column: (node.loc?.start.column ?? 0) + 1 };
  }

  textOf(node: t.Node): string {
    return this.text.slice(node.start ?? node.loc!.start.index, node.end ?? node.loc!.end.index);
  }
}

/** Parsed modules by URL, shared by all compilations of the process: a module is a function of its URL and text alone. */
const parsedModules = new Map<string, SourceModule>();

/** The text of a module that has not been loaded: as it is on the disk, or as a patch makes it. Throws what the system throws. */
export function textOf(url: string): string {
  return patchedText(url, () => readFileSync(fileURLToPath(url), "utf8"));
}

/** Finds modules; the text of a tagged function wins over the disk. */
export class SourceModules {
  readonly #byUrl = parsedModules;
  /** Those that this compilation has asked for. */
  readonly used = new Set<SourceModule>();

  of(origin: Origin): SourceModule {
    let m = this.#byUrl.get(origin.module.url);
    if (m?.text !== origin.module.text) {
      m = new SourceModule(origin.module.url, origin.module.text);
      this.#byUrl.set(origin.module.url, m);
    }
    this.used.add(m);
    return m;
  }

  /** For modules of which only types are used, and which were therefore never loaded. */
  readonly load = (url: string): SourceModule => {
    let m = this.#byUrl.get(url);
    if (m === undefined) {
      m = new SourceModule(url, textOf(url));
      this.#byUrl.set(url, m);
    }
    this.used.add(m);
    return m;
  };
}
