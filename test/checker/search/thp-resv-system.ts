/**
 * The thp-resv model (see test/models) as a hand-packed transition system of 16 bytes: F fault threads, khugepaged,
 * a shrinker and one munmap over R huge-page ranges of 4 base pages.
 *
 * Words: 0 globals (rd 3 bits, wr, sl, nr 5, fb 3), 1 ranges (10 bits each: resv, huge, broken, mapped 4, unused 3),
 * 2 fault threads (10 bits each: pc 3, r 2, p 3, n 2), 3 the others (kpc 2, kr 2, kn 2, spc 2, sr 2, sn 2, mpc 3, mr 2).
 * References are stored plus one; 0 is NONE.
 */
import type { ActorInfo, ActorPosition, Explanation, NamedValue, PropertyKind, TransitionSystem } from "../../../checker/system.ts";
import { STEP_DISABLED, STEP_TAKEN } from "../../../checker/system.ts";
import { BranchScript } from "./branch-script.ts";

export interface ThpResvBounds {
  readonly F: number; readonly K: number; readonly R: number; readonly CK: number; readonly CS: number; readonly TH: number; readonly NB: number;
  /** 0 none; 1 promotion forgets nr -= unused; 2 munmap takes the spinlock before mmap_lock; 3 a reservation asks for "not broken" in place of "nothing mapped". */
  readonly BUG: 0 | 1 | 2 | 3;
}
export const S: ThpResvBounds = { F: 1, K: 2, R: 2, CK: 1, CS: 1, TH: 2, NB: 1, BUG: 0 };
export const M: ThpResvBounds = { F: 2, K: 1, R: 2, CK: 2, CS: 2, TH: 2, NB: 1, BUG: 0 };
export const L: ThpResvBounds = { F: 2, K: 2, R: 2, CK: 1, CS: 1, TH: 2, NB: 1, BUG: 0 };
export const XL: ThpResvBounds = { F: 2, K: 2, R: 2, CK: 2, CS: 2, TH: 2, NB: 1, BUG: 0 };

const H = 4;
const RD = 0, WR = 3, SL = 4, NR = 5, FB = 10;
const HUGE = 1, BROKEN = 2, MAPPED = 3, UNUSED = 7;
const TR = 3, TP = 5, TN = 8;
const KPC = 0, KR = 2, KN = 4, SPC = 6, SR = 8, SN = 10, MPC = 12, MR = 15;
const POPCOUNT = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];

export function instantiate(bounds: ThpResvBounds): ThpResvSystem {
  return new ThpResvSystem(bounds);
}

export class ThpResvSystem implements TransitionSystem {
  readonly stateWords = 4;
  readonly vector = new Int32Array(4);
  readonly actors: readonly ActorInfo[];
  readonly always = ["I1", "I2", "I3", "I4", "I5"];
  readonly stepProperties: readonly string[] = [];
  readonly finally = ["all locks are free"];
  readonly sometimes = ["promoted"];
  readonly #b: ThpResvBounds;
  readonly #script = new BranchScript();
  readonly #label = "";

  constructor(bounds: ThpResvBounds) {
    this.#b = bounds;
    const faults = Array.from({ length: bounds.F }, (_, i) => `fault${i}`);
    this.actors = [...faults, "khugepaged", "shrinker", "munmap"].map((name) => ({ name, daemon: false }));
  }

  init(): void {
    this.#script.begin();
    this.vector.fill(0);
    this.vector[0] = this.#b.NB << FB;
  }

  step(actor: number): number {
    this.#script.begin();
    const f = this.#b.F;
    if (actor < f) return this.#fault(actor);
    return actor === f ? this.#khugepaged() : actor === f + 1 ? this.#shrinker() : this.#munmap();
  }

  #fault(t: number): number {
    const v = this.vector;
    const g = v[0]!;
    const at = t * 10;
    const me = (v[2]! >>> at) & 0x3ff;
    const r = ((me >> TR) & 3) - 1;
    const p = ((me >> TP) & 7) - 1;
    switch (me & 7) {
      case 0: {
        if ((g >> WR) & 1) return STEP_DISABLED;
        const choice = this.#script.choose(this.#b.R * H);
        v[0] = g + (1 << RD);
        v[2] = v[2]! + ((1 | (((choice >> 2) + 1) << TR) | (((choice & 3) + 1) << TP)) << at);
        return STEP_TAKEN;
      }
      case 1:
        if ((g >> SL) & 1) return STEP_DISABLED;
        v[0] = g | (1 << SL);
        v[2] = v[2]! + (1 << at);
        return STEP_TAKEN;
      case 2: {
        let range = (v[1]! >>> (r * 10)) & 0x3ff;
        const mapped = (range >> MAPPED) & 15;
        if (!((range >> HUGE) & 1) && !((mapped >> p) & 1)) {
          let global = g;
          const mayReserve = this.#b.BUG === 3 ? !((range >> BROKEN) & 1) : mapped === 0;
          if (!(range & 1) && mayReserve && ((g >> FB) & 7) > 0) {
            global += (H << NR) - (1 << FB);
            range = (range & ~(7 << UNUSED)) | 1 | (H << UNUSED);
          }
          if (range & 1) {
            global -= 1 << NR;
            range -= 1 << UNUSED;
          }
          range |= 1 << (MAPPED + p);
          v[0] = global;
          this.#setRange(r, range);
        }
        v[2] = v[2]! + (1 << at);
        return STEP_TAKEN;
      }
      case 3:
        v[0] = g & ~(1 << SL);
        v[2] = v[2]! + (1 << at);
        return STEP_TAKEN;
      case 4: {
        const n = ((me >> TN) & 3) + 1;
        v[0] = g - (1 << RD);
        v[2] = (v[2]! & ~(0x3ff << at)) | (((n === this.#b.K ? 5 : 0) | (n << TN)) << at);
        return STEP_TAKEN;
      }
      default: return STEP_DISABLED;
    }
  }

  #khugepaged(): number {
    const v = this.vector;
    const g = v[0]!;
    const w = v[3]!;
    switch ((w >> KPC) & 3) {
      case 0: {
        if (g & ((1 << WR) | 7)) return STEP_DISABLED;
        const r = this.#script.choose(this.#b.R);
        v[0] = g | (1 << WR);
        v[3] = w + (1 << KPC) + ((r + 1) << KR);
        return STEP_TAKEN;
      }
      case 1: {
        const r = ((w >> KR) & 3) - 1;
        const range = (v[1]! >>> (r * 10)) & 0x3ff;
        if ((range & 1) && POPCOUNT[(range >> MAPPED) & 15]! >= this.#b.TH) {
          if (this.#b.BUG !== 1) v[0] = g - (((range >> UNUSED) & 7) << NR);
          this.#setRange(r, 1 << HUGE);
        }
        v[3] = w + (1 << KPC);
        return STEP_TAKEN;
      }
      case 2: {
        const n = ((w >> KN) & 3) + 1;
        v[0] = g & ~(1 << WR);
        v[3] = (w & ~0x3f) | (n === this.#b.CK ? 3 : 0) | (n << KN);
        return STEP_TAKEN;
      }
      default: return STEP_DISABLED;
    }
  }

  #shrinker(): number {
    const v = this.vector;
    const g = v[0]!;
    const w = v[3]!;
    const endRound = (): void => {
      const n = ((w >> SN) & 3) + 1;
      v[3] = (w & ~(0x3f << SPC)) | ((n === this.#b.CS ? 3 : 0) << SPC) | (n << SN);
    };
    switch ((w >> SPC) & 3) {
      case 0: {
        if ((g >> SL) & 1) {
          endRound();
          return STEP_TAKEN;
        }
        const r = this.#script.choose(this.#b.R);
        v[0] = g | (1 << SL);
        v[3] = w + (1 << SPC) + ((r + 1) << SR);
        return STEP_TAKEN;
      }
      case 1: {
        const r = ((w >> SR) & 3) - 1;
        const range = (v[1]! >>> (r * 10)) & 0x3ff;
        if (range & 1) {
          let global = g - (((range >> UNUSED) & 7) << NR);
          const mapped = (range >> MAPPED) & 15;
          if (mapped === 0) global += 1 << FB;
          this.#setRange(r, (mapped << MAPPED) | (mapped === 0 ? range & (1 << BROKEN) : 1 << BROKEN) | (range & (1 << HUGE)));
          v[0] = global;
        }
        v[3] = w + (1 << SPC);
        return STEP_TAKEN;
      }
      case 2:
        v[0] = g & ~(1 << SL);
        endRound();
        return STEP_TAKEN;
      default: return STEP_DISABLED;
    }
  }

  #munmap(): number {
    const v = this.vector;
    const g = v[0]!;
    const w = v[3]!;
    const swapped = this.#b.BUG === 2;
    const go = (pc: number): number => {
      v[3] = (v[3]! & ~(7 << MPC)) | (pc << MPC);
      return STEP_TAKEN;
    };
    const mmapLockBusy = (g & ((1 << WR) | 7)) !== 0;
    const spinlockBusy = ((g >> SL) & 1) !== 0;
    switch ((w >> MPC) & 7) {
      case 0: {
        if (swapped ? spinlockBusy : mmapLockBusy) return STEP_DISABLED;
        const r = this.#script.choose(this.#b.R);
        v[0] = g | (1 << (swapped ? SL : WR));
        v[3] = w + ((r + 1) << MR);
        return go(swapped ? 6 : 1);
      }
      case 1:
        if (spinlockBusy) return STEP_DISABLED;
        v[0] = g | (1 << SL);
        return go(2);
      case 6:
        if (mmapLockBusy) return STEP_DISABLED;
        v[0] = g | (1 << WR);
        return go(2);
      case 2: {
        const r = ((w >> MR) & 3) - 1;
        const range = (v[1]! >>> (r * 10)) & 0x3ff;
        v[0] = g - (((range >> UNUSED) & 7) << NR) + ((range & 7) !== 0 ? 1 << FB : 0);
        this.#setRange(r, 0);
        return go(3);
      }
      case 3:
        v[0] = g & ~(1 << SL);
        return go(4);
      case 4:
        v[0] = g & ~(1 << WR);
        v[3] = w & ~(3 << MR);
        return go(5);
      default: return STEP_DISABLED;
    }
  }

  #setRange(r: number, range: number): void {
    this.vector[1] = (this.vector[1]! & ~(0x3ff << (r * 10))) | (range << (r * 10));
  }

  nextBranch(): boolean { return this.#script.next(); }
  branch(): number[] { return this.#script.taken(); }
  setBranch(choices: readonly number[]): void { this.#script.set(choices); }

  checkState(): number {
    const v = this.vector;
    const g = v[0]!;
    let unusedSum = 0;
    let blocks = 0;
    let i2 = true;
    let i3 = true;
    for (let r = 0; r < this.#b.R; r++) {
      const range = (v[1]! >>> (r * 10)) & 0x3ff;
      const unused = (range >> UNUSED) & 7;
      unusedSum += unused;
      const charged = POPCOUNT[range & 7]!;
      if (charged > 0) blocks++;
      if (charged > 1) i3 = false;
      if (unused !== (range & 1 ? H - POPCOUNT[(range >> MAPPED) & 15]! : 0)) i2 = false;
    }
    if (((g >> NR) & 31) !== unusedSum) return 0;
    if (!i2) return 1;
    if (!i3) return 2;
    if (((g >> FB) & 7) + blocks !== this.#b.NB) return 3;
    const wr = (g >> WR) & 1;
    const rd = g & 7;
    let readers = 0;
    const w = v[3]!;
    const mpc = (w >> MPC) & 7;
    let spin = ((w >> SPC) & 3) === 1 || ((w >> SPC) & 3) === 2 ? 1 : 0;
    if (mpc === 2 || mpc === 3 || mpc === 6) spin++;
    for (let t = 0; t < this.#b.F; t++) {
      const pc = (v[2]! >>> (t * 10)) & 7;
      if (pc >= 1 && pc <= 4) readers++;
      if (pc === 2 || pc === 3) spin++;
    }
    const kpc = (w >> KPC) & 3;
    const writers = (kpc === 1 || kpc === 2 ? 1 : 0) + (mpc >= 1 && mpc <= 4 ? 1 : 0);
    return (wr && rd > 0) || rd !== readers || wr !== writers || ((g >> SL) & 1) !== spin ? 4 : -1;
  }
  checkStep(): number { return -1; }
  checkEnd(): number { return (this.vector[0]! & 31) === 0 ? -1 : 0; }
  /** Names the first alone. */
  isBroken(kind: PropertyKind, index: number): boolean { return kind === "always" && this.checkState() === index; }
  witness(): boolean { return ((this.vector[1]! >> HUGE) & 1) === 1; }
  atRest(actor: number): boolean {
    const f = this.#b.F;
    if (actor < f) return ((this.vector[2]! >>> (actor * 10)) & 7) === 5;
    const w = this.vector[3]!;
    return actor === f ? ((w >> KPC) & 3) === 3 : actor === f + 1 ? ((w >> SPC) & 3) === 3 : ((w >> MPC) & 7) === 5;
  }

  label(): string { return this.#label; }
  branchNames(): string[] { return this.branch().map((c) => `choice=${c}`); }
  position(actor: number): ActorPosition {
    const f = this.#b.F;
    const w = this.vector[3]!;
    const pc = actor < f ? (this.vector[2]! >>> (actor * 10)) & 7 : actor === f ? (w >> KPC) & 3 : actor === f + 1 ? (w >> SPC) & 3 : (w >> MPC) & 7;
    return { label: `${this.actors[actor]!.name} ${pc}`, stack: [], waitsFor: { lock: actor === f + 2 && pc === 6 ? "mmap_lock" : "resv_lock", holders: ["someone"] } };
  }
  values(): NamedValue[] { return Array.from(this.vector, (v, i) => ({ name: `word[${i}]`, value: String(v) })); }
  statistics(): NamedValue[] { return []; }
  explain(): Explanation | null { return null; }
}
