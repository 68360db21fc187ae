/** Values of command-line options: each reader accepts exactly what makes sense and says what does. */
import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import type { Patch } from "../result.ts";
import { UsageError } from "../usage-error.ts";

const CONSTRAINTS_MAX = 1000;
const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** An integer from 1 upward. */
export function positiveInteger(text: string): number {
  const n = Number(text.replace(/[_,]/g, ""));
  if (!/^[\d_,]+$/.test(text) || !Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError("It must be an integer from 1 upward.");
  return n;
}

/** A port of this machine; 0: any that is free. */
export function port(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n > 0xffff) throw new InvalidArgumentError("It must be a port from 0 to 65535; 0 is any that is free.");
  return n;
}

/** Ordering constraints of `--strategy pct`: a bug that needs more than a few is not what walks are for. */
export function constraints(text: string): number {
  const n = positiveInteger(text);
  if (n > CONSTRAINTS_MAX) throw new InvalidArgumentError(`It must be an integer in 1..${CONSTRAINTS_MAX}.`);
  return n;
}

/** A positive number of seconds, fractions allowed. */
export function positiveSeconds(text: string): number {
  const n = Number(text);
  if (!/^[\d.]+(e\d+)?$/i.test(text) || !Number.isFinite(n) || n <= 0) {
    throw new InvalidArgumentError("It must be a number of seconds above 0, such as 60 or 0.5.");
  }
  return n;
}

/** A size such as `512M` or `2GiB`, in bytes; units are powers of 1024. */
export function size(text: string): number {
  const m = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  const n = m === null ? NaN : Math.floor(Number(m[1]) * SIZE_UNITS[m[2]!.toLowerCase()]!);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError("It must be a size above 0, such as 512M or 2G.");
  return n;
}

/** A seed: an integer that fits 32 bits. */
export function seed(text: string): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n > 0xffffffff) throw new InvalidArgumentError("It must be an integer from 0 to 4294967295.");
  return n;
}

export const tierOption = (): Option =>
  new Option("--tier <tier>", "scenarios of this tier and of those below it").choices(["quick", "full", "nightly"]);
export const formatOption = (): Option =>
  new Option("--format <format>", "for people or for machines").choices(["pretty", "json"]).default("pretty");

/** The patch in a file. Throws a UsageError for one that cannot be read. */
export function readPatch(file: string): Patch {
  try {
    return { name: file, text: readFileSync(file, "utf8") };
  } catch (e) {
    throw new UsageError(`the patch ${file} cannot be read (${(e as NodeJS.ErrnoException).code})`);
  }
}
