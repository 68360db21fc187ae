/**
 * fifo-3: a buffer between two handshake channels, three messages, at most three of them in the buffer.
 *
 * Source: L. Lamport, "Specifying Systems", chapter 4; TLA+ Examples, `SpecifyingSystems/FIFO/MCInnerFIFO` (3,864 states,
 * 9,660 generated, depth 11). Among TLC's generated states are the 36 initial ones and 1,944 with a fourth message in
 * the buffer, which its constraint then leaves out; here the buffer does not receive that message.
 */
import { array, bool, choose, holds, int, scenario, struct, type World } from "thpcheck";

const MESSAGES = 3;
const CAPACITY = 3;

const channel = (what: string) => struct({
  value: int(0, MESSAGES - 1, `last message sent ${what}`),
  ready: bool("flips with each message sent"),
  acknowledged: bool("flips with each message received; equal to ready when nothing is under way"),
});
const structs = {
  input: channel("into the buffer"),
  output: channel("out of the buffer"),
  buffer: struct({
    length: int(0, CAPACITY, "messages in the buffer"),
    // Slots from `length` on are zero, so that equal buffers are equal states.
    message: array(CAPACITY, int(0, MESSAGES - 1, "messages, oldest first")),
  }),
};
type K = World<typeof structs>;

export default scenario({
  name: `fifo-${CAPACITY}`,
  why: "the count of TLC",
  tier: "quick",
  config: { messages: MESSAGES, capacity: CAPACITY },
  model: {
    structs,
    init: (k: K) => {
      const inputBit = choose(k, "input bit", 2) === 1;
      k.input.value.set(choose(k, "input value", MESSAGES));
      k.input.ready.set(inputBit);
      k.input.acknowledged.set(inputBit);
      const outputBit = choose(k, "output bit", 2) === 1;
      k.output.value.set(choose(k, "output value", MESSAGES));
      k.output.ready.set(outputBit);
      k.output.acknowledged.set(outputBit);
    },
    actors: [
      {
        name: "sender",
        step: (k: K) => {
          if (k.input.ready.get() !== k.input.acknowledged.get()) return null;
          k.input.value.set(choose(k, "message", MESSAGES));
          k.input.ready.set(!k.input.ready.get());
          return "send";
        },
        atRest: () => false,
      },
      {
        name: "buffer-in",
        step: (k: K) => {
          if (k.buffer.length.get() === CAPACITY || k.input.ready.get() === k.input.acknowledged.get()) return null;
          k.input.acknowledged.set(!k.input.acknowledged.get());
          k.buffer.message.set(k.buffer.length.get(), k.input.value.get());
          k.buffer.length.add(1);
          return "buffer receives";
        },
        atRest: () => false,
      },
      {
        name: "buffer-out",
        step: (k: K) => {
          if (k.buffer.length.get() === 0 || k.output.ready.get() !== k.output.acknowledged.get()) return null;
          k.output.value.set(k.buffer.message.get(0));
          k.output.ready.set(!k.output.ready.get());
          const last = k.buffer.length.get() - 1;
          for (let i = 0; i < last; i++) k.buffer.message.set(i, k.buffer.message.get(i + 1));
          k.buffer.message.set(last, 0);
          k.buffer.length.set(last);
          return "buffer sends";
        },
        atRest: () => false,
      },
      {
        name: "receiver",
        step: (k: K) => {
          if (k.output.ready.get() === k.output.acknowledged.get()) return null;
          k.output.acknowledged.set(!k.output.acknowledged.get());
          return "receive";
        },
        atRest: () => false,
      },
    ],
  },
  endless: true,
  expect: holds({ states: 3_864, transitions: 9_660 - 36 - 1_944, depth: 11 }),
});
