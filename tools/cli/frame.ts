import type { Command } from 'commander';
import { formatFault, loadConfig, loadSettings, type ConfigFault, type HoldfastConfig, type Settings } from '#libs/config/src/index.js';

/** 0 fine, 1 failed, 2 wrong use or configuration (INTERFACES, "Commands"). */
export type ExitCode = 0 | 1 | 2;

/** Where a command says its answer (`out`) and all else (`err`): so that `--json` can be read by a program. */
export type Terminal = Readonly<{ out(text: string): void; err(text: string): void; env: Readonly<Record<string, string | undefined>> }>;

/**
 * One command, in a file of its own, listed in main.ts. It adds itself to the program; `run` turns what its action answers
 * into the exit code, and what it throws into one line.
 */
export type CliCommand = (program: Command, terminal: Terminal, run: Run) => void;
export type Run = <A extends unknown[]>(action: (...args: A) => Promise<ExitCode> | ExitCode) => (...args: A) => Promise<void>;

/** Ends a command with a message for people; anything else that is thrown is a bug, and shows its stack. */
export class CliError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
  }
}

export function sayFaults(faults: readonly ConfigFault[], terminal: Terminal, kind: 'fault' | 'warning' = 'fault'): void {
  for (const fault of faults) terminal.err(`${formatFault(fault, kind)}\n`);
}

/** The environment, or the end of the command with every fault of it. */
export function settingsOf(terminal: Terminal): Settings {
  const loaded = loadSettings(terminal.env);
  if (loaded.ok) return loaded.settings;
  sayFaults(loaded.faults, terminal);
  throw new CliError(2, `the environment has ${count(loaded.faults.length, 'fault')}`);
}

/** The configuration, or the end of the command with every fault of it. */
export function configOf(path: string, terminal: Terminal): HoldfastConfig {
  const loaded = loadConfig(path);
  if (loaded.ok) return loaded.config;
  sayFaults(loaded.faults, terminal);
  throw new CliError(2, `${path} has ${count(loaded.faults.length, 'fault')}`);
}

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
