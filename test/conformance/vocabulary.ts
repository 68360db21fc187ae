/**
 * The operations of programs: the system calls of impl/entry/calls.ts, under their names in C, and what programs do
 * besides. A system call that is added there is one here; its arguments are written, read and drawn by their types.
 * What `impl/` has no part for yet is in `beyond.ts`: guests are asked for it, and recorded.
 */
import { BEYOND, type BeyondOperation } from "./beyond.ts";
import { CALL_NAMES, CALLS, MAP, type ArgType, type CallName, type Words } from "../../impl/entry/calls.ts";

type Snake<S extends string> = S extends `${infer C}${infer Rest}`
  ? `${C extends Lowercase<C> ? C : `_${Lowercase<C>}`}${Snake<Rest>}`
  : "";
const snake = (name: string): string => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** System calls that are in no program, with the reason. */
const LEFT_OUT = {
  getThpDisable: "tells what thp_disable has said, and changes nothing",
} as const satisfies Partial<Record<CallName, string>>;
type SystemCall = { [N in CallName]: (typeof CALLS)[N]["way"] extends "system call" ? N : never }[CallName];
/** Of what the kernel does by itself, khugepaged is asked for. */
type Called = Exclude<SystemCall, keyof typeof LEFT_OUT> | "khugepaged";
const isCalled = (name: CallName): name is Called => name === "khugepaged" || (CALLS[name].way === "system call" && !(name in LEFT_OUT));

/** Arguments that programs do not say: all processes are root's, and process_madvise is about one range. */
const GIVEN: Partial<Record<CallName, Words>> = { processMadvise: { addr2: 0, length2: 0, flags: 0, capable: 1 } };
/** Arguments that can be less in a program: only what is at a known place can be compared. */
const NARROWED: Partial<Record<CallName, Readonly<Record<string, Words>>>> = {
  mmap: { flags: Object.fromEntries(Object.entries(MAP).filter(([, flags]) => (flags & MAP.fixed) !== 0)) },
};

/** What an argument of an operation can be. "slot": the number under which a page is held. */
export type Kind = ArgType | { readonly kind: "slot" };
export interface Parameter {
  readonly name: string;
  readonly type: Kind;
}
export interface Operation {
  readonly args: readonly Parameter[];
  /** The call that it is, and no more; null for what is put together here. */
  readonly call: CallName | null;
  /** What `impl/` lacks for it, by the values of the arguments; null: nothing. */
  lacks(args: readonly number[]): string | null;
}

const PAGE = { name: "page", type: { kind: "page" } } as const;
const PAGES = { name: "pages", type: { kind: "pages", from: ["page"] } } as const;
const SLOT = { name: "slot", type: { kind: "slot" } } as const;

/** What programs do besides: see program.ts. */
const OWN = {
  read: [PAGE, PAGES], write: [PAGE, PAGES, { name: "content", type: { kind: "content" } }], contents: [], split: [PAGE, PAGES],
  hold: [SLOT, PAGE], release: [SLOT],
} as const satisfies Readonly<Record<string, readonly Parameter[]>>;
export type OwnOperation = keyof typeof OWN;
export type OperationName = Snake<Called> | OwnOperation | BeyondOperation;

const NOTHING = (): null => null;

function ofCall(name: Called): Operation {
  const given = GIVEN[name] ?? {};
  const args = CALLS[name].args.filter((a) => !(a.name in given)).map((a): Parameter => {
    const words = NARROWED[name]?.[a.name];
    return { name: a.name, type: words === undefined ? a.type : { kind: "word", words } };
  });
  return { args, call: name, lacks: NOTHING };
}

/** Every operation, in the order of the agent's numbers. */
export const OPERATIONS = {
  ...Object.fromEntries(CALL_NAMES.filter(isCalled).map((name) => [snake(name), ofCall(name)])),
  ...Object.fromEntries(Object.entries(OWN).map(([name, args]) => [name, { args, call: null, lacks: NOTHING }])),
  ...Object.fromEntries(Object.entries(BEYOND).map(([name, { args, lacks }]) =>
    [name, { args, call: null, lacks: typeof lacks === "string" ? () => lacks : lacks }])),
} as Readonly<Record<OperationName, Operation>>;
export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly OperationName[];

/** All arguments of the call, in its order, from those that a program says. */
export function argumentsOf(call: CallName, said: readonly number[]): number[] {
  const given = GIVEN[call] ?? {};
  const rest = [...said];
  return CALLS[call].args.map((a) => given[a.name] ?? rest.shift()!);
}

/** What the agent is compiled with: `OP_<NAME>` for each operation. */
export function agentOperations(): string {
  return OPERATION_NAMES.map((name) => `OP_${name.toUpperCase()}`).join(",");
}
