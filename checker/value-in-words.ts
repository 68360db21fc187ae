/** A value in words, for the message that says what stands where something else must. Worker threads load it: no packages. */
import { types } from "node:util";

const TEXT_SHOWN = 60;

/** At most 60 characters. */
export const shortened = (text: string): string => (text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN - 3)}...` : text);

/** What a value is, for a message: `7`, `"abc"`, `an array`, `an async function`, `nothing`. Never throws. */
export function inWords(value: unknown): string {
  switch (typeof value) {
    case "string": return shortened(JSON.stringify(value));
    case "bigint": return shortened(`${value}n`);
    case "function": return types.isProxy(value) ? "a Proxy" : functionInWords(value);
    case "object": return value === null ? "null" : types.isProxy(value) ? "a Proxy" : objectInWords(value);
    case "number": return Object.is(value, -0) ? "-0" : String(value);
    case "boolean": case "symbol": return String(value);
    case "undefined": return "nothing";
  }
}

/** Which kind of function, or a class. */
export function functionInWords(f: object): string {
  const kind = Object.prototype.toString.call(f).slice(8, -1);
  if (kind === "AsyncFunction") return "an async function";
  if (kind === "GeneratorFunction") return "a generator function";
  if (kind === "AsyncGeneratorFunction") return "an async generator function";
  return Function.prototype.toString.call(f).startsWith("class") ? "a class" : "a function";
}

function objectInWords(o: object): string {
  if (Array.isArray(o)) return o.length === 0 ? "an empty array" : "an array";
  if (o instanceof Promise) return "a promise";
  if (!isRecord(o)) return `an object of class ${className(o)}`;
  const keys = Object.keys(o);
  return keys.length === 0 ? "an empty object" : shortened(`{ ${keys.join(", ")} }`);
}

function className(o: object): string {
  const made = (Object.getPrototypeOf(o) as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return typeof made === "string" && made !== "" ? made : "unknown";
}

/** Whether the value is made of keys and values and nothing else: `{...}`, or the names that a module exports. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty"));
}
