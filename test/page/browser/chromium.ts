/** The system's Chromium, driven by playwright-core. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Its path; null: there is none on this machine. */
export const CHROMIUM: string | null = (process.env["PATH"] ?? "").split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable) ?? null;

/** The end of the title of tests that need it: why they are left out, if they are. */
export const NO_CHROMIUM = CHROMIUM === null ? " (SKIP: there is no Chromium in PATH; Debian: apt-get install chromium)" : "";

/** Headless. It runs as root in containers, too, where its sandbox cannot. */
export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM!, headless: true, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}
