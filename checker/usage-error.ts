/** Something that the person at the keyboard can mend: reported as one sentence, without a stack trace, with exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}
