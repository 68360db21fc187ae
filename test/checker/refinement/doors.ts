/**
 * A toy to be held to a machine: doors that threads lock, open, close and unlock. The machine of a door:
 * shut -> locked -> shut, shut -> open -> shut; a locked door does not open. Faults are seeded by name.
 */
import { at, bool, choose, emit, holds, int, scenario, struct, table, violated, type Routine, type Scenario, type U8, type World } from "thpcheck";
import { REFUSED, type Refinement } from "thpcheck";

export const DOOR_OPEN = 1;
export const DOOR_SHUT = 2;
export const DOOR_LOCK = 3;
export const DOOR_UNLOCK = 4;
/** All doors from the first argument up to, and without, the second are shut, whatever they were. */
export const DOOR_SHUT_ALL = 5;

const SHUT = 0;
const OPEN = 1;
const LOCKED = 2;
const NAMES = ["shut", "open", "locked"];

const structs = {
  house: struct({ doors: int(3, 3, "doors"), visits: int(0, 3, "nothing that a machine looks at") }),
  door: table(3, { isOpen: bool("it is open"), isLocked: bool("it is locked"), paint: int(0, 3, "its colour") }),
};
type K = World<typeof structs>;

export type Fault = "silent" | "ignored" | "wrong state" | "wrong instance" | "none";

export function doorState(k: K, door: number): number {
  if (isOpen(k, door)) return OPEN;
  return k.door.isLocked.get(door) ? LOCKED : SHUT;
}
function isOpen(k: K, n: number): boolean {
  return k.door.isOpen.get(n);
}

export const doors: Refinement<typeof structs> = {
  machine: "door", instances: 3, title: (n) => `door ${n}`, bounds: { doors: 3 }, states: 3,
  describe: (s) => NAMES[s]!,
  abstract: doorState,
  events: [
    ...[["DOOR_OPEN", DOOR_OPEN], ["DOOR_SHUT", DOOR_SHUT], ["DOOR_LOCK", DOOR_LOCK], ["DOOR_UNLOCK", DOOR_UNLOCK]].map(([name, event]) => ({
      event: event as number, name: name as string, payloads: 1,
      route: (args: readonly number[], _bounds: unknown, move: (instance: number, payload: number) => void) => move(args[0]!, 0),
    })),
    {
      event: DOOR_SHUT_ALL, name: "DOOR_SHUT_ALL", payloads: 2,
      route: (args, bounds, move) => { for (let n = args[0]!; n < args[1]! && n < bounds["doors"]!; n++) move(n, args[2]!); },
    },
  ],
  next: (state, event, payload) => {
    switch (event) {
      case DOOR_OPEN: return state === SHUT ? OPEN : REFUSED;
      case DOOR_SHUT: return state === OPEN ? SHUT : REFUSED;
      case DOOR_LOCK: return state === SHUT ? LOCKED : REFUSED;
      case DOOR_UNLOCK: return state === LOCKED ? SHUT : REFUSED;
      case DOOR_SHUT_ALL: return state === LOCKED && payload === 0 ? LOCKED : SHUT;
      default: return REFUSED;
    }
  },
  arrows: NAMES.map((name) => ({ name: `from ${name}`, lacks: null })),
  arrow: (state) => state,
};

function* visitor(k: K): Routine {
  yield at("knock");
  const n: U8 = choose(k, "door", 3);
  k.house.visits.set(1 + n);
  yield at("open", () => !k.door.isLocked.get(n) && !k.door.isOpen.get(n));
  k.door.isOpen.set(n, true);
  emit(k, DOOR_OPEN, n);
  yield at("paint");
  k.door.paint.set(n, 1);
  yield at("shut", () => k.door.isOpen.get(n));
  k.door.isOpen.set(n, false);
  emit(k, DOOR_SHUT, n);
}

function* keeper(k: K): Routine {
  yield at("lock", () => !k.door.isOpen.get(1));
  // Two events of one instance in one step, and a third of another.
  k.door.isLocked.set(1, true);
  emit(k, DOOR_LOCK, 1);
  emit(k, DOOR_UNLOCK, 1);
  emit(k, DOOR_LOCK, 1);
  yield at("shut all", () => k.door.isOpen.get(0) || k.door.isOpen.get(2) || !k.door.isLocked.get(0));
  for (let n = 0; n < 3; n++) if (n !== 1 && k.door.isOpen.get(n)) k.door.isOpen.set(n, false);
  emit(k, DOOR_SHUT_ALL, 0, 3, 0);
  yield at("unlock");
  k.door.isLocked.set(1, false);
  emit(k, DOOR_UNLOCK, 1);
}

function* silent(k: K): Routine {
  yield at("paint and lock");
  k.door.paint.set(2, 2);
  k.door.isLocked.set(2, true);
}
function* ignored(k: K): Routine {
  yield at("unlock what is not locked");
  emit(k, DOOR_UNLOCK, 2);
}
function* wrongState(k: K): Routine {
  yield at("lock, and say open");
  k.door.isLocked.set(2, true);
  emit(k, DOOR_OPEN, 2);
}
function* wrongInstance(k: K): Routine {
  yield at("lock, and name another");
  k.door.isLocked.set(2, true);
  emit(k, DOOR_LOCK, 0);
}

/** The visitor may be shut out for ever: both threads are daemons. */
export function doorScenario(fault: Fault): Scenario {
  const faulty = { silent, ignored, "wrong state": wrongState, "wrong instance": wrongInstance, none: null }[fault];
  return scenario<typeof structs>({
    name: `doors-${fault.replace(" ", "-")}`, why: "a toy of refinement", tier: "quick", structs, refine: [doors],
    threads: [
      { name: "visitor", run: visitor, daemon: true }, { name: "keeper", run: keeper, daemon: true },
      ...(faulty === null ? [] : [{ name: "faulty", run: faulty }]),
    ],
    expect: fault === "none" ? holds() : violated("refines door"),
  }) as unknown as Scenario;
}
