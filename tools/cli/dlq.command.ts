import type { Command } from 'commander';
import { ConsoleApi } from './console-api.js';
import { actOnDeadLetters, listDeadLetters, listGroups, showDeadLetter, type Narrow } from './dlq-run.js';
import { CliError, type CliCommand, type Run, type Terminal } from './frame.js';

type ListOptions = Narrow & { limit: string; groups?: boolean; json?: boolean };
type ActOptions = Narrow & { reason: string; wait?: boolean; json?: boolean };

const LIMIT_MAX = 100_000;

const EXAMPLES = `
Examples:
  $ npx holdfast dlq list --groups                                what went wrong, the largest group first
  $ npx holdfast dlq list --destination portal --from 2026-11-22T08:00:00Z
  $ npx holdfast dlq show dlq-0-12                                reason, every attempt, and the payload
  $ npx holdfast dlq requeue --group 3f2a… --reason "article list mended" --wait
  $ npx holdfast dlq discard dlq-0-12 --reason "a test order"

It asks the console at CONSOLE_URL (default: http://127.0.0.1:8081), with the token in HOLDFAST_TOKEN_FILE or HOLDFAST_TOKEN.
A requeue sends one, then five, then a ramp, and stops by itself; with --wait: 1 when it stopped or something failed again.`;

/** `holdfast dlq`: look at dead letters, send them again, give them up. */
export const dlqCommand: CliCommand = (program, terminal, run) => {
  const dlq = program.command('dlq').description('Dead letters: list, show, requeue, discard.').addHelpText('after', EXAMPLES);
  narrowing(dlq.command('list').description('Lists dead letters, newest first.'))
    .option('--groups', 'what is open, by what went wrong')
    .option('--limit <n>', 'at most so many', '50')
    .action(run((options: ListOptions) => list(options, terminal)));
  dlq
    .command('show')
    .description('One dead letter with its reason, every attempt and its payload.')
    .argument('<id>', 'as `list` gave it, such as dlq-0-12')
    .option('--json', 'print JSON')
    .action(
      run((id: string, { json }: { json?: boolean }) => showDeadLetter(ConsoleApi.of(terminal), id, { isJson: json === true, terminal })),
    );
  for (const kind of ['requeue', 'discard'] as const) act(dlq, kind, { terminal, run });
};

function act(dlq: Command, kind: 'requeue' | 'discard', { terminal, run }: { terminal: Terminal; run: Run }): void {
  const does = kind === 'requeue' ? 'Sends dead letters again: a canary, a ramp, an automatic stop.' : 'Gives dead letters up.';
  narrowing(dlq.command(kind).description(does))
    .argument('[ids...]', 'as `list` gave them; or narrow by an option')
    .requiredOption('--reason <text>', 'why; it stands in the facts of each event')
    .option('--wait', 'wait for its end, and say how far it is')
    .action(
      run((ids: string[], { reason, wait, json, ...by }: ActOptions) =>
        actOnDeadLetters(ConsoleApi.of(terminal), { kind, ids, by, reason, isWaiting: wait === true }, { isJson: json === true, terminal }),
      ),
    );
}

const narrowing = (command: Command): Command =>
  command
    .option('--destination <name>')
    .option('--type <type>', 'event type')
    .option('--class <class>', 'transient, business, permanent, unknown …')
    .option('--group <group>', 'of `list --groups`')
    .option('--from <time>', 'came to rest at or after this time')
    .option('--to <time>', 'came to rest before this time')
    .option('--json', 'print JSON');

function list({ limit, groups, json, ...by }: ListOptions, terminal: Terminal) {
  const say = { isJson: json === true, terminal };
  const max = Number(limit);
  if (!Number.isInteger(max) || max < 1 || max > LIMIT_MAX)
    throw new CliError(2, `--limit is a whole number from 1 to ${LIMIT_MAX}: ${limit}`);
  return groups ? listGroups(ConsoleApi.of(terminal), by, say) : listDeadLetters(ConsoleApi.of(terminal), by, max, say);
}
