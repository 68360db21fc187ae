/** What `thpcheck steps` does and prints. */
import { wrongSteps } from "./check-steps.ts";
import { OPERATIONS, type StepItem } from "./steps.ts";

/** Prints the table, and sets the exit code where it does not fit the compiled kernel. */
export function runSteps(flags: { readonly json?: boolean }): void {
  const wrong = wrongSteps(OPERATIONS);
  process.stdout.write(flags.json === true ? `${JSON.stringify({ operations: OPERATIONS, wrong }, null, 2)}\n` : renderSteps());
  for (const w of wrong) process.stderr.write(`thpcheck: ${w}\n`);
  if (wrong.length > 0) process.exitCode = 1;
}

function renderSteps(): string {
  const item = (i: StepItem): string => [`  ${i.item.padEnd(7)}${i.does}`, ...where(i).map((line) => `             ${line}`)].join("\n");
  return OPERATIONS.map(({ title, items }) => `${title}\n\n${items.map(item).join("\n")}\n`).join("\n");
}

/** The label, or labels, or what stands in their place; a line each. */
function where(i: StepItem): string[] {
  if ("labels" in i) return [...i.labels, ...(i.note === undefined ? [] : [`(${i.note})`])];
  return "with" in i ? [`with ${i.with}: ${i.because}`] : [`not modelled: ${i.missing}`];
}
