/** Where the attack takes place: a copy of the project, a folder for each input, and what is left of both afterwards. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync,
  writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Input } from "./input.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = ["checker", "impl", "kernel", "picture", "spec", "test", "examples", "docs", ".ci", "README.md", "CHANGELOG.md",
  "CONTRIBUTING.md", "package.json", "thpcheck.config.ts"];

export class Arena {
  readonly folder = mkdtempSync(join(tmpdir(), "thpcheck-attack-"));
  /** The copy of the project. */
  readonly project = join(this.folder, "project");
  #inputs = 0;

  constructor() {
    mkdirSync(join(this.project, "node_modules"), { recursive: true });
    for (const name of COPIED) if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(this.project, name), { recursive: true });
    // What is written below node_modules (caches) stays here.
    for (const name of readdirSync(join(ROOT, "node_modules"))) {
      if (name !== ".cache") symlinkSync(join(ROOT, "node_modules", name), join(this.project, "node_modules", name));
    }
  }

  /** A folder with the files of the input. */
  place({ files }: Pick<Input, "files">): string {
    const folder = join(this.folder, "inputs", String(this.#inputs++));
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return folder;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What became of the files of an input: those that are changed, gone, or new, and may not be. */
export function harmedIn(folder: string, { files, writes = [] }: Input): string[] {
  const there = filesBelow(folder);
  const gone = Object.keys(files).filter((name) => !there.includes(name)).map((name) => `${name} is gone`);
  const added = there.filter((name) => !(name in files) && !writes.includes(name)).map((name) => `${name} is new`);
  const changed = Object.entries(files).filter(([name, content]) => there.includes(name) && !writes.includes(name) &&
    !readFileSync(join(folder, name)).equals(Buffer.from(content))).map(([name]) => `${name} is changed`);
  return [...gone, ...added, ...changed];
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => !e.isDirectory())
    .map((e) => relative(folder, join(e.parentPath, e.name)));
}

/** Every file below the folder, but for node_modules, by what is in it. */
export function hashesOf(folder: string): ReadonlyMap<string, string> {
  const names = filesBelow(folder).filter((name) => !name.startsWith("node_modules"));
  return new Map(names.map((name) => {
    const path = join(folder, name);
    return [name, lstatSync(path).isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "no file"];
  }));
}

/** What differs between two looks at a folder. */
export function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort()
    .map((name) => `${name} is ${!after.has(name) ? "gone" : before.has(name) ? "changed" : "new"}`);
}

/** Processes of the group that are still there, but for its first one; where there is no /proc nobody can tell. */
export function left(group: number): string[] {
  if (!existsSync("/proc/self/stat")) return [];
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && Number(pid) !== group).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(pgrp) !== group || state === "Z") return [];
      return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\u0000", " ").slice(0, 80)}`];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
