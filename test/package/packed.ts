/** `npm pack`, for one test at a time: it builds `dist/` anew, and test files run side by side. */
import { join } from "node:path";
import { lock } from "proper-lockfile";

export const ROOT = join(import.meta.dirname, "../..");

/** Runs what packs the checkout. */
export async function packing<T>(pack: () => T): Promise<T> {
  const release = await lock(join(ROOT, "package.json"), { stale: 120_000, retries: { retries: 300, minTimeout: 1000, maxTimeout: 1000 } });
  try {
    return pack();
  } finally {
    await release();
  }
}
