/**
 * A process that runs the command line for many inputs, one after the other, as a person would in the folder of each. Started
 * by `run.ts`; what an input says and how it ends goes back.
 */
import picocolors from "picocolors";
import { main } from "../../checker/cli/main.ts";
import { errorSentence, placeOf } from "../../checker/error-sentence.ts";

export interface Order {
  readonly id: number;
  readonly args: readonly string[];
  readonly folder: string;
}
export interface Reply {
  readonly id: number;
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

// Nobody here may run programs on this machine's kernel, which takes root and a compiler.
process.getuid = () => 65_534;
process.env["PATH"] = "";
process.env["COLUMNS"] = "100";

let out = "";
let err = "";
process.stdout.write = (text: string | Uint8Array): boolean => { out += String(text); return true; };
process.stderr.write = (text: string | Uint8Array): boolean => { err += String(text); return true; };

/** As `watchProcess` has it, for a process that goes on. */
let mishaps = 0;
for (const thrown of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(thrown, (e: unknown) => {
    mishaps++;
    err += placeOf(e) !== null || !(e instanceof Error) ? `thpcheck: outside of any scenario: ${errorSentence(e)}\n`
      : `[thpcheck internal] ${e.stack}\n`;
  });
}

const USAGE = 2;
async function answer({ id, args, folder }: Order): Promise<Reply> {
  out = "";
  err = "";
  mishaps = 0;
  process.chdir(folder);
  const write = (text: string): void => { out += text; };
  const host = {
    out: { write }, err: { write: (text: string): void => { err += text; } }, color: false, paint: picocolors.createColors(false),
    folder, cores: 1, interrupted: () => false,
  };
  let code: number;
  try {
    code = await main(args, host);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  } catch (e) {
    code = 70;
    err += `[thpcheck internal] ${e instanceof Error ? e.stack : String(e)}\n`;
  }
  return { id, code: mishaps > 0 && code !== 1 ? USAGE : code, out, err };
}

process.on("message", (order: Order) => { void answer(order).then((reply) => process.send!(reply)); });
process.on("disconnect", () => process.exit());
