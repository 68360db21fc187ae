/** Which test files the plugin looks at: those that may have a scenario inside. */
import { expect, it } from "vitest";
import { thpcheckPlugin } from "../../../checker/vitest/plugin.ts";

const CODE = "export const f = (n) => n + 1;\n";
const touched = (imports: string, file = "/mine/a.test.ts"): boolean => thpcheckPlugin().transform(`${imports}\n${CODE}`, file) !== null;

it.each([
  'import { scenario } from "thpcheck";', "import { sysFork } from 'thpcheck/kernel';", 'import {\n  at,\n  scenario,\n} from "thpcheck";',
  'import { type K, scenario } from "thpcheck";', 'import type { K } from "thpcheck"; import { at } from "thpcheck";',
])("looks at a test file with %j", (imports) => { expect(touched(imports)).toBe(true); });

// What such a file gives to a browser, or to another process, must stay as it was written.
it.each([
  "", 'import type { Scenario } from "thpcheck";', 'import "vitest"; import type { K } from "thpcheck/kernel";',
  'import { thpcheckPlugin } from "thpcheck/vitest";', 'import { expect } from "vitest";\nimport type { Scenario } from "thpcheck";',
])("leaves one alone with %j", (imports) => { expect(touched(imports)).toBe(false); });

it("looks at every other module", () => { expect(touched("", "/mine/a.ts")).toBe(true); });
