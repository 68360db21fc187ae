/** What the command says of a disagreement, and of all that was run. */
import { diffArrays } from "diff";
import { sideToText } from "./compare.ts";
import type { Judgement } from "./judge.ts";
import { lineToText, type Observations } from "./observation.ts";
import { programToJson, stepToText, type Program } from "./program.ts";
import { RULES, suppressedBy, type RuleName, type Suppressed, type Tally } from "./rules.ts";
import type { Statistics } from "./statistics.ts";

const LINES_MAX = 12;

/** The first differing observation with both sides, the program so far, and the kernel. `guest`: what had it booted. */
export function disagreement(name: string, program: Program, found: Judgement, kernel: string, guest = ""): string {
  const out = [found.died === null ? `${name}: impl/ and Linux ${kernel} disagree` : `${name}: the end of Linux ${kernel}`];
  if (found.died !== null) {
    const { step } = found.difference!;
    out.push(
      `  in step ${step}, ${stepToText(program.steps[step]!)}: ${found.died.message}`, "  the program so far:",
      ...program.steps.slice(0, step + 1).map((s, i) => `    ${i}: ${stepToText(s)}`), "  before that step, Linux said:",
      ...lines(found.real.at(-1) ?? []), "  the end of its console:", ...found.died.console.map((line) => `    ${line}`),
    );
  } else if (found.crash !== null) {
    out.push(
      `  impl/ stops: ${found.crash.message}`,
      `  ${found.crash.stack?.split("\n").slice(1, 4).map((l) => l.trim()).join("\n  ") ?? ""}`,
    );
  } else if (found.difference !== null) {
    const { step, real, impl } = found.difference;
    out.push(
      `  after step ${step}, ${stepToText(program.steps[step]!)}:`, `    Linux: ${sideToText(real)}`,
      `    impl:  ${sideToText(impl)}`,
    );
    out.push("  the program so far:", ...program.steps.slice(0, step + 1).map((s, i) => `    ${i}: ${stepToText(s)}`));
    out.push(
      "  before that step, Linux said:", ...lines(step === 0 ? [] : found.real[step - 1]!), "  after it, Linux said:",
      ...lines(found.real[step] ?? []), "  and impl/:", ...lines(found.impl[step] ?? []),
    );
  }
  const again = `npx thpcheck conform --program p.json${guest}`;
  out.push(`  again: save this line as p.json, ${again}`, `  ${JSON.stringify(programToJson(program))}`);
  return out.join("\n");
}

/**
 * What was observed after each step. A line that both sides have is there once, under "=". `real` null: the program was
 * not run on a real kernel; `impl` null: `impl/` lacks a part for it.
 */
export function observations(program: Program, real: Observations | null, impl: Observations | null): string {
  return program.steps.flatMap((s, i) => {
    const heading = `step ${i}: ${stepToText(s)}`;
    if (impl === null) return [heading, ...inOrder(real?.[i] ?? []).map((l) => `  Linux  ${lineToText(l)}`)];
    const mine = inOrder(impl[i] ?? []);
    if (real === null) return [heading, ...mine.map((l) => `  impl   ${lineToText(l)}`)];
    return [heading, ...diffArrays(inOrder(real[i] ?? []), mine).flatMap(({ value, added, removed }) => {
      const side = removed ? "Linux" : added ? "impl " : "=    ";
      return value.map((l) => `  ${side}  ${lineToText(l)}`);
    })];
  }).join("\n");
}

/** The two sides say the same in different orders: tracepoints first or counters. */
function inOrder(lines: readonly string[]): string[] {
  const place = (line: string): number => "rcstknvpf".indexOf(line[0]!);
  return lines.toSorted((a, b) => place(a) - place(b) || (a.startsWith("t ") ? a.localeCompare(b) : 0));
}

function lines(all: readonly string[]): string[] {
  const shown = all.slice(0, LINES_MAX).map((l) => `    ${lineToText(l)}`);
  return all.length > LINES_MAX ? [...shown, `    and ${all.length - LINES_MAX} more`] : shown;
}

/** Of a run on one kernel: what share of the programs has reached what. */
export function milestonesText(s: Statistics): string {
  const out = [`reached, of ${s.programs} random programs with ${s.steps} steps:`];
  for (const m of s.milestones()) {
    const verdict = m.share < m.wanted ? "  NOT REACHED" : "";
    out.push(`  ${(m.share * 100).toFixed(0).padStart(3)}%  ${m.name} (wanted: ${m.wanted * 100}%)${verdict}`);
  }
  return out.join("\n");
}

export function statisticsText(s: Statistics): string {
  const out = [milestonesText(s)];
  out.push("outcomes:", ...s.outcomes().map(([what, n]) => `  ${String(n).padStart(6)}  ${what}`));
  const rare = s.rare();
  if (rare.length > 0) out.push(`fewer than 20 times: ${rare.map(([what, n]) => `${what} (${n})`).join(", ")}`);
  const unknown = s.unknown();
  if (unknown.length > 0) out.push(`outcomes that nobody expected: ${unknown.join(", ")}`);
  return out.join("\n");
}

export function rulesText(suppressed: Suppressed, tally: Tally): string {
  const total = suppressedBy(suppressed);
  const share = ((total / Math.max(1, tally.observations)) * 100).toFixed(2);
  const rows = (Object.keys(RULES) as RuleName[]).map((rule) => `  ${String(suppressed[rule] ?? 0).padStart(6)}  ${rule}`);
  const disturbed = tally.steps === 0 ? [] : [`others moved counters in ${tally.disturbed} of ${tally.steps} steps`];
  return [
    `suppressed by rules (test/conformance/rules.ts): ${total} of ${tally.observations} observations, ${share}%`, ...rows, ...disturbed,
  ].join("\n");
}
