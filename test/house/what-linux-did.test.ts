/** The table "What Linux did" of impl/README.md is what the switches and the scenarios say. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { selectScenarios } from "../../checker/project/select.ts";
import { linuxRelease } from "../../impl/config/linux-release.ts";
import { SWITCH_DEFAULTS, SWITCH_NAMES, SWITCHES, switchesAt, type SwitchName, type SwitchRow } from "../../impl/config/release.ts";
import { ROOT } from "./sources.ts";

interface Row { readonly name: string; readonly releases: string; readonly promise: string; readonly scenario: string }
interface Seen {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly expect: { readonly verdict: string; readonly property?: string };
}

const section = readFileSync(join(ROOT, "impl/README.md"), "utf8").split("\n## What Linux did\n")[1]!.split("\n## ")[0]!;
const rows: readonly Row[] = section.split("\n").filter((l) => l.startsWith("| `")).map((line) => {
  const [name, releases, , promise, scenario] = line.slice(1, -1).split("|").map((cell) => cell.trim().replaceAll("`", ""));
  return { name: name!, releases: releases!, promise: promise!, scenario: scenario! };
});

let scenarios: ReadonlyMap<string, Seen>;
beforeAll(async () => {
  const { scenarios: all } = await selectScenarios([], "nightly", ROOT);
  scenarios = new Map(all.map(({ scenario }) => [scenario.name, scenario as unknown as Seen]));
});

/** The value is of some release; that of patches which were posted only is not. */
function isOfLinux(name: SwitchName, value: unknown): boolean {
  const row: SwitchRow = SWITCHES[name];
  return !("values" in row) || row.values.some((v) => v.value === value && v.since.length > 0);
}
/** Switches that have another value in the scenario than unless given. Reservations are of no release. */
const turned = (s: Seen): string[] => SWITCH_NAMES.filter((name) => {
  const value = s.config?.[name];
  return s.config?.["policy"] === undefined && value !== undefined && value !== SWITCH_DEFAULTS[name] && isOfLinux(name, value);
});

describe("what Linux did", () => {
  it("has a row for each scenario that breaks a promise by a switch, and no other", () => {
    const broken = [...scenarios].filter(([, s]) => s.expect.verdict === "violated" && turned(s).length > 0).map(([name]) => name);
    expect(rows.map((r) => r.scenario).toSorted()).toEqual(broken.toSorted());
  });
  it.each(rows)("$scenario: the switch is turned, the promise is the one that is expected to break", ({ name, promise, scenario }) => {
    const seen = scenarios.get(scenario)!;
    expect(turned(seen)).toEqual([name]);
    const property = seen.expect.property!;
    expect(property === promise || property.startsWith(`${promise} `) || promise.startsWith(`${property}: `)).toBe(true);
  });
  it("names the releases of the switch", () => {
    for (const [i, { name, releases, scenario }] of rows.entries()) {
      if (releases === "the same") {
        expect(rows[i - 1]?.name).toBe(name);
        continue;
      }
      const row: SwitchRow = SWITCHES[name as keyof typeof SWITCHES];
      if ("values" in row) {
        const value = switchesAt(linuxRelease(releases.split(" ")[0]!))[name as keyof typeof SWITCHES];
        expect(value, releases).toBe(scenarios.get(scenario)!.config?.[name]);
        continue;
      }
      expect(releases.startsWith(row.since.at(-1)!), releases).toBe(true);
      for (const stable of (row.until ?? []).slice(0, -1)) expect(releases).toContain(stable);
    }
  });
});
