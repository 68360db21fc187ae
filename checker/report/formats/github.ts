/**
 * Annotations for GitHub's runner, which reads them from the standard output: one for each case that fails, at its line. GitHub
 * shows ten of a step at most; the rest is in the log.
 */
import type { ReportedRun, ResultFormat } from "./reported-run.ts";
import { casesOf } from "./run-case.ts";

export const github: ResultFormat = {
  what: "file of annotations of thpcheck",
  render(run: ReportedRun): string {
    const lines = casesOf(run).filter((c) => c.outcome === "fail" || c.outcome === "error").map((c) => {
      const at = c.place === null ? "" : `file=${property(c.place.file)},line=${c.place.line},`;
      return `::error ${at}title=${property(`${TITLE}${c.name}`)}::${data(c.detail === "" ? c.message : `${c.message}\n\n${c.detail}`)}`;
    });
    return lines.map((l) => `${l}\n`).join("");
  },
  isOurs: (text) => text.split("\n").every((line) => line === "" || (line.startsWith("::error ") && line.includes(`title=${TITLE}`))),
};

const TITLE = "thpcheck ";
/** The runner takes these signs for the end of a value, of the line, or of an escape. */
const data = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
const property = (text: string): string => data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
