/** The body of a function as it is lowered: its instructions, its locals by name, and the blocks that are open. */
import { OP } from "./encode.ts";

/** `Open`: what is known of an open block. */
export abstract class Body<Open> {
  protected readonly locals = new Map<string, number>();
  /** The innermost is the last. */
  protected readonly open: Open[] = [];
  /** Instructions so far. */
  protected readonly code: number[] = [];

  protected put(...bytes: readonly number[]): void {
    for (const b of bytes) this.code.push(b);
  }

  /** The number of the local of that name, which is made where there is none. */
  protected local(name: string): number {
    const known = this.locals.get(name);
    if (known !== undefined) return known;
    this.locals.set(name, this.locals.size);
    return this.locals.size - 1;
  }

  protected block(op: number, open: Open, body: () => void): void {
    this.put(op, OP.empty);
    this.open.push(open);
    body();
    this.open.pop();
    this.put(OP.end);
  }
}
