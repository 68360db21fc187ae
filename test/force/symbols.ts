/** The functions and words of a kernel, as its /proc/kallsyms lists them: asked of a guest once, and kept beside the image. */
import { existsSync, readFileSync } from "node:fs";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { dirname, join } from "node:path";
import { writeWhole } from "../../checker/files.ts";
import { storeFolder, type KernelImage } from "../conformance/guest/store.ts";

/** Bytes behind the start of a function that may still be its own. */
const FUNCTION_MAX = 0x1_0000n;

export class Symbols {
  readonly #at = new Map<string, bigint>();
  readonly #starts: bigint[] = [];
  readonly #names: string[] = [];

  /** `text`: lines "address kind name". Of a name that several things have, the first counts. */
  constructor(text: string) {
    const functions: (readonly [bigint, string])[] = [];
    for (const line of text.split("\n")) {
      const [address, kind, name] = line.split(" ");
      if (kind === undefined || name === undefined) continue;
      const at = BigInt(`0x${address!}`);
      if (!this.#at.has(name)) this.#at.set(name, at);
      if (/^[tTwW]$/.test(kind)) functions.push([at, name]);
    }
    functions.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    for (const [at, name] of functions) {
      this.#starts.push(at);
      this.#names.push(name);
    }
  }

  /** How many there are. */
  get count(): number { return this.#at.size; }
  /** Names of functions, each once. */
  functions(): readonly string[] { return [...new Set(this.#names)]; }
  has(name: string): boolean { return this.#at.has(name); }
  /** Throws a RangeError for a name that the kernel does not have. */
  address(name: string): bigint {
    const at = this.#at.get(name);
    if (at === undefined) throw new RangeError(`this kernel has no symbol ${name}`);
    return at;
  }
  /** The function around the address, and how far from its start; null: none. */
  functionAt(address: bigint): { readonly name: string; readonly offset: number } | null {
    let [low, high] = [0, this.#starts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    const start = this.#starts[low - 1];
    if (start === undefined || address - start >= FUNCTION_MAX) return null;
    return { name: this.#names[low - 1]!, offset: Number(address - start) };
  }
  /** "collapse_huge_page+0x12f". */
  inWords(address: bigint): string {
    const found = this.functionAt(address);
    return found === null ? `0x${address.toString(16)}` : `${found.name}+0x${found.offset.toString(16)}`;
  }
}

/** Of an image outside the store nothing is kept: it may be built anew. */
function fileOf({ vmlinuz }: KernelImage): string | null {
  return vmlinuz.startsWith(storeFolder()) ? join(dirname(vmlinuz), "kallsyms.br") : null;
}

/** The symbols of the kernel. `ask`: the guest's lines, where none are kept yet. Addresses hold without KASLR only. */
export async function symbolsOf(image: KernelImage, ask: () => Promise<string>): Promise<Symbols> {
  const file = fileOf(image);
  if (file !== null && existsSync(file)) return new Symbols(brotliDecompressSync(readFileSync(file)).toString("latin1"));
  const text = await ask();
  if (file !== null) writeWhole(file, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }));
  return new Symbols(text);
}
