/**
 * Counters that threads move, held to a machine whose routes and abstractions take what a lowering could get wrong: arguments that
 * are left out, that are booleans or have more than 32 bits, instances and payloads that do not exist, functions to which a route hands
 * its parameters on, and values that WebAssembly leaves to JavaScript in the middle of a check.
 */
import {
  at, choose, emit, holds, int, scenario, table, violated, type Refinement, type Routine, type Scenario, type U8, type World,
} from "thpcheck";

/** More than a word of bits has room for. */
const COUNTERS = 36;
/** Those that are moved by choice. */
const CHOSEN = 4;
const STATES = 8;
const SET = 1;
const RAISE = 2;
const FLAG = 3;
const FIRST = 4;
const NOWHERE = 5;

const structs = { counter: table(COUNTERS, { value: int(0, STATES - 1, "what it counts") }) };
type K = World<typeof structs>;
type Args = readonly number[];
type Bounds = Readonly<Record<string, number>>;
type Move = (instance: number, payload: number) => void;

const LIMITS: readonly [number, number] = [0, 1];
const NONE = null as readonly [number, number] | null;

/** A route hands its parameters on, in an order of their own. */
function moveAll(move: Move, from: number, bounds: Bounds, args: Args): void {
  for (let n = from; n < last(args, bounds); n++) move(n, 1);
}
function last(args: Args, bounds: Bounds): number {
  return Math.min(args[LIMITS[0]]! + 2 ** args[LIMITS[1]]!, bounds["chosen"]!);
}

const EVENTS: Refinement<typeof structs>["events"] = [
  { event: SET, name: "SET", payloads: STATES, route: (args, _bounds, move) => { move(args[0]!, args[1]!); } },
  { event: RAISE, name: "RAISE", payloads: 2,
    route: (args, bounds, move) => { moveAll(move, NONE === null ? args[0]! : NONE[0], bounds, args); } },
  { event: FLAG, name: "FLAG", payloads: 2, route: (args, _bounds, move) => move(args[0]!, args[1]!) },
  { event: FIRST, name: "FIRST", payloads: 1, route: (args, _bounds, move) => { if (args[5] === 0) move(args[0]!, args[1]!); } },
  { event: NOWHERE, name: "NOWHERE", payloads: 1, route: (_args, bounds, move) => { move(-1, 0); move(bounds["counters"]!, 0); } },
];

function next(state: number, event: number, payload: number): number {
  switch (event) {
    case SET: return payload;
    case RAISE: return payload === 1 ? (state + 1) % STATES : -1;
    case FLAG: return payload;
    case FIRST: return 0;
    default: return -1;
  }
}

type Abstract = (k: K, n: number) => number;
const machine = (abstract: Abstract, name = "counter"): Refinement<typeof structs> => ({
  machine: name, instances: COUNTERS, title: (n) => `counter ${n}`, bounds: { counters: COUNTERS, chosen: CHOSEN },
  states: STATES, abstract, next,
  describe: (s) => `at ${s}`, events: EVENTS, arrows: [{ name: "any", lacks: null }], arrow: () => 0,
});

const plain: Abstract = (k, n) => k.counter.value.get(n);
/** A half, and twice that: no whole number in between, so WebAssembly leaves each odd value to JavaScript. */
const halves: Abstract = (k, n) => (k.counter.value.get(n) / 2) * 2;
/** 33 bits where the value is 3. */
const wide: Abstract = (k, n) => (k.counter.value.get(n) === 3 ? 2 ** 32 : 0) + k.counter.value.get(n);
const nothing: Abstract = (k, n) => (k.counter.value.get(n) === 4 ? undefined as unknown as number : k.counter.value.get(n));
const truth: Abstract = (k, n) => (k.counter.value.get(n) > 0) as unknown as number;

function* setter(k: K): Routine {
  for (let times: U8 = 0; times < 2; times++) {
    yield at("set");
    const n = choose(k, "counter", CHOSEN) + (COUNTERS - CHOSEN) * choose(k, "end", 2);
    const value = choose(k, "value", 4);
    k.counter.value.set(n, value);
    emit(k, SET, n, value);
    // Nobody is there, so nobody is moved.
    emit(k, NOWHERE);
  }
}
function* raiser(k: K): Routine {
  yield at("raise");
  const order = choose(k, "order", 3);
  for (let n = 1; n < Math.min(1 + 2 ** order, CHOSEN); n++) k.counter.value.set(n, (k.counter.value.get(n) + 1) % STATES);
  emit(k, RAISE, 1, order);
  yield at("flag");
  const flag = k.counter.value.get(0) > 1;
  k.counter.value.set(0, flag ? 1 : 0);
  emit(k, FLAG, 0, flag as unknown as number);
  yield at("first");
  k.counter.value.set(2, 0);
  emit(k, FIRST, 2);
}
function* faulty(k: K): Routine {
  yield at("say what is not");
  const which = choose(k, "what", 3);
  // More than 32 bits: the record of events keeps 32 of them. A payload that no column has. An event that leads elsewhere.
  if (which === 0) emit(k, SET, 3, 2 ** 33 + k.counter.value.get(3));
  else if (which === 1) emit(k, FLAG, 3, STATES + k.counter.value.get(3));
  else emit(k, SET, 3, (k.counter.value.get(3) + 1) % STATES);
}

const threads = [{ name: "setter", run: setter }, { name: "raiser", run: raiser }];
const counters = (name: string, refine: readonly Refinement<typeof structs>[], more: readonly (typeof faulty)[] = []): Scenario =>
  scenario<typeof structs>({
    name: `counters-${name}`, why: "a machine that is lowered", tier: "quick", structs, refine,
    threads: [...threads, ...more.map((run) => ({ name: "faulty", run }))],
    expect: more.length > 0 ? violated(`refines ${refine[0]!.machine}`) : holds(),
  }) as unknown as Scenario;

/** Those that hold, those that do not, and one that is not lowered. */
export const refined = [
  counters("plain", [machine(plain)]), counters("two-machines", [machine(plain), machine(halves, "by halves")]),
  counters("halves", [machine(halves)]),
];
export const refused = [
  counters("faulty", [machine(plain)], [faulty]), counters("faulty-twice", [machine(halves), machine(plain, "other")], [faulty]),
  counters("wide", [machine(wide)]), counters("nothing", [machine(nothing)]),
];
export const notLowered = counters("truth", [machine(truth)]);
