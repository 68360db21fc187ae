/** Words that workers share lie a cache line apart, because neighbours would slow each other down. */
export const LINE_WORDS = 16;
