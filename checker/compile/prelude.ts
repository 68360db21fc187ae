/** Text that every emitted program begins with, and the limits that are written into it. */
import { lockRuntimeText } from "../image/lock-runtime.ts";
import type { LayoutPlan } from "../program/layout.ts";
import { OPTIONS_MAX, tooManyOptions } from "../program/routine.ts";

/** Rounds of all loops together that one step, or one property, may take. A kernel that spins waits with a guard. */
export const STEP_ROUNDS_MAX = 10_000_000;

/** What the prelude depends on. */
export interface Preluded {
  readonly plan: LayoutPlan;
  readonly straight: boolean;
  /** Whether some choice has named options. */
  readonly namedChoices: boolean;
  /** The labels of the points, in order; `%` stands for the class of the lock waited for. */
  readonly labels: readonly string[];
}

/** The prelude of every emitted text: views, choices, faults, locks. */
export function prelude(image: Preluded): string {
  const { maskBytes } = image.plan;
  const { straight } = image;
  const lockParts = `{ bytes: $B, locks: $plan.locks, maskBytes: ${maskBytes}, fault: $fault, observer: $observer, straight: ${straight} }`;
  return `
const { vector: $vector, before: $before, plan: $plan, fault: $fault, observer: $observer, announce: $announce, beyond: $beyond } = $deps;
const $B = new Uint8Array($vector.buffer), $H = new Uint16Array($vector.buffer), $W = new Uint32Array($vector.buffer);
const $PB = new Uint8Array($before.buffer), $PH = new Uint16Array($before.buffer), $PW = new Uint32Array($before.buffer);
const $isInteger = Number.isInteger;
let $fuel = 0;
function $endless(site) {
  $fault("endless-step", "this loop went round ${STEP_ROUNDS_MAX.toLocaleString("en")} times without a yield: the step does not end", site);
}
let $me = 0, $R = undefined, $point = 0, $waitsFor = -1, $label = "";
let $ci = 0, $cl = 0;
const $cs = [], $cn = [], $cname = [];
const $lk = ${lockRuntimeText(lockParts)};
function $isHeld(id) { return $lk.isHeld($B, id); }
function $isHeldP(id) { return $lk.isHeld($PB, id); }
function $choose(name, n, site) {
  if (!(n >= 1)) $fault("choose-from-nothing", \`choose("\${name}", \${n}): there is nothing to choose; guard the step instead\`, site);
  if (n > ${OPTIONS_MAX} || !$isInteger(n)) $fault("range", \`${tooManyOptions("${name}", "${n}")}\`, site);
  const i = $ci++;
  if (i >= $cl) { $cs[i] = 0; $cl = $ci; }
  else if (!($cs[i] < n)) {
    const otherwise = "the step does not choose as it did when the script was made";
    $fault("choose-from-nothing", \`choose("\${name}", \${n}): the script says \${$cs[i]}; \${otherwise}\`, site);
  }
  $cn[i] = n; $cname[i] = name;
  return $cs[i];
}
function $bugOn(condition, message, site) { if (condition) $fault("assertion", message, site); }
${RANGE_FAULTS}
function $popcount(m) { let n = 0; for (; m !== 0; m &= m - 1) n++; return n; }
const $labels = ${JSON.stringify(image.labels)};
${POINT_LABEL}
function nextBranch() {
  $cl = $ci;
  while ($cl > 0) {
    if (++$cs[$cl - 1] < $cn[$cl - 1]) { $ci = 0; return true; }
    $cl--;
  }
  $ci = 0;
  return false;
}
function branch() { return $cs.slice(0, $ci); }
function setBranch(choices) { $cl = choices.length; for (let i = 0; i < $cl; i++) $cs[i] = choices[i]; }
${image.namedChoices ? NAMED_CHOICES : CHOICES}
`;
}

/** Numbers that are out of range, each with its place; in the words of `Scenario.beyond` where it has some. */
const RANGE_FAULTS = `function $said(of, n, max, plain) {
  const words = n > max && of !== undefined && Object.hasOwn($beyond, of) ? $beyond[of] : undefined;
  return words === undefined ? plain : \`\${words.replaceAll("%", n)} (\${plain})\`;
}
/* The words of an array are about its indices. */
function $ofValue(f) { return f.length === null ? f.path : undefined; }
function $oob(i, count, field, site, element) {
  const { path, struct } = $plan.fields[field];
  $fault("range", $said(element ? path : struct, i, count - 1, \`\${path}[\${i}]: the index is outside 0..\${count - 1}\`), site);
}
function $noMember(m, field, site) {
  const { path, bits } = $plan.fields[field];
  $fault("range", $said($ofValue($plan.fields[field]), m, bits - 1, \`\${path}: member \${m} is outside 0..\${bits - 1}\`), site);
}
function $queueFault(n, field, site) {
  const f = $plan.fields[field], name = f.path.slice(0, -6), capacity = f.dims === null ? f.length : f.dims[f.dims.length - 1];
  $fault("range", n > 0 ? \`\${name} is full: its capacity is \${capacity}; push only where size() is less, or declare a larger one\`
    : \`\${name} is empty: shift only where size() is more than 0\`, site);
}
function $fit(v, field, site) {
  const f = $plan.fields[field];
  if (f.wrapping && $isInteger(v)) { const n = f.max - f.min + 1; return (((v - f.min) % n) + n) % n; }
  $fault("range", $said(f.refersTo ?? $ofValue(f), v, f.max, \`\${f.path} = \${v}: the value does not fit \${f.min}..\${f.max}\`), site);
}
function $slotFit(v, name, min, max, site, of) {
  const isBound = of !== undefined && !Object.hasOwn($plan.structs, of) && !Object.hasOwn($beyond, of);
  const where = isBound ? \`, where \${max} is \${of} in its config\` : "";
  $fault("range", $said(of, v, max, \`local \${name} = \${v}: the value does not fit \${min}..\${max}\${where}\`), site);
}`;

const POINT_LABEL = "function $pointLabel() { const l = $labels[$point]; "
  + 'return l.includes("%") ? l.replace("%", "(" + $plan.locks[$waitsFor].lockClass + ")") : l; }';

/** Choices in words, when all are numbers. */
const CHOICES = `function branchNames() { return Array.from({ length: $ci }, (_, i) => $cname[i] + "=" + $cs[i]); }`;

/** The same when some have named options: what is kept of such a choice is its name and its options. */
const NAMED_CHOICES = `function $chooseOf(choice, site) {
  const i = $ci, taken = $choose(choice.name, choice.options.length, site);
  $cname[i] = choice;
  return taken;
}
function branchNames() {
  const words = (c, taken) => (typeof c === "string" ? c + "=" + taken : c.name + " = " + c.options[taken]);
  return Array.from({ length: $ci }, (_, i) => words($cname[i], $cs[i]));
}`;
