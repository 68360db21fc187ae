/**
 * Program images that earlier processes have compiled (`cache/entries.ts`).
 *
 * What decides an image: the scenario with every value and function that can be reached from it, the options, the compiler, and
 * the texts of modules. The first three are the key (`programLines`). Of modules, those of which only types are used
 * are met while it compiles, so an image lies there with all modules that it was made from, and is taken only while each of
 * them has the same text. What machines of the specification answer is not kept: they are asked as ever, and their states and
 * titles have to be those that the image has.
 *
 * Not kept: programs with a map of their lines, that report to an observer, or of a process that records coverage. What a
 * compilation throws is not, either.
 *
 * What is taken on trust, besides: a function without an origin (one of the checker's own, or of the language) goes by its
 * name. A module that captures another one of the same name when it is loaded for the second time, with the same text, would
 * be given the program of the first.
 */
import { createHash } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { find, keep, keyOf } from "../cache/entries.ts";
import { cacheFolder } from "../cache/folder.ts";
import type { Ask } from "../image/compiled-system.ts";
import type { ProgramImage } from "../image/image.ts";
import { coverageLog } from "../program/coverage-log.ts";
import { UNKNOWN } from "../refinement-plan.ts";
import type { Refinement } from "../refinement.ts";
import type { Scenario } from "../scenario.ts";
import { Assembly, noMachine, type CompileOptions } from "./assembly.ts";
import { programLines } from "./digest.ts";
import { compilerIdentity } from "./identity.ts";
import { askMachines, machinePlans } from "./refine.ts";
import { textOf } from "./source-module.ts";

export interface Assembled {
  readonly image: ProgramImage;
  readonly ask: Ask;
}

interface Entry {
  readonly image: ProgramImage;
  /** By address: the hash of the text. */
  readonly modules: readonly (readonly [url: string, hash: string])[];
}

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Whether images of these options are kept at all. */
function isKept({ variant = "plain", observer, sourceMap = true, refineAll = false }: CompileOptions): boolean {
  return variant === "plain" && observer === undefined && !sourceMap && !refineAll && coverageLog() === null && cacheFolder() !== null;
}

/** What of the options decides the image. */
function optionLines({ clearDeadLocals, refine, coverage = false }: CompileOptions): string {
  return JSON.stringify([clearDeadLocals, refine, typeof coverage === "boolean" ? coverage : coverage.toSorted()]);
}

/** As `new Assembly(scenario, options).assembled()`, from an earlier process where nothing has changed since. */
export function assembledOrKept(scenario: Scenario, options: CompileOptions): Assembled {
  if (!isKept(options)) return new Assembly(scenario, options).assembled();
  const key = keyOf(["image", compilerIdentity(), optionLines(options), programLines(scenario)]);
  const entry = entryOf(key);
  const taken = entry?.modules.every(isUnchanged) === true ? revived(entry.image, scenario, options) : null;
  if (taken !== null) return taken;
  const { image, ask, modules } = new Assembly(scenario, options).assembled();
  const made: Entry = { image, modules: [...modules].map((m) => [m.url, hashOf(m.text)]) };
  keep(key, zstdCompressSync(serialize(made)));
  return { image, ask };
}

function entryOf(key: string): Entry | null {
  const found = find(key);
  try {
    return found === null ? null : deserialize(zstdDecompressSync(found)) as Entry;
  } catch {
    return null; // Whole, and yet not readable: written by what only says that it is this compiler.
  }
}

function isUnchanged([url, hash]: Entry["modules"][number]): boolean {
  try {
    return hashOf(textOf(url)) === hash;
  } catch {
    return false; // It is gone, or its patch is.
  }
}

/** The image for this scenario, whose machines answer; null: the machines are others than they were. */
function revived(image: ProgramImage, scenario: Scenario, options: CompileOptions): Assembled | null {
  const refinements: readonly Refinement[] = options.refine === false ? [] : (scenario.refine ?? []);
  const beyond = scenario.beyond ?? {};
  if (image.refinement === null) return refinements.length > 0 ? null : { image: { ...image, beyond }, ask: noMachine };
  const { machines, cells } = machinePlans(refinements);
  if (JSON.stringify(machines) !== JSON.stringify(image.refinement.machines)) return null;
  // None was asked before the image was kept, and were it otherwise, it is asked again.
  const refinement = { ...image.refinement, machines, cells: new Int32Array(cells).fill(UNKNOWN) };
  return { image: { ...image, refinement, beyond }, ask: askMachines(refinements, refinement) };
}
