/**
 * `thpcheck.config.ts`: what a project tells the command line. It lies at the root of the project (the command line
 * looks in the current folder and then upward) and is the one place that knows every part of it.
 */
import type { Command } from "commander";
import type { Refinement } from "./refinement.ts";
import type { ReplayedTrace } from "./result.ts";
import type { OutsideCall, Scenario } from "./scenario.ts";
import type { NamedValue } from "./system.ts";

/** A trace with its states, for a format of a project's own. */
export interface TracedRun {
  readonly scenario: Scenario;
  /** `rows[n]` is step n, the first of which is 1; it has what the step counted. */
  readonly replayed: ReplayedTrace;
  /** Every field and live local after step n, by name as traces have them; 0 is the initial state. */
  readonly states: readonly (readonly NamedValue[])[];
}

/** A command that a project adds beside `check`, `list` and `replay`. */
export interface ExtraCommand {
  readonly name: string;
  /** One line, for `thpcheck --help`. */
  readonly description: string;
  /**
   * Adds arguments, options and the action to the new command. Called at every start, `--help` included: import what
   * is heavy inside the action. An action that fails for a reason the user can mend throws a UsageError.
   */
  readonly register: (command: Command) => void;
}

export interface Config {
  /** Globs of scenario modules, relative to the configuration file. A module's default export is a scenario or an array of them. */
  readonly scenarios: readonly string[];
  /** The machines that each step of a scenario is held to, for scenarios that do not name their own; called before each check. */
  readonly refine?: (scenario: Scenario) => readonly Refinement[] | Promise<readonly Refinement[]>;
  /** The routines through which the outside calls a scenario's program (`Scenario.calls`), for scenarios that do not name their own. */
  readonly calls?: (scenario: Scenario) => readonly OutsideCall[] | Promise<readonly OutsideCall[]>;
  /**
   * The module that draws pictures of a scenario's states (`page/picture.ts`), from the configuration's folder; null: none, and
   * pages show every struct as it is. It is bundled for browsers, by the Rolldown of the project.
   */
  readonly picture?: (scenario: Scenario) => string | null | Promise<string | null>;
  /** Formats that `replay --format` knows besides its own, by name: each loads the function that gives the text of a trace. */
  readonly traceFormats?: Readonly<Record<string, () => Promise<(run: TracedRun) => string>>>;
  readonly commands?: readonly ExtraCommand[];
  /** What `thpcheck list <name>` prints besides scenarios, by name: rows of cells, the first of them the headings. */
  readonly lists?: Readonly<Record<string, () => Promise<readonly (readonly string[])[]>>>;
}

/** Marks a configuration, so that an editor checks its form. */
export function defineConfig(config: Config): Config {
  return config;
}
