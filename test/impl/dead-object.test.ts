/** Use after free is found in the plain search, at each way into an object that is gone: impl/dead-object.ts. */
import { expect, it } from "vitest";
import { boot, USES } from "./dead-object-threads.ts";
import { kernelScenario, StraightKernel } from "./straight-kernel.ts";

it.each(Object.entries(USES))("%s", (_name, [thread, message]) => {
  const m = new StraightKernel(kernelScenario({ uses: thread }, boot, { mms: 2, vmas: 2, anonVmas: 2 }));
  expect(() => m.run("uses")).toThrow(/^use after free: /);
  m.restart();
  expect(() => m.run("uses")).toThrow(message);
});
