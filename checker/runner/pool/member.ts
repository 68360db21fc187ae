/** A process of a pool: performs one job after the other. Started by `pool.ts`. */
import "../../compile/register.ts";
import { errorSentence } from "../../error-sentence.ts";
import { endWithParent } from "./with-parent.ts";
import type { Job, Message, Order, Perform } from "./job.ts";

process.setSourceMapsEnabled(true);

// The terminal sends Ctrl-C to every process of the command; the one that started us decides what it means.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
endWithParent();
// The process that started us loads the same modules, and says what they throw where nobody waits for it.
for (const thrown of ["uncaughtException", "unhandledRejection"] as const) process.on(thrown, () => undefined);

const send = (message: Message): void => void process.send!(message);

let stopped = false;
process.on("message", (order: Order) => {
  if (order.kind === "stop") stopped = true;
  else void perform(order.job);
});

async function perform({ module, task }: Job): Promise<void> {
  try {
    const { perform: job } = (await import(module)) as { perform: Perform<unknown, unknown, unknown> };
    send({ kind: "done", answer: await job(task, { tell: (news) => { send({ kind: "news", news }); }, shouldStop: () => stopped }) });
  } catch (e) {
    // An answer that cannot be sent ends here as well.
    send({ kind: "failed", reason: errorSentence(e) });
  }
}
