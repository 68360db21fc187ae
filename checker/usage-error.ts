/** Something that the person at the keyboard can mend: reported as one sentence, without a stack trace, with exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(shortWords(message));
    this.name = "UsageError";
  }
}

const WORD_MAX = 300;
const WORD_SHOWN = 100;

/** The text with words shortened that nobody reads to their end: a sentence stays one. Paths are shorter than that. */
export function shortWords(text: string): string {
  return text.replace(/\S+/g, (word) => (word.length <= WORD_MAX ? word : `${word.slice(0, WORD_SHOWN)}...`));
}
