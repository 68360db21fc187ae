/** One instruction in place of another, while something is lowered and run. */

/** What is found meanwhile; an error counts as one more. The right instruction is there again afterwards. */
export async function withWrong<T extends object>(
  instructions: T, name: keyof T, wrong: number, find: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const table = instructions as Record<keyof T, number>;
  const right = table[name];
  try {
    table[name] = wrong;
    return await find().catch((e: unknown) => [String(e)]);
  } finally {
    table[name] = right;
  }
}
