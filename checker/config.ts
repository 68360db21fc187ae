/**
 * `thpcheck.config.ts`: what a project tells the command line. It lies at the root of the project (the command line
 * looks in the current folder and then upward) and is the one place that knows every part of it.
 */
import type { Command } from "commander";

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
  readonly commands?: readonly ExtraCommand[];
}

/** Marks a configuration, so that an editor checks its form. */
export function defineConfig(config: Config): Config {
  return config;
}
