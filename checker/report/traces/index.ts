/** Formats of traces for other programs: the one place where another is added. Each is loaded when it is asked for. */
import type { TraceFormat } from "./trace-format.ts";

export const TRACE_FORMATS: Readonly<Record<string, () => Promise<TraceFormat>>> = {
  itf: async () => (await import("./itf.ts")).itf,
  mermaid: async () => (await import("./mermaid.ts")).mermaid,
};
