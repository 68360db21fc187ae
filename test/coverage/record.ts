/** Runs before each file of functional tests: counts what its programs do, and writes it down when the file has ended. */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, afterEach, expect } from "vitest";
import { EV } from "../../spec/events.ts";
import { recordCoverage } from "../../checker/program/coverage-log.ts";
import { RECORD_FOLDER, merge, scanResultTimes, type Recorded, type ScanResultSource } from "./recorded.ts";

const folder = process.env[RECORD_FOLDER];
if (folder === undefined) throw new Error(`${RECORD_FOLDER} names no folder: this setup is for "npx thpcheck coverage"`);
const log = recordCoverage([EV.COLLAPSE_RESULT]);
const scanResults: ScanResultSource[] = [];
let before: readonly number[] = [];
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
  writeFileSync(join(folder, `${randomUUID()}.json`), JSON.stringify(recorded));
});
