import { DURATION, durationMs } from '#libs/config/src/index.js';
import { HttpRegistry, openCodec } from '#libs/contracts/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { LogError } from '#libs/kafka/src/index.js';
import { createKafkajsCluster } from '#libs/kafka/src/kafka.module.js';
import { CliError, configOf, settingsOf, type CliCommand, type ExitCode, type Terminal } from './frame.js';
import { runProve } from './prove-run.js';

type Options = { since?: string; full?: boolean; json?: boolean };

const EXAMPLES = `
Examples:
  $ npx holdfast prove 0197c3a0-…             by event id: one partition of the ledger is read
  $ npx holdfast prove shop-4711-checkout     by correlation id: all of the ledger is read
  $ npx holdfast prove 0197c3a0-… --since 2d --json

It reads Kafka alone, so it answers while Postgres and Redis are down. 1: not found, lost, or facts that contradict each other.`;

/** `holdfast prove ID`: what became of an event, with positions, from Kafka alone. */
export const proveCommand: CliCommand = (program, terminal, run) => {
  program
    .command('prove')
    .description('Says what became of an event: its verdict at each destination, and the timeline behind it.')
    .argument('<id>', 'an event id or a correlation id')
    .option('--since <duration>', 'look no further back than this (30m, 12h, 7d); everything that retention has left by default')
    .option('--full', 'read all of the event log as well: finds a lost event beside a judged one of the same id')
    .option('--json', 'print the proof as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run((id: string, options: Options) => prove(id, options, terminal)));
};

async function prove(id: string, options: Options, terminal: Terminal): Promise<ExitCode> {
  const sinceMs = options.since === undefined ? null : Date.now() - spanMs(options.since);
  const settings = settingsOf(terminal);
  const { prefix } = configOf(settings.configPath, terminal).topics;
  const cluster = createKafkajsCluster(settings.kafka);
  try {
    const codec = await openCodec(new HttpRegistry(settings.schemaRegistryUrl));
    const choices = { id, sinceMs, isFull: options.full === true, isJson: options.json === true };
    const ports = { cluster, codec, names: topicNames(prefix), groups: groupNames(prefix) };
    return await runProve(choices, ports, { out: terminal.out, progress: terminal.err });
  } catch (error) {
    if (error instanceof LogError) throw new CliError(1, `Kafka could not be read: ${error.message}`);
    throw error;
  } finally {
    await cluster.close();
  }
}

function spanMs(text: string): number {
  if (!DURATION.test(text)) throw new CliError(2, `--since is not a duration: ${text}; write it like 30m, 12h or 7d`);
  return durationMs(text);
}
