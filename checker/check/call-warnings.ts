/**
 * Warnings of a check that holds because nothing happens: no call from the outside ever succeeds, or a thread never gets past its
 * first call. Asked of complete searches only: what a search did not see may still have succeeded.
 */
import { shortPath } from "../error-sentence.ts";
import { count } from "../numbers.ts";
import { isModel, type Scenario } from "../scenario.ts";
import type { Outcome } from "../search/explore.ts";
import { CALL_SUCCEEDED, type CallOutcomes, type OutsideCallSite, type TransitionSystem } from "../system.ts";

/** The warnings, in the order of the threads. */
export function callWarnings(s: Scenario, { calls, actors }: TransitionSystem, { complete, callsSeen }: Outcome): string[] {
  if (calls === undefined || callsSeen === null || !complete || isModel(s)) return [];
  const seen = actors.map((_, actor) => seenBy(actor, actors.length, calls, callsSeen));
  const threads = actors.flatMap(({ name, daemon }, actor) => (daemon ? [] : threadWarning(s, name, seen[actor]!)));
  return [...wholeWarning(s, seen.flat()), ...threads];
}

/** A place, and what one actor has seen there: bits CALL_*. */
interface Seen {
  readonly site: OutsideCallSite;
  readonly bits: number;
}

/** The places in the code of the actor. */
function seenBy(actor: number, actors: number, { sites }: CallOutcomes, seen: Uint8Array): Seen[] {
  return sites.flatMap((site, row) => (site.actors.includes(actor) ? [{ site, bits: seen[row * actors + actor]! }] : []));
}

const succeeds = ({ bits }: Seen): boolean => (bits & CALL_SUCCEEDED) !== 0;
const called = ({ site: { callee, place } }: Seen): string => `${callee} (${shortPath(place.file)}:${place.line})`;

function wholeWarning({ allFail }: Scenario, seen: readonly Seen[]): string[] {
  const one = seen.find(succeeds);
  if (allFail !== undefined) return one === undefined ? [] : [`it says that every call fails (allFail), and ${called(one)} succeeds`];
  if (seen.length === 0 || one !== undefined) return [];
  const places = [...new Set(seen.map(called))];
  return [
    `no call ever succeeds, of ${count(places.length, "place")}: ${shortened(places)}; what holds may hold because nothing happens ` +
      "(if that is meant, say why in allFail)",
  ];
}

const PLACES_SHOWN = 3;

function shortened(places: readonly string[]): string {
  return places.length <= PLACES_SHOWN ? places.join(", ") : `${places.slice(0, PLACES_SHOWN).join(", ")}, ...`;
}

function threadWarning(s: Scenario, name: string, places: readonly Seen[]): string[] {
  const returned = places.filter(({ bits }) => bits !== 0);
  const isCut = places.length > 0 && (returned.length === 0 || (returned.length === 1 && places.length > 1));
  if (s.cutShort?.[name] !== undefined) return isCut ? [] : [`it says that thread ${name} is cut short (cutShort), and it is not`];
  if (!isCut) return [];
  const first = returned[0];
  const how = first === undefined
    ? `never returns from a call, such as ${called(places[0]!)}`
    : `never gets past its first call, ${called(first)}${succeeds(first) ? "" : ", which always fails"}`;
  return [`thread ${name} ${how} (if that is meant, say why in cutShort)`];
}
