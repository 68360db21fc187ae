/**
 * alternating-bit-2: the alternating-bit protocol over two lossy channels, two data values, at most two messages and
 * two acknowledgements under way.
 *
 * Source: L. Lamport, "Specifying Systems", chapter 14; TLA+ Examples, `SpecifyingSystems/TLC/MCAlternatingBit` (240
 * states, 1,392 generated, depth 10). Among TLC's generated states are the 8 initial ones and 188 with a
 * third message in a channel, which its constraint then leaves out; here such a message is not sent.
 */
import { array, choose, holds, int, scenario, struct, type World } from "thpcheck";

const VALUES = 2;
const CAPACITY = 2;

const structs = {
  sender: struct({
    bit: int(0, 1, "bit of the value being sent"),
    acknowledged: int(0, 1, "bit of the last acknowledgement; equal to bit when the value has arrived"),
    value: int(0, VALUES - 1, "value being sent"),
  }),
  receiver: struct({
    bit: int(0, 1, "bit of the last message"),
    value: int(0, VALUES - 1, "value of the last message"),
  }),
  // Slots from `length` on are zero, so that equal channels are equal states.
  messages: struct({
    length: int(0, CAPACITY, "messages under way"),
    entry: array(CAPACITY, int(0, 2 * VALUES - 1, "value, plus the number of values if the bit is 1")),
  }),
  acks: struct({
    length: int(0, CAPACITY, "acknowledgements under way"),
    entry: array(CAPACITY, int(0, 1, "bit of the acknowledgement")),
  }),
};
type K = World<typeof structs>;

function sendMessage(k: K): void {
  k.messages.entry.set(k.messages.length.get(), k.sender.bit.get() * VALUES + k.sender.value.get());
  k.messages.length.add(1);
}

function removeMessage(k: K, index: number): number {
  const entry = k.messages.entry.get(index);
  const last = k.messages.length.get() - 1;
  for (let i = index; i < last; i++) k.messages.entry.set(i, k.messages.entry.get(i + 1));
  k.messages.entry.set(last, 0);
  k.messages.length.set(last);
  return entry;
}

function removeAck(k: K, index: number): number {
  const bit = k.acks.entry.get(index);
  const last = k.acks.length.get() - 1;
  for (let i = index; i < last; i++) k.acks.entry.set(i, k.acks.entry.get(i + 1));
  k.acks.entry.set(last, 0);
  k.acks.length.set(last);
  return bit;
}

export default scenario({
  name: `alternating-bit-${CAPACITY}`,
  why: "the count of TLC",
  tier: "quick",
  config: { values: VALUES, capacity: CAPACITY },
  model: {
    structs,
    init: (k: K) => {
      const bit = choose(k, "bit", 2);
      k.sender.bit.set(bit);
      k.sender.acknowledged.set(bit);
      k.receiver.bit.set(bit);
      k.sender.value.set(choose(k, "value sent", VALUES));
      k.receiver.value.set(choose(k, "value received", VALUES));
    },
    actors: [
      {
        name: "sender",
        step: (k: K) => {
          if (k.messages.length.get() === CAPACITY) return null;
          if (k.sender.acknowledged.get() !== k.sender.bit.get()) {
            sendMessage(k);
            return "send again";
          }
          k.sender.value.set(choose(k, "value", VALUES));
          k.sender.bit.set(1 - k.sender.bit.get());
          sendMessage(k);
          return "send a new value";
        },
        atRest: () => false,
      },
      {
        name: "sender-ack",
        step: (k: K) => {
          if (k.acks.length.get() === 0) return null;
          k.sender.acknowledged.set(removeAck(k, 0));
          return "receive acknowledgement";
        },
        atRest: () => false,
      },
      {
        name: "receiver",
        step: (k: K) => {
          if (k.messages.length.get() === 0) return null;
          const message = removeMessage(k, 0);
          k.receiver.bit.set(message >= VALUES ? 1 : 0);
          k.receiver.value.set(message % VALUES);
          return "receive message";
        },
        atRest: () => false,
      },
      {
        name: "receiver-ack",
        step: (k: K) => {
          if (k.acks.length.get() === CAPACITY) return null;
          k.acks.entry.set(k.acks.length.get(), k.receiver.bit.get());
          k.acks.length.add(1);
          return "acknowledge";
        },
        atRest: () => false,
      },
      {
        name: "message-channel",
        step: (k: K) => {
          if (k.messages.length.get() === 0) return null;
          removeMessage(k, choose(k, "message", k.messages.length.get()));
          return "lose message";
        },
        atRest: () => false,
      },
      {
        name: "ack-channel",
        step: (k: K) => {
          if (k.acks.length.get() === 0) return null;
          removeAck(k, choose(k, "acknowledgement", k.acks.length.get()));
          return "lose acknowledgement";
        },
        atRest: () => false,
      },
    ],
  },
  always: {
    /** The receiver has the current bit, and the sender does not know yet. */
    "what has arrived is what was sent": (k: K) => k.sender.acknowledged.get() === k.sender.bit.get()
      || k.receiver.bit.get() !== k.sender.bit.get()
      || k.receiver.value.get() === k.sender.value.get(),
  },
  endless: true,
  expect: holds({ states: 240, transitions: 1_392 - 8 - 188, depth: 10 }),
});
