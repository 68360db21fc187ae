/** All formats of results for machines: the one place where another is added. Each is loaded when it is asked for. */
import type { ResultFormat } from "./reported-run.ts";

interface Listed {
  /** After `--format`, and before the colon of `--out`. */
  readonly name: string;
  /** What the format is for, in the help. */
  readonly purpose: string;
  readonly load: () => Promise<ResultFormat>;
}

export const RESULT_FORMATS: readonly Listed[] = [
  { name: "json", purpose: "everything, for programs", load: async () => (await import("./json.ts")).json },
  { name: "junit", purpose: "JUnit XML, for CI systems", load: async () => (await import("./junit.ts")).junit },
  { name: "ktap", purpose: "KTAP, for the kernel's kunit.py and kselftest", load: async () => (await import("./ktap.ts")).ktap },
  { name: "sarif", purpose: "SARIF 2.1.0, for code scanning", load: async () => (await import("./sarif.ts")).sarif },
  { name: "github", purpose: "annotations of GitHub Actions", load: async () => (await import("./github.ts")).github },
  { name: "gitlab", purpose: "GitLab code quality", load: async () => (await import("./gitlab.ts")).gitlab },
  { name: "markdown", purpose: "a summary for a browser", load: async () => (await import("./markdown.ts")).markdown },
];

export const formatNamed = (name: string): Listed | undefined => RESULT_FORMATS.find((f) => f.name === name);
