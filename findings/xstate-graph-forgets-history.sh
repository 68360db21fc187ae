#!/usr/bin/env bash
# xstate 5.33.3, `xstate/graph`: what a history state remembers is no part of a state's key, so reachable transitions are lost.
#
# A player is paused in `slow` or in `fast`, and PLAY takes up what was left. "paused after fast" has the same value and
# context as "paused after slow", so getAdjacencyMap() visits `paused` once: PLAY leads to `slow` only. getShortestPaths()
# has no path that resumes `fast`, which transition() itself does: a test made from the paths never tries it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund xstate@5.33.3
cat >run.mjs <<'JS'
import { createMachine, initialTransition, transition } from "xstate";
import { getAdjacencyMap, getShortestPaths } from "xstate/graph";

const player = createMachine({
  initial: "playing",
  states: {
    playing: {
      initial: "slow",
      states: {
        slow: { on: { FASTER: "fast" } },
        fast: {},
        resumed: { type: "history" },
      },
      on: { PAUSE: "paused" },
    },
    paused: { on: { PLAY: "waking" } },
    // Where one wakes up tells the two apart.
    waking: { on: { GO: "playing.resumed" } },
  },
});
const map = getAdjacencyMap(player);
const go = Object.values(map).flatMap((s) => Object.values(s.transitions)).filter((t) => t.event.type === "GO");
console.log(`GO leads to ${go.map((t) => JSON.stringify(t.state.value)).join(" or ")}`);
console.log(`${Object.keys(map).length} states`);
const events = ["FASTER", "PAUSE", "PLAY", "GO"];
const end = events.reduce((s, type) => transition(player, s, { type })[0], initialTransition(player)[0]);
console.log(`${events.join(", ")} ends in ${JSON.stringify(end.value)}`);
const paths = getShortestPaths(player).flatMap((p) => p.steps.map((s) => s.event.type).join());
console.log(`a path that resumes fast: ${paths.some((p) => p.includes("FASTER,PAUSE,PLAY,GO"))}`);
JS
seen=$(node run.mjs)
echo "$seen"
[ "$seen" = 'GO leads to {"playing":"slow"}
4 states
FASTER, PAUSE, PLAY, GO ends in {"playing":"fast"}
a path that resumes fast: false' ] || { echo "CHANGED: xstate 5.33.3 lost the way to fast"; exit 1; }
echo "as found: the map says that GO leads to slow only; the machine itself goes to fast as well"
