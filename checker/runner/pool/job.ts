/** What the processes of a pool are asked to do, and what they answer. Everything that crosses over is plain data. */

/** A piece of work: `module`, a file URL, exports a function `perform` that takes `task`. */
export interface Job {
  readonly module: string;
  readonly task: unknown;
}

/** What `perform` may say and ask while it works. */
export interface JobContext<News> {
  readonly tell: (news: News) => void;
  /** Whether the job is to end early, with what it has. */
  readonly shouldStop: () => boolean;
}

export type Perform<Task, News, Answer> = (task: Task, context: JobContext<News>) => Promise<Answer>;

/** From the pool to a member. */
export type Order = { readonly kind: "job"; readonly job: Job } | { readonly kind: "stop" };

/** From a member to the pool. A job ends with `done` or `failed`. */
export type Message =
  | { readonly kind: "news"; readonly news: unknown }
  | { readonly kind: "done"; readonly answer: unknown }
  | { readonly kind: "failed"; readonly reason: string };
