/**
 * JUnit XML, the dialect that CI systems agree on: a suite for each module, a case for each scenario. `failure` is a verdict that was
 * not expected; `error` whatever leaves nothing known, incomplete searches included. Nothing that fails is `skipped`, which all
 * readers count as a pass. The trace is the text of the failure.
 */
import { create } from "xmlbuilder2";
import type { XMLBuilder } from "xmlbuilder2/lib/interfaces.js";
import type { ReportedRun, ResultFormat } from "./reported-run.ts";
import { casesOf, type RunCase } from "./run-case.ts";

const SUITES = "thpcheck";

export const junit: ResultFormat = {
  what: "JUnit file of thpcheck",
  render(run: ReportedRun): string {
    const cases = casesOf(run);
    // XML has no place for most control characters, not even escaped.
    const document = create({ version: "1.0", encoding: "UTF-8", invalidCharReplacement: "?" });
    const root = document.ele("testsuites", { name: SUITES, ...totals(cases) });
    for (const [module, own] of Map.groupBy(cases, (c) => c.module)) {
      const suite = root.ele("testsuite", { name: module, ...totals(own) });
      for (const c of own) addCase(suite, c);
    }
    return `${root.end({ prettyPrint: true })}\n`;
  },
  isOurs: (text) => text.startsWith('<?xml version="1.0" encoding="UTF-8"?>') && text.includes(`<testsuites name="${SUITES}"`),
};

function totals(cases: readonly RunCase[]): Record<string, string> {
  const of = (outcome: RunCase["outcome"]): string => String(cases.filter((c) => c.outcome === outcome).length);
  const seconds = cases.reduce((sum, c) => sum + c.seconds, 0);
  return { tests: String(cases.length), failures: of("fail"), errors: of("error"), skipped: of("skip"), time: seconds.toFixed(3) };
}

function addCase(suite: XMLBuilder, c: RunCase): void {
  const file = c.place?.file ?? "";
  const at = suite.ele("testcase", { name: c.name, classname: c.module, time: c.seconds.toFixed(3), ...(file === "" ? {} : { file }) });
  if (c.result !== null) {
    const { verdict, expected, states, transitions, depth } = c.result;
    const properties = at.ele("properties");
    const told = { verdict, expected, states, transitions, depth };
    for (const [name, value] of Object.entries(told)) properties.ele("property", { name, value });
  }
  if (c.outcome === "pass") return;
  if (c.outcome === "skip") at.ele("skipped", { message: c.message });
  else at.ele(c.outcome === "fail" ? "failure" : "error", { message: c.message, type: c.rule }).txt(c.detail === "" ? c.message : c.detail);
}
