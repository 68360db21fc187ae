/** What is in scope at a place of a random program. */
import type { Kind, RecordInfo } from "./random-memory.ts";

export interface Local { readonly name: string; readonly kind: Kind; readonly assignable: boolean }
/** A record by its name: names of records are never used twice. */
export interface RecordLocal { readonly name: string; readonly type: RecordInfo; readonly parameter: boolean }
export interface Scope { readonly parent: Scope | null; readonly declared: Map<string,
  Local>; readonly pending: Set<string>; readonly records: RecordLocal[] }
export const innerScope = (parent: Scope | null): Scope => ({ parent, declared: new Map(), pending: new Set(), records: [] });

export const pickFrom = <T>(list: readonly T[], pick: number): T | undefined => (list.length === 0 ? undefined : list[pick % list.length]);

/** Locals that are within reach, members of records among them. */
export function visible(scope: Scope, wanted: (l: Local) => boolean): Local[] {
  const hidden = new Set<string>();
  const found: Local[] = [];
  for (let s: Scope | null = scope; s !== null; s = s.parent) {
    for (const [name, local] of s.declared) if (!hidden.has(name) && !s.pending.has(name) && wanted(local)) found.push(local);
    for (const name of [...s.declared.keys(), ...s.pending]) hidden.add(name);
  }
  return found;
}

export function isDeclared(scope: Scope, name: string): boolean {
  for (let s: Scope | null = scope; s !== null; s = s.parent) if (s.declared.has(name)) return true;
  return false;
}

/** The members of a record are locals like others, whose names have a dot in them. */
export function declareRecord(scope: Scope, name: string, type: RecordInfo, parameter: boolean): void {
  scope.records.push({ name, type, parameter });
  for (const [m, kind] of type.members.entries()) scope.declared.set(`${name}.m${m}`, { name: `${name}.m${m}`, kind, assignable: true });
}

export function visibleRecords(scope: Scope): RecordLocal[] {
  const found: RecordLocal[] = [];
  for (let s: Scope | null = scope; s !== null; s = s.parent) found.push(...s.records);
  return found;
}

/** Different records of these types, or null when there are not so many. */
export function recordsFor(scope: Scope, types: readonly RecordInfo[], pick = 0): string[] | null {
  let free = visibleRecords(scope);
  const names: string[] = [];
  for (const type of types) {
    const chosen = pickFrom(free.filter((r) => r.type === type), pick);
    if (chosen === undefined) return null;
    free = free.filter((r) => r !== chosen);
    names.push(chosen.name);
  }
  return names;
}
