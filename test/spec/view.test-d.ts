/**
 * Compile-time: the fields that invariants read (spec/view.ts) are those that the kernel declares (impl/structs/), each of
 * the same kind. `npm run typecheck` runs it. A field that is missing, or of another kind, is an error that names it.
 */
import type { Kernel, KernelStructs } from "../../impl/mm-types.ts";
import type { KernelView, ViewFields } from "../../spec/view.ts";

/** The kind of a declaration, in the words of spec/view.ts. */
type KindOf<F> = F extends { readonly kind: "array"; readonly element: infer E } ? `${KindOf<E>}[]`
  : F extends { readonly kind: infer K extends string } ? ("spinlock" extends K ? "lock" : K)
  : never;
interface Viewed { readonly shape: string; readonly fields: object }

type FieldError<S extends string, N extends string, K extends string, Fields> =
  N extends keyof Fields ? (KindOf<Fields[N]> extends K ? never : `${S}.${N} is ${KindOf<Fields[N]>}, and ${K} in spec/view.ts`)
  : `${S}.${N} of spec/view.ts is not declared`;
type StructError<S extends string, V extends Viewed, D> =
  D extends { readonly shape: infer P extends string; readonly fields: infer Fields }
    ? P extends V["shape"]
      ? { [N in keyof V["fields"] & string]: FieldError<S, N, V["fields"][N] & string, Fields> }[keyof V["fields"] & string]
      : `${S} is a ${P}, and a ${V["shape"]} in spec/view.ts`
    : `${S} of spec/view.ts is not declared`;
/** What is wrong with the view of these declarations, in words; never if nothing is. */
type ViewErrors<View extends Record<keyof View, Viewed>, Structs> =
  { [S in keyof View & string]: StructError<S, View[S], S extends keyof Structs ? Structs[S] : null> }[keyof View & string];

type NoError<E extends never> = E;
/** If this line is an error, its text says which field to mend. */
export type Checked = NoError<ViewErrors<ViewFields, KernelStructs>>;

/** So a kernel's world is a view as it stands. */
export const viewOf = (k: Kernel): KernelView => k;

// What the check says of a lock that is called an int, a field that is not there, a table called a struct, a struct that is not there.
interface One<F> { readonly shape: "struct"; readonly fields: F }
interface Wrong {
  zone: One<{ lock: "int"; nowhere: "int"; freePages: "int" }>;
  page: One<{ order: "int" }>;
  nothing: One<{ x: "int" }>;
}
type Expected =
  | "zone.lock is lock, and int in spec/view.ts" | "zone.nowhere of spec/view.ts is not declared"
  | "page is a table, and a struct in spec/view.ts" | "nothing of spec/view.ts is not declared";
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
export const noticesEach: Same<ViewErrors<Wrong, KernelStructs>, Expected> = true;
