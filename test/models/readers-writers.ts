/**
 * readers-writers-N: readers and writers served in the order of their requests, by one queue.
 *
 * Source: TLA+ Examples, `specifications/ReadersWriters` (n=2: 390 states, 935 generated, depth 9; n=3: 21,527, 59,674,
 * 13), the initial state among the generated.
 */
import { array, bitset, holds, int, scenario, struct, type ModelActor, type Scenario, type World } from "thpcheck";

function structs(clients: number) {
  return {
    resource: struct({
      readers: bitset(clients, "clients that read"),
      writers: bitset(clients, "clients that write"),
    }),
    queue: struct({
      length: int(0, 2 * clients, "requests that wait"),
      // Slots from `length` on are zero, so that equal queues are equal states.
      request: array(2 * clients, int(0, 2 * clients - 1, "client, plus the number of clients if it wants to write")),
    }),
  };
}
type QueueStructs = ReturnType<typeof structs>;
type K = World<QueueStructs>;

function waits(k: K, request: number): boolean {
  for (let i = 0; i < k.queue.length.get(); i++) if (k.queue.request.get(i) === request) return true;
  return false;
}

function append(k: K, request: number): void {
  k.queue.request.set(k.queue.length.get(), request);
  k.queue.length.add(1);
}

function removeFirst(k: K): number {
  const first = k.queue.request.get(0);
  const last = k.queue.length.get() - 1;
  for (let i = 0; i < last; i++) k.queue.request.set(i, k.queue.request.get(i + 1));
  k.queue.request.set(last, 0);
  k.queue.length.set(last);
  return first;
}

/** Requests, and stops what it was allowed to do; it may ask again while it reads, writes or waits for the other. */
function client(me: number, clients: number): ModelActor<QueueStructs>[] {
  return [
    {
      name: `client${me}-reads`,
      step: (k: K) => {
        if (waits(k, me)) return null;
        append(k, me);
        return "ask to read";
      },
      atRest: () => false,
    },
    {
      name: `client${me}-writes`,
      step: (k: K) => {
        if (waits(k, clients + me)) return null;
        append(k, clients + me);
        return "ask to write";
      },
      atRest: () => false,
    },
    {
      name: `client${me}-stops`,
      step: (k: K) => {
        if (k.resource.readers.has(me)) k.resource.readers.remove(me);
        else if (k.resource.writers.has(me)) k.resource.writers.remove(me);
        else return null;
        return "stop";
      },
      atRest: () => false,
    },
  ];
}

function server(clients: number): ModelActor<QueueStructs> {
  return {
    name: "server",
    step: (k: K) => {
      if (k.queue.length.get() === 0 || k.resource.writers.get() !== 0) return null;
      const request = k.queue.request.get(0);
      if (request < clients) {
        k.resource.readers.insert(removeFirst(k));
        return "let read";
      }
      if (k.resource.readers.get() !== 0) return null;
      k.resource.writers.insert(removeFirst(k) - clients);
      return "let write";
    },
    atRest: () => false,
  };
}

function readersWriters(clients: number, tier: "quick" | "full", states: number, transitions: number, depth: number): Scenario<QueueStructs> {
  return scenario({
    name: `readers-writers-${clients}`,
    why: "the count of TLC",
    tier,
    config: { clients },
    model: { structs: structs(clients), actors: [server(clients), ...Array.from({ length: clients }, (_, c) => client(c, clients)).flat()] },
    always: {
      "readers exclude writers": (k: K) => k.resource.readers.get() === 0 || k.resource.writers.get() === 0,
      "one writer": (k: K) => k.resource.writers.size() <= 1,
    },
    endless: true,
    expect: holds({ states, transitions, depth }),
  });
}

export default [
  readersWriters(2, "quick", 390, 934, 9),
  readersWriters(3, "quick", 21_527, 59_673, 13),
  readersWriters(4, "full", 2_192_020, 7_069_236, 17),
];
