/**
 * Loads a module once more, beside the first time and as if by another process a good year later: what it computes from chance,
 * the time or the number of the process is then something else. What it finds in the environment is not: that is the same in
 * every process of a run.
 */
import { anotherLoad } from "../patch/patch.ts";
import { loadModule, type Loaded } from "./project.ts";

/** 400 days, 13 hours, 37 minutes, 11 seconds and a bit: another year, month, day, weekday, hour, minute and second. */
const LATER_MS = (((400 * 24 + 13) * 60 + 37) * 60 + 11) * 1000 + 123;

const loading = new Map<string, Promise<Loaded>>();

/** What the module gives then; each module is loaded only once in this way. Rejects as `loadModule` does. */
export function loadAgain(file: string, patch: string | null): Promise<Loaded> {
  const id = anotherLoad(patch);
  const known = loading.get(`${id} ${file}`);
  if (known !== undefined) return known;
  const loaded = later(() => loadModule(file, id));
  loaded.catch(() => {});
  loading.set(`${id} ${file}`, loaded);
  return loaded;
}

async function later<T>(work: () => Promise<T>): Promise<T> {
  const { Date: now } = globalThis;
  const pid = Object.getOwnPropertyDescriptor(process, "pid")!;
  globalThis.Date = new Proxy(now, {
    construct: (target, args, made) => Reflect.construct(target, args.length === 0 ? [target.now() + LATER_MS] : args, made) as object,
    apply: (target) => new target(target.now() + LATER_MS).toString(),
    get: (target, key) => (key === "now" ? () => target.now() + LATER_MS : Reflect.get(target, key) as unknown),
  });
  Object.defineProperty(process, "pid", { ...pid, value: process.pid + 1 });
  try {
    return await work();
  } finally {
    globalThis.Date = now;
    Object.defineProperty(process, "pid", pid);
  }
}
