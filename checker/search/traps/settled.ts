/** The states of which it is known that a goal can be reached. */
export class Settled {
  /** By number: 1, or 0. Whoever adds a state by hand (as the loops do that must be fast) sets this, the bit, and `left`. */
  readonly byNumber: Uint8Array;
  /** By place: a bit. */
  readonly byPlace: Int32Array;
  /** Of each state, by number. */
  readonly places: Int32Array;
  /** How many states are not settled. */
  left: number;

  /** Places run from 0 to `slots` - 1. */
  constructor(places: Int32Array, slots: number) {
    this.places = places;
    this.byNumber = new Uint8Array(places.length);
    this.byPlace = new Int32Array(Math.ceil(slots / 32));
    this.left = places.length;
  }

  hasPlace(place: number): boolean {
    return ((this.byPlace[place >>> 5]! >>> place) & 1) === 1;
  }

  /** Adds a state that is not there. */
  add(id: number): void {
    const place = this.places[id]!;
    this.byNumber[id] = 1;
    this.byPlace[place >>> 5]! |= 1 << place;
    this.left--;
  }
}
