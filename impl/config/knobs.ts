/**
 * Knobs: files of /sys/kernel/mm/transparent_hugepage, one row each. From a row follow the option that sets the knob at
 * boot, its default, the field `k.knob.<name>`, its number for `sysfsStore`, and what its file accepts.
 *
 * To add a knob, write its row here and its store in `sysfs.ts`.
 */

/** THP sysfs `enabled`. @kernel mm/huge_memory.c enabled_show() */
export const ENABLED_NEVER = 0 as const;
export const ENABLED_MADVISE = 1 as const;
export const ENABLED_ALWAYS = 2 as const;
/**
 * A word of the file for huge pages of PMD size only. Its other words are those of `enabled`.
 * @kernel mm/huge_memory.c anon_enabled_show()
 */
export const PMD_ENABLED_INHERIT = 3 as const;
/** THP sysfs `defrag`. @kernel mm/huge_memory.c defrag_show() */
export const DEFRAG_NEVER = 0 as const;
export const DEFRAG_MADVISE = 1 as const;
export const DEFRAG_DEFER = 2 as const;
export const DEFRAG_DEFER_MADVISE = 3 as const;
export const DEFRAG_ALWAYS = 4 as const;

export type Enabled = typeof ENABLED_NEVER | typeof ENABLED_MADVISE | typeof ENABLED_ALWAYS;
export type PmdEnabled = Enabled | typeof PMD_ENABLED_INHERIT;
export type Defrag = typeof DEFRAG_NEVER | typeof DEFRAG_MADVISE | typeof DEFRAG_DEFER | typeof DEFRAG_DEFER_MADVISE | typeof DEFRAG_ALWAYS;

interface KnobText {
  /** Below /sys/kernel/mm/transparent_hugepage. */
  readonly file: string;
  readonly meaning: string;
}
/** One of a few words; the value is the word's place. */
interface WordKnob extends KnobText {
  readonly words: readonly string[];
  readonly default: number;
}
/** Off or on, which the file takes as the digit 0 or 1, or as the first letters of no, yes, off, on, false, true as well. */
interface FlagKnob extends KnobText {
  readonly takes: "digit" | "boolean";
  readonly default: boolean;
}
/** A number; `h` is pagesPerHugePage, HPAGE_PMD_NR. */
interface NumberKnob extends KnobText {
  readonly unit: string;
  readonly min: number;
  readonly max: (h: number) => number;
  readonly default: (h: number) => number;
}
export type KnobRow = WordKnob | FlagKnob | NumberKnob;

const ANY = (): number => 0x7fff_ffff;

/** In the order of the fields of `k.knob`, and of the numbers that `sysfsStore` takes. */
export const KNOB_ROWS = {
  enabled: { file: "enabled", words: ["never", "madvise", "always"], default: ENABLED_ALWAYS, meaning: "never, madvise, always" },
  defrag: {
    file: "defrag", words: ["never", "madvise", "defer", "defer+madvise", "always"], default: DEFRAG_MADVISE,
    meaning: "when to reclaim for a huge page",
  },
  useZeroPage: { file: "use_zero_page", takes: "digit", default: true, meaning: "read faults may map the huge zero page" },
  shrinkUnderused: {
    file: "shrink_underused", takes: "boolean", default: true,
    meaning: "the deferred-split shrinker splits underused THPs",
  },
  khugepagedDefrag: { file: "khugepaged/defrag", takes: "digit", default: true, meaning: "khugepaged may reclaim" },
  maxPtesNone: {
    file: "khugepaged/max_ptes_none", unit: "PTEs", min: 0, max: (h) => h - 1, default: (h) => h - 1,
    meaning: "empty PTEs that khugepaged accepts",
  },
  maxPtesSwap: {
    file: "khugepaged/max_ptes_swap", unit: "PTEs", min: 0, max: (h) => h - 1, default: (h) => h >> 3,
    meaning: "non-present PTEs that khugepaged accepts",
  },
  maxPtesShared: {
    file: "khugepaged/max_ptes_shared", unit: "PTEs", min: 0, max: (h) => h - 1, default: (h) => h >> 1,
    meaning: "shared PTEs that khugepaged accepts",
  },
  pagesToScan: { file: "khugepaged/pages_to_scan", unit: "PTEs", min: 1, max: ANY, default: (h) => h * 8, meaning: "PTEs of one scan" },
  promotionThreshold: {
    file: "promotion_threshold", unit: "pages", min: 1, max: (h) => h, default: () => 1,
    meaning: "promotion_threshold: used pages that make a reservation a huge page; 1: no reservations",
  },
} as const satisfies Readonly<Record<string, KnobRow>>;

export type KnobName = keyof typeof KNOB_ROWS;
export const KNOB_NAMES = Object.keys(KNOB_ROWS) as readonly KnobName[];

type ValueOf<R> = R extends { readonly words: readonly unknown[] } ? number : R extends { readonly takes: string } ? boolean : number;
/** Values at boot. The declaration of a member is its row; promotionThreshold is the policy's unless given. */
export type KnobValues = { readonly [K in KnobName]: ValueOf<(typeof KNOB_ROWS)[K]> } & {
  readonly enabled: Enabled;
  readonly defrag: Defrag;
  /**
   * hugepages-<size of a PMD>kB/enabled, which does not change during a run. The default, PMD_ENABLED_INHERIT, means
   * the value of `enabled`.
   */
  readonly pmdEnabled: PmdEnabled;
};
export type KnobOptions = Partial<KnobValues>;

/** What `sysfsStore` calls a knob. */
export function knobNumber(name: KnobName): number {
  return KNOB_NAMES.indexOf(name);
}

/** The file for huge pages of PMD size. Fixed for a run, so that it is a constant of `k.param`. */
const PMD_ENABLED_ROW: KnobRow = {
  file: "hugepages-<size of a PMD>kB/enabled", words: [...KNOB_ROWS.enabled.words, "inherit"], default: PMD_ENABLED_INHERIT,
  meaning: "never, madvise, always, inherit",
};

function check(name: string, value: unknown, row: KnobRow, h: number): void {
  const number = typeof value === "number" && Number.isInteger(value) ? value : -1;
  if ("takes" in row) {
    if (typeof value !== "boolean") throw new RangeError(`${name} ${String(value)}: true or false`);
  } else if ("words" in row) {
    if (row.words[number] !== undefined) return;
    throw new RangeError(`${name} ${String(value)}: one of ${row.words.map((word, i) => `${i} (${word})`).join(", ")}`);
  } else if (number < row.min || number > row.max(h)) {
    throw new RangeError(`${name} ${String(value)}: ${row.file} answers EINVAL outside ${row.min}..${row.max(h)}`);
  }
}

/** The knobs at boot: the options that are given, else the defaults. Throws a RangeError for what the kernel's file would refuse. */
export function knobValues(options: KnobOptions, h: number): KnobValues {
  const entries = KNOB_NAMES.map((name) => {
    const row: KnobRow = KNOB_ROWS[name];
    const value = options[name] ?? (typeof row.default === "function" ? row.default(h) : row.default);
    check(name, value, row, h);
    return [name, value] as const;
  });
  const { pmdEnabled = PMD_ENABLED_INHERIT } = options;
  check("pmdEnabled", pmdEnabled, PMD_ENABLED_ROW, h);
  return { ...Object.fromEntries(entries), pmdEnabled } as unknown as KnobValues;
}
