/**
 * "thpcheck/vitest": scenarios in Vitest tests.
 *
 *     // vitest.config.ts                                        // racy.test.ts
 *     import { thpcheckPlugin } from "thpcheck/vitest";          import { toHold } from "thpcheck/vitest";
 *     export default defineConfig({                              import racy from "./racy.ts";
 *       plugins: [thpcheckPlugin()],                             expect.extend({ toHold });
 *     });                                                        test("no update is lost", () => expect(racy).toHold());
 */
export { thpcheckPlugin } from "./plugin.ts";
export { toBeAsExpected, toHold, type MatcherOptions } from "./matchers.ts";
