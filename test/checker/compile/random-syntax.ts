/** The syntax tree of a random program: see `random-programs.ts`. Every reference is a plain number. */

/** A field declaration; references point into table `item`. */
export type FieldNode =
  | { readonly f: "int"; readonly min: number; readonly span: number; readonly wrapping: boolean; readonly init: number }
  | { readonly f: "bool"; readonly init: boolean }
  | { readonly f: "ref" }
  | { readonly f: "bitset"; readonly size: number }
  | { readonly f: "lock"; readonly kind: "spinlock" | "mutex" | "rwsem" | "queued rwsem" }
  | { readonly f: "statistic" }
  | { readonly f: "ghost" }
  | { readonly f: "array"; readonly length: number; readonly element: FieldNode };

/** An expression; the place decides whether it is printed as a number or as a boolean. */
export type Expression =
  | { readonly e: "constant"; readonly value: number }
  | { readonly e: "local"; readonly pick: number }
  | { readonly e: "read"; readonly pick: number; readonly index: Expression; readonly once: boolean }
  | { readonly e: "binary"; readonly operator: number; readonly left: Expression; readonly right: Expression }
  | { readonly e: "logical"; readonly or: boolean; readonly left: Expression; readonly right: Expression }
  | { readonly e: "conditional"; readonly test: Expression; readonly left: Expression; readonly right: Expression }
  | { readonly e: "not"; readonly of: Expression }
  | { readonly e: "helper"; readonly pick: number; readonly argument: Expression }
  | { readonly e: "choose"; readonly n: Expression }
  | { readonly e: "cmpxchg"; readonly pick: number; readonly index: Expression; readonly expected: Expression; readonly value: Expression }
  | { readonly e: "exchange"; readonly pick: number; readonly index: Expression; readonly value: Expression }
  /** An indivisible addition that gives something back. */
  | { readonly e: "add"; readonly pick: number; readonly index: Expression; readonly delta: number; readonly unless: Expression | null }
  | { readonly e: "lock held"; readonly pick: number; readonly index: Expression }
  | { readonly e: "current" }
  | { readonly e: "count"; readonly pick: number }
  | { readonly e: "increment"; readonly pick: number; readonly prefix: boolean }
  | { readonly e: "store"; readonly pick: number; readonly value: Expression };

/** What a local receives or a routine returns: an expression, or the result of another routine. */
export type Value = { readonly v: "expression"; readonly of: Expression } | { readonly v: "call"; readonly pick: number; readonly argument: Expression };

export type Statement =
  | { readonly s: "declare"; readonly name: number; readonly kind: number; readonly constant: boolean; readonly late: boolean; readonly value: Value }
  | { readonly s: "assign"; readonly pick: number; readonly value: Value }
  | { readonly s: "compound"; readonly pick: number; readonly operator: number; readonly value: Expression }
  | { readonly s: "write"; readonly pick: number; readonly index: Expression; readonly operation: number; readonly value: Expression }
  | { readonly s: "if"; readonly test: Expression; readonly yes: readonly Statement[]; readonly no: readonly Statement[] | null }
  | { readonly s: "loop"; readonly form: number; readonly trips: number; readonly test: Expression; readonly name: number; readonly labelled: boolean; readonly body: readonly Statement[] }
  | { readonly s: "switch"; readonly on: Expression; readonly cases: readonly { readonly body: readonly Statement[]; readonly falls: boolean }[]; readonly defaultAt: number }
  | { readonly s: "exit"; readonly how: "break" | "continue" | "return"; readonly target: number; readonly test: Expression | null; readonly value: Value }
  | { readonly s: "yield"; readonly guard: Expression | null; readonly idle: boolean; /** 0: the guard as it is; else it is false only rarely. */ readonly slack: number }
  | { readonly s: "call"; readonly pick: number; readonly argument: Expression }
  | { readonly s: "helper"; readonly pick: number; readonly argument: Expression }
  | { readonly s: "lock"; readonly pick: number; readonly index: Expression; readonly write: boolean; readonly attempt: boolean; readonly downgrade: boolean; readonly body: readonly Statement[] }
  | { readonly s: "record"; readonly type: number; readonly pick: number; readonly values: readonly Expression[] }
  | { readonly s: "block"; readonly labelled: boolean; readonly body: readonly Statement[] }
  | { readonly s: "assert"; readonly test: Expression; readonly other: Expression }
  | { readonly s: "overflow"; readonly pick: number; readonly test: Expression; readonly other: Expression };

export interface FunctionNode {
  /** Kinds of the parameters; helpers use none, since they always take one number. */
  readonly parameters: readonly number[];
  /** Types of the records that it takes besides; a thread's own routine takes none. */
  readonly records: readonly number[];
  /** Type of the record that it returns in place of a result, or null; again not a thread's own routine. */
  readonly makes: number | null;
  /** Kind of the result, or null for none. */
  readonly result: number | null;
  readonly body: readonly Statement[];
  readonly last: Value;
}

export interface ProgramNode {
  readonly shared: readonly FieldNode[];
  readonly item: { readonly count: number; readonly fields: readonly FieldNode[] };
  readonly node: { readonly count: number; readonly fields: readonly FieldNode[] };
  /** Record types: the kinds of their members. */
  readonly records: readonly (readonly number[])[];
  readonly init: readonly Statement[];
  readonly helpers: readonly FunctionNode[];
  /** A routine calls only routines behind it: the call graph has no cycle. */
  readonly routines: readonly FunctionNode[];
  readonly threads: readonly { readonly routine: number; readonly argument: number }[];
}
