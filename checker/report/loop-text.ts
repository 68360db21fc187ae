/** Of a run that goes on for ever: where its loop begins and ends, in words. */

/** Said before the first step of the loop. */
export function loopBegins(state: number): string {
  return `the loop begins here, in state ${state}`;
}

/** Said after the last step. `state`: to which the run returns; `last`: the number of the last one. */
export function loopEnds(state: number, last: number): string {
  return state === last ? "from here on nothing moves, for ever" : `back in state ${state}; from there it repeats for ever`;
}
