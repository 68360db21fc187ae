/** Which cells a command means. */
import { didYouMean } from "../../checker/nearest.ts";
import { UsageError } from "../../checker/usage-error.ts";
import picomatch from "picomatch";
import { allCells, nameOf, type Cell } from "./cells.ts";
import { cellMatcher } from "./expected.ts";
import { MEMORIES } from "./memory.ts";
import { OPERATIONS } from "./operations.ts";

export interface Selection {
  /** A name, or a glob of names. */
  readonly only: string | null;
  /** Names or globs of operations of which each cell has one. */
  readonly operations: readonly string[];
  readonly memories: readonly string[];
  /** One shape of each call, and no third. */
  readonly quick: boolean;
}

/** The cells, in the order of the table. Throws a UsageError for a name that there is not, and where nothing is left. */
export function selectCells({ only, operations, memories, quick }: Selection): readonly Cell[] {
  const ofOperations = operations.map(operationsLike);
  const ofMemories = new Set(memories.flatMap(memoriesLike));
  const isOnly = only === null ? () => true : cellMatcher(only);
  const cells = allCells().filter((cell) => (memories.length === 0 || ofMemories.has(cell.memory))
    && (ofOperations.length === 0 || ofOperations.some((own) => own.has(cell.first) || own.has(cell.second)))
    && (!quick || (cell.third === "none" && OPERATIONS[cell.first]!.main && OPERATIONS[cell.second]!.main))
    && isOnly(nameOf(cell)));
  if (cells.length > 0) return cells;
  if (only !== null) throw new UsageError(`there is no cell ${JSON.stringify(only)}${hint(only)}`);
  throw new UsageError("no cell is left: each memory has its pairs, and the operations that were named do not meet on it");
}

function operationsLike(pattern: string): ReadonlySet<number> {
  const matches = picomatch(pattern);
  const found = new Set(OPERATIONS.flatMap(({ name }, n) => (matches(name) ? [n] : [])));
  const names = OPERATIONS.map((o) => o.name);
  if (found.size > 0) return found;
  throw new UsageError(`there is no operation ${JSON.stringify(pattern)}${didYouMean(pattern, names)}`);
}

function memoriesLike(pattern: string): readonly string[] {
  const found = MEMORIES.filter((name) => picomatch.isMatch(name, pattern));
  if (found.length === 0) throw new UsageError(`there is no memory ${JSON.stringify(pattern)}: it is one of ${MEMORIES.join(", ")}`);
  return found;
}

/** The two sides may have been named in the other order. */
function hint(only: string): string {
  const [sides, memory] = only.split("@");
  const [first, second, ...third] = (sides ?? "").split("+");
  const other = `${[second, first, ...third].join("+")}@${memory}`;
  if (allCells().some((cell) => nameOf(cell) === other)) return `; each pair comes once: ${other}`;
  return '; a cell is FIRST+SECOND@MEMORY, or with "+reference" or "+pin" behind SECOND, and "--list" names them all';
}
