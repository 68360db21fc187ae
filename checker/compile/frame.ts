/**
 * The frame of a routine: its saved program counter and the locals that are kept where it stands, packed into whole bytes
 * counted from the frame's base. Frames of nested calls lie one behind the other in their thread's area.
 *
 * Each point has a layout of its own, with room for what is kept there and for nothing else: the program counter, which lies
 * at the same place in all of them, says which one it is. So two states of a thread are equal exactly if their program counters
 * and all that is kept are. What lies behind a frame and its callees' frames is zero: a frame is written to its full length
 * before a callee starts, and cleared to its full length when it ends.
 */
import { bitsFor } from "../program/layout.ts";
import type { FrameLayout, FrameLocal, FramePlan, Slot } from "../image/image.ts";

/** `kept`: the locals of each yield and call, by program counter from 1 on; 0 means "not started, or ended". */
export function planFrame(kept: readonly (readonly FrameLocal[])[]): FramePlan {
  const pcBits = bitsFor(kept.length + 1);
  const pcBytes = pcBits <= 8 ? 1 : 2;
  const layouts = [{ slots: [], bytes: 0 }, ...kept.map((locals) => layoutOf(locals, pcBytes, pcBits))];
  const bytes = Math.max(...layouts.map((l) => l.bytes));
  return { pcBytes, pcBits, locals: [...new Set(kept.flat())], layouts, bytes };
}

/** The widest first; what is narrower than a byte fills what others have left over. */
function layoutOf(locals: readonly FrameLocal[], pcBytes: number, pcBits: number): FrameLayout {
  let bytes = pcBytes;
  const open: { byte: number; used: number }[] = pcBits < 8 ? [{ byte: 0, used: pcBits }] : [];
  const slots: Slot[] = [];
  for (const l of [...locals].sort((a, b) => b.type.bits - a.type.bits)) {
    const bits = l.type.bits;
    if (bits === 0) { slots.push({ ...l, byte: 0, shift: 0 }); continue; }
    if (bits >= 8) {
      slots.push({ ...l, byte: bytes, shift: 0 });
      bytes += Math.ceil(bits / 8);
      continue;
    }
    let home = open.find((o) => o.used + bits <= 8);
    if (home === undefined) {
      home = { byte: bytes++, used: 0 };
      open.push(home);
    }
    slots.push({ ...l, byte: home.byte, shift: home.used });
    home.used += bits;
  }
  return { slots, bytes };
}

/** Text of the expression that reads the program counter of the frame at `base`. */
export function readPc(f: FramePlan, base: string): string {
  if (f.bytes === 0) return "0";
  if (f.pcBytes === 2) return `($B[${base}] | $B[${base} + 1] << 8)`;
  return f.pcBits === 8 ? `$B[${base}]` : `($B[${base}] & ${(1 << f.pcBits) - 1})`;
}

/** Text of the expression that decodes a slot of the frame at `base`. */
export function readSlot(s: Slot, base: string): string {
  const { bits, min, boolean } = s.type;
  let raw: string;
  if (bits === 0) raw = "0";
  else if (bits < 8) raw = `($B[${base} + ${s.byte}] >> ${s.shift} & ${(1 << bits) - 1})`;
  else {
    const byte = (n: number): string => (n === 0 ? `$B[${base} + ${s.byte}]` : `$B[${base} + ${s.byte + n}] << ${8 * n}`);
    raw = Array.from({ length: Math.ceil(bits / 8) }, (_, n) => byte(n)).join(" | ");
    raw = bits > 24 ? `((${raw}) >>> 0)` : `(${raw})`;
  }
  if (boolean) return `${raw} !== 0`;
  return min === 0 ? raw : `${raw} + ${min < 0 ? `(${min})` : min}`;
}

/** Text of the stored value of local `s`. `checked`: a value that does not fit is a fault; otherwise (a dead local) it is stored as 0. */
export function encodeSlot(s: Slot, slotName: string, checked: boolean, site: number): string {
  const v = s.variable;
  const { bits, min, max, boolean, upTo, refersTo } = s.type;
  if (boolean) return `(${v} ? 1 : 0)`;
  const whole = bits < 31 ? `(${v} | 0) === ${v}` : `$isInteger(${v})`;
  const biased = min === 0 ? v : min < 0 ? `${v} + ${-min}` : `${v} - ${min}`;
  const of = upTo ?? (refersTo === "lock" ? null : refersTo);
  const bound = of === null ? "" : `, ${JSON.stringify(of)}`;
  const misfit = checked ? `$slotFit(${v}, ${JSON.stringify(slotName)}, ${min}, ${max}, ${site}${bound})` : "0";
  return `(${v} >= ${min} && ${v} <= ${max} && ${whole} ? ${biased} : ${misfit})`;
}

/** Text of the statements that write the whole frame at `base`: the program counter, the slots in `saved`, zeroes elsewhere. */
export function writeFrame(
  f: FramePlan, base: string, pc: number, saved: readonly { slot: Slot; checked: boolean }[], site: number,
): string {
  const parts: string[][] = Array.from({ length: f.bytes }, () => []);
  const prologue: string[] = [];
  if (f.pcBytes === 2 && f.bytes > 0) {
    parts[0]!.push(String(pc & 255));
    parts[1]!.push(String(pc >> 8));
  } else if (f.bytes > 0) parts[0]!.push(String(pc));
  for (const { slot, checked } of saved) {
    const code = encodeSlot(slot, slot.name, checked, site);
    const { bits } = slot.type;
    if (bits === 0) {
      if (checked && !slot.type.boolean) prologue.push(`${code};`);
    } else if (bits < 8) parts[slot.byte]!.push(slot.shift === 0 ? code : `${code} << ${slot.shift}`);
    else if (bits === 8) parts[slot.byte]!.push(code);
    else {
      prologue.push(`$t = ${code};`);
      const wide: string[] = [];
      for (let n = 0; n < Math.ceil(bits / 8); n++) wide.push(`$B[${base} + ${slot.byte + n}] = $t >>> ${8 * n};`);
      prologue.push(wide.join(" "));
    }
  }
  const wideBytes = new Set(saved.filter((x) => x.slot.type.bits > 8)
    .flatMap((x) => Array.from({ length: Math.ceil(x.slot.type.bits / 8) }, (_, n) => x.slot.byte + n)));
  const stores = parts.flatMap((p, n) => (wideBytes.has(n) ? [] : [`$B[${base} + ${n}] = ${p.length === 0 ? "0" : p.join(" | ")};`]));
  return [...prologue, ...stores].join(" ");
}

/** Text of the statements that zero the frame at `base`. */
export function clearFrame(f: FramePlan, base: string): string {
  return Array.from({ length: f.bytes }, (_, n) => `$B[${base} + ${n}] = 0;`).join(" ");
}
