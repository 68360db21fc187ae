#!/usr/bin/env bash
# xstate 5.33.3, `xstate/graph`: states that differ only in a Set or a Map of the context are explored as one.
#
# getAdjacencyMap() makes the key of a state with JSON.stringify(). JSON has no word for a Set or a Map (it writes {}), and
# none for NaN and Infinity (it writes null). So a search that looks exhaustive stops at the first state, and says nothing.
# The same machine with an array in place of the Set has its five states. `serializeState` is the way out.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund xstate@5.33.3
cat >run.mjs <<'JS'
import { assign, createMachine } from "xstate";
import { getAdjacencyMap } from "xstate/graph";

// A visitor signs in up to four times. With a Set, and with an array.
const machine = (empty, add) => createMachine({
  context: { seen: empty },
  on: { SIGN: { actions: assign({ seen: ({ context }) => add(context.seen) }) } },
});
const withSet = machine(new Set(), (seen) => new Set([...seen, Math.min(seen.size, 3)]));
const withMap = machine(new Map(), (seen) => new Map([...seen, [Math.min(seen.size, 3), true]]));
const withArray = machine([], (seen) => seen.length < 4 ? [...seen, seen.length] : seen);
const numbers = createMachine({
  context: { n: 0 },
  on: Object.fromEntries([NaN, Infinity, -Infinity, null].map((n) => [`TO_${n}`, { actions: assign({ n }) }])),
});
const count = (m, options) => Object.keys(getAdjacencyMap(m, options)).length;
console.log(`set ${count(withSet)}, map ${count(withMap)}, array ${count(withArray)}, numbers ${count(numbers)}`);
const serializeState = (s) => JSON.stringify([s.value, [...s.context.seen]]);
console.log(`set with a key of its own ${count(withSet, { serializeState })}`);
JS
seen=$(node run.mjs)
echo "$seen"
[ "$seen" = "set 1, map 1, array 5, numbers 2
set with a key of its own 5" ] || { echo "CHANGED: the states are not counted as they were in xstate 5.33.3"; exit 1; }
echo "as found: 5 states, of which 1 is explored; 5 values of a number, of which 2 are told apart"
