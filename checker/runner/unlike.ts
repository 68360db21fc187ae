/** What is said of a module that gives another program each time that it is loaded. */
import { digestLines, firstDifference, type DigestLine } from "../compile/digest.ts";
import { shortPath } from "../error-sentence.ts";
import type { LoadedScenario } from "../project/project.ts";

const sentence = (file: string, what: string): string =>
  `${shortPath(file)} is another program each time that it is loaded: ${what}; nothing that a module computes when it is loaded ` +
  "may depend on chance (Math.random), the time or the process: what is to vary is a bound in `config`, or choose(k, ...) in a routine";

/** `there`: what the scenario is made of in another process. */
export function unlike({ file, scenario }: LoadedScenario, there: readonly DigestLine[]): string {
  return sentence(file, firstDifference(digestLines(scenario), there));
}

/** The other time there is no scenario of that name. */
export function absent(file: string, name: string): string {
  return sentence(file, `the other time there is no scenario ${JSON.stringify(name)}`);
}
