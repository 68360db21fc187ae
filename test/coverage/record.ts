/**
 * Runs before each file of functional tests: counts what programs do, and writes it down when the file has ended.
 *
 * A process runs several files and loads modules once, which takes half the time. So programs that one file has compiled
 * may serve another: the log is the process's, and what is written down is everything so far.
 */
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, afterEach, expect } from "vitest";
import { EV } from "../../spec/events.ts";
import { coverageLog, recordCoverage } from "../../checker/program/coverage-log.ts";
import { RECORD_FOLDER, merge, scanResultTimes, type Recorded, type ScanResultSource } from "./recorded.ts";

const folder = process.env[RECORD_FOLDER];
if (folder === undefined) throw new Error(`${RECORD_FOLDER} names no folder: this setup is for "npx thpcheck coverage"`);
const log = coverageLog() ?? recordCoverage([EV.COLLAPSE_RESULT]);
const scanResults: ScanResultSource[] = [];
let before: readonly number[] = scanResultTimes(log);
let file = "";

afterEach(() => {
  const { currentTestName = "", testPath = "" } = expect.getState();
  file = relative(process.cwd(), testPath);
  const now = scanResultTimes(log);
  now.forEach((times, result) => {
    const more = times - (before[result] ?? 0);
    if (more > 0) scanResults.push({ result, source: `${file}: ${currentTestName}`, times: more });
  });
  before = now;
});

afterAll(() => {
  const recorded: Recorded = { blocks: merge([log.blocks()]), scanResults };
  // One file for each of tests: the blocks of the last count for all, and those of the others do no harm.
  writeFileSync(join(folder, `${file.replaceAll("/", "_")}.json`), JSON.stringify(recorded));
});
