import { explainConfig, loadConfig } from '#libs/config/src/index.js';
import { count, sayFaults, type CliCommand, type ExitCode, type Terminal } from './frame.js';

type Options = { explain?: boolean; json?: boolean };

const EXAMPLES = `
Examples:
  $ npx holdfast check                        the file that HOLDFAST_CONFIG names, or holdfast.yaml
  $ npx holdfast check config/ --explain      a folder of files, with every default in force
  $ npx holdfast check prod.yaml --json       {ok, faults, warnings} for a program`;

/** `holdfast check [FILE]`: every fault of a configuration with its place and its mend; 2 when there is one. */
export const checkCommand: CliCommand = (program, terminal, run) => {
  program
    .command('check')
    .description('Checks a configuration as a whole, and says each fault with file, line and mend.')
    .argument('[file]', 'a file, or a folder of files merged by name')
    .option('--explain', 'print the configuration with every default in force')
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', EXAMPLES)
    .action(
      run((file: string | undefined, options: Options) =>
        check(file ?? (terminal.env['HOLDFAST_CONFIG'] || 'holdfast.yaml'), options, terminal),
      ),
    );
};

export function check(file: string, { explain, json }: Options, terminal: Terminal): ExitCode {
  const loaded = loadConfig(file, { checkSecrets: true, env: terminal.env });
  const faults = loaded.ok ? [] : loaded.faults;
  if (json) {
    const answer = {
      ok: loaded.ok,
      faults,
      warnings: loaded.warnings,
      ...(explain && loaded.explained ? { config: loaded.explained.complete } : {}),
    };
    terminal.out(`${JSON.stringify(answer, null, 2)}\n`);
    return loaded.ok ? 0 : 2;
  }
  sayFaults(faults, terminal);
  sayFaults(loaded.warnings, terminal, 'warning');
  if (!loaded.ok) {
    terminal.err(`${file}: ${count(faults.length, 'fault')}\n`);
    return 2;
  }
  if (explain && loaded.explained) terminal.out(explainConfig(loaded.explained));
  else
    terminal.out(
      `${file} is good: ${count(loaded.config.sources.length, 'source')}, ${count(loaded.config.destinations.length, 'destination')}, ${count(loaded.config.routes.length, 'route')}\n`,
    );
  return 0;
}
