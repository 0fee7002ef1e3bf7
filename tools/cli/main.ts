import { Command, CommanderError } from 'commander';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RegistryError } from '#libs/contracts/src/index.js';
import { checkCommand } from './check.command.js';
import { credentialsCommand } from './credentials.command.js';
import { dlqCommand } from './dlq.command.js';
import { CliError, type CliCommand, type ExitCode, type Run, type Terminal } from './frame.js';
import { proveCommand } from './prove.command.js';
import { schemasCommand } from './schemas.command.js';
import { topicsCommand } from './topics.command.js';

/** Every command of `holdfast`. One more is one more file and one more name here. */
const COMMANDS: readonly CliCommand[] = [checkCommand, topicsCommand, schemasCommand, proveCommand, credentialsCommand, dlqCommand];

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
};

let exitCode: ExitCode = 0;
const run: Run =
  (action) =>
  async (...args) => {
    exitCode = await action(...args);
  };

const { version } = JSON.parse(readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8')) as {
  version: string;
};
const program = new Command('holdfast')
  .description('Carries events from systems that send unreliably to systems that answer unreliably, and proves what became of each one.')
  .version(version)
  .exitOverride()
  .configureOutput({ writeErr: terminal.err, writeOut: terminal.out })
  .addHelpText('after', '\nExit codes: 0 fine, 1 failed, 2 wrong use or configuration.');
for (const add of COMMANDS) add(program, terminal, run);

try {
  await program.parseAsync();
} catch (error) {
  exitCode = told(error);
}
process.exitCode = exitCode;

function told(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // It has said what is wrong.
  if (error instanceof CliError || error instanceof RegistryError) {
    terminal.err(`${error.message}\n`);
    return error instanceof CliError ? error.exitCode : 1;
  }
  terminal.err(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}
