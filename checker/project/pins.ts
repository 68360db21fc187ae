/**
 * `check --update-pins`: writes the counts that a run found into the scenario's source.
 *
 * Only the numbers change: the call of `holds` or `violated` that belongs to the scenario of that name is found by
 * parsing, and its arguments are edited in place. What cannot be edited safely, such as a count that is computed, is left
 * alone and reported with the value to write; a name made in a loop has its pins in a table (`pins-table.ts`).
 */
import { readFileSync } from "node:fs";
import { parse } from "@babel/parser";
import type { CallExpression, Expression, Node, ObjectExpression, ObjectProperty } from "@babel/types";
import MagicString from "magic-string";
import type { Checked } from "../check/options.ts";
import { shortPath } from "../error-sentence.ts";
import { withLock, writeWhole } from "../files.ts";
import type { Scenario } from "../scenario.ts";

/** Pins by name, in the order in which new ones are written. */
export type Pins = Readonly<Record<string, number>>;

export interface PinUpdate {
  readonly scenario: string;
  /** `unchanged`: the source says so already. `by hand`: a person must edit it. */
  readonly outcome: "updated" | "unchanged" | "by hand" | "not pinned";
  /** One sentence. */
  readonly message: string;
}

/** The pins that this check establishes, or the reason why it establishes none. */
export function pinsOf(s: Scenario, { result, statesWithoutClearing }: Checked): Pins | string {
  if (result.verdict === "incomplete") return `the run is incomplete (${result.reason})`;
  if (result.verdict === "error") return `the run is in error (${result.reason})`;
  if (s.expect.verdict !== result.verdict) {
    return `the scenario expects ${result.expected} and the verdict is "${result.verdict}"; that is for a person to decide`;
  }
  if (s.expect.verdict === "violated") {
    const { violation } = result;
    if (violation?.property === s.expect.property) return { length: violation.length };
    const [found, expected] = [JSON.stringify(violation?.property), JSON.stringify(s.expect.property)];
    return `the violated promise is ${found}, not ${expected}; that is for a person to decide`;
  }
  const { states, transitions, depth } = result;
  return { states, transitions, depth, ...(statesWithoutClearing === null ? {} : { statesWithoutClearing }) };
}

/**
 * Edits `file`. Pins that the call does not mention are left out, except `states` and `length`, which it then gets. Throws
 * what the disk refuses; the file is then as it was.
 */
export function updatePins(file: string, scenario: string, pins: Pins): PinUpdate {
  const byHand = (why: string): PinUpdate => {
    const message = `${shortPath(file)}: the pins of ${scenario} must be edited by hand, because ${why}`;
    return { scenario, outcome: "by hand", message: `${message}; they are ${written(Object.entries(pins))}` };
  };
  return withLock(file, () => {
    const text = readFileSync(file, "utf8");
    const found = findExpectations(text, scenario);
    if (found.length === 0) return byHand("no object in that file has this name written out next to a call of holds or violated");
    if (found.length > 1) return byHand("several objects in that file have this name");
    const edited = editCall(text, found[0]!, pins);
    if ("problem" in edited) return byHand(edited.problem);
    if (edited.text === text) return { scenario, outcome: "unchanged", message: `${scenario}: its pins are right` };
    writeWhole(file, edited.text);
    return { scenario, outcome: "updated", message: `${shortPath(file)}: ${scenario} now has ${edited.call}` };
  });
}

/** `1344692` as `1_344_692`; small numbers as they are. */
const numeral = (n: number): string => (n < 10_000 ? String(n) : String(n).replace(/\B(?=(\d{3})+$)/g, "_"));

const written = (pins: readonly (readonly [string, number])[]): string => pins.map(([key, n]) => `${key}: ${numeral(n)}`).join(", ");

/** The calls of `holds` or `violated` that are the `expect` of an object whose `name` is written as this text. */
function findExpectations(text: string, scenario: string): CallExpression[] {
  const found: CallExpression[] = [];
  const visit = (node: Node): void => {
    if (node.type === "ObjectExpression" && textOf(propertyOf(node, "name")) === scenario) {
      const expect = propertyOf(node, "expect");
      if (expect?.type === "CallExpression" && isExpectation(expect)) found.push(expect);
    }
    for (const value of Object.values(node) as unknown[]) {
      for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) visit(child);
    }
  };
  visit(parse(text, { sourceType: "module", plugins: ["typescript"] }).program);
  return found;
}

const isExpectation = ({ callee }: CallExpression): boolean =>
  callee.type === "Identifier" && (callee.name === "holds" || callee.name === "violated");

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value;

function memberOf(object: ObjectExpression, key: string): ObjectProperty | null {
  const isKey = (node: Node): boolean => {
    if (node.type === "Identifier") return node.name === key;
    return node.type === "StringLiteral" && node.value === key;
  };
  const matches = (p: ObjectExpression["properties"][number]): p is ObjectProperty =>
    p.type === "ObjectProperty" && !p.computed && isKey(p.key);
  return object.properties.find(matches) ?? null;
}

const propertyOf = (object: ObjectExpression, key: string): Node | null => memberOf(object, key)?.value ?? null;

function textOf(node: Node | null): string | null {
  if (node?.type === "StringLiteral") return node.value;
  return node?.type === "TemplateLiteral" && node.quasis.length === 1 ? node.quasis[0]!.value.cooked ?? null : null;
}

const startOf = (node: Node): number => node.start!;
const endOf = (node: Node): number => node.end!;

function editCall(text: string, call: CallExpression, pins: Pins): { text: string; call: string } | { problem: string } {
  const edit = new MagicString(text);
  const position = "length" in pins ? 1 : 0;
  const argument = call.arguments[position] as Expression | undefined;
  const essential = Object.entries(pins).filter(([key]) => key === "states" || key === "length");
  if (argument === undefined) {
    const last = call.arguments.at(-1);
    if (last === undefined) edit.appendLeft(endOf(call) - 1, `{ ${written(essential)} }`);
    else edit.appendLeft(endOf(last), `, { ${written(essential)} }`);
  } else if (argument.type !== "ObjectExpression") {
    return { problem: "the counts are not written out there" };
  } else {
    const missing: (readonly [string, number])[] = [];
    for (const [key, n] of Object.entries(pins)) {
      const member = memberOf(argument, key);
      if (member === null) {
        if (key === "states" || key === "length") missing.push([key, n]);
      } else if (member.value.type !== "NumericLiteral") return { problem: `${key} is not written as a number there` };
      else if (member.value.value !== n) edit.overwrite(startOf(member.value), endOf(member.value), numeral(n));
    }
    const first = argument.properties[0];
    if (missing.length > 0 && first !== undefined) edit.appendLeft(startOf(first), `${written(missing)}, `);
    else if (missing.length > 0) edit.overwrite(startOf(argument), endOf(argument), `{ ${written(missing)} }`);
  }
  const result = edit.toString();
  const grown = result.length - text.length;
  return { text: result, call: result.slice(startOf(call), endOf(call) + grown) };
}
