import { topicPlan, type PlannedTopic } from '#libs/config/src/index.js';
import { LogError } from '#libs/kafka/src/index.js';
import { ClusterCheck, type ClusterFault } from '#libs/kafka/src/kafka.module.js';
import { CliError, configOf, count, settingsOf, type CliCommand, type ExitCode, type Terminal } from './frame.js';

type Options = { dryRun?: boolean; json?: boolean };
type Report = Awaited<ReturnType<ClusterCheck['applyTopics']>>[number];

const EXAMPLES = `
Nothing that stands is changed: what differs from the plan is said, with the command that changes it.

Examples:
  $ npx holdfast topics apply                 the topics of holdfast.yaml, on KAFKA_BROKERS
  $ npx holdfast topics apply prod.yaml --dry-run
                                              prints the plan and asks no broker`;

/** `holdfast topics apply`: every topic of the configuration stands, with the first offsets of the groups that read it. */
export const topicsCommand: CliCommand = (program, terminal, run) => {
  program
    .command('topics')
    .description("Makes Holdfast's topics.")
    .command('apply')
    .description('Makes the topics that are missing, commits the first offsets of their groups, and says what differs.')
    .argument('[file]', 'configuration (default: HOLDFAST_CONFIG, or holdfast.yaml)')
    .option('--dry-run', 'print the plan only')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(run((file: string | undefined, options: Options) => apply(file, options, terminal)));
};

async function apply(file: string | undefined, { dryRun, json }: Options, terminal: Terminal): Promise<ExitCode> {
  const settings = settingsOf(terminal);
  const config = configOf(file ?? settings.configPath, terminal);
  const plan = topicPlan(config);
  if (dryRun) {
    terminal.out(json ? `${JSON.stringify(plan, null, 2)}\n` : plan.map(planLine).join(''));
    return 0;
  }
  const cluster = new ClusterCheck({ ...settings.kafka, clientId: 'holdfast-cli' });
  try {
    const reports = await cluster.applyTopics(plan);
    const own = plan.filter(({ kind }) => kind !== 'source').map(({ name }) => name);
    const faults = await cluster.checkCluster({ singleNode: config.singleNode, topics: own });
    if (json) terminal.out(`${JSON.stringify({ topics: reports, cluster: faults }, null, 2)}\n`);
    else say({ plan, reports, faults }, terminal);
    return faults.length > 0 || reports.some(({ offsets }) => offsets.some(({ outcome }) => outcome === 'missing')) ? 1 : 0;
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw new CliError(1, error.message); // It names the broker and the mend.
  } finally {
    cluster.close();
  }
}

function say(
  { plan, reports, faults }: { plan: readonly PlannedTopic[]; reports: readonly Report[]; faults: readonly ClusterFault[] },
  terminal: Terminal,
): void {
  for (const { topic, outcome, differences, offsets } of reports) {
    const isOurs = plan.some(({ name, kind }) => name === topic && kind !== 'source');
    if (outcome === 'created') terminal.out(`${topic}: made\n`);
    // A producer's topic is its owner's: only that it stands is ours to say.
    if (isOurs) for (const difference of differences) terminal.err(`${topic}: warning: ${difference}\n`);
    const missing = offsets.filter((offset) => offset.outcome === 'missing');
    for (const { group, partition } of missing) {
      terminal.err(
        `${topic}/${partition}: holds records, but ${group} has no committed offset: it expired or was deleted, and is never guessed\n    mend: commit the right one, or reset the group with kafka-consumer-groups --reset-offsets --group ${group} --topic ${topic}:${partition} --to-earliest --execute\n`,
      );
    }
  }
  for (const { where, what, mend } of faults) terminal.err(`${where}: ${what}\n    mend: ${mend}\n`);
  const made = reports.filter(({ outcome }) => outcome === 'created').length;
  terminal.out(`${count(reports.length, 'topic')}: ${made} made, ${reports.length - made} stood already\n`);
}

const planLine = ({ name, partitions, replication, config, groups }: PlannedTopic): string =>
  `${name}: ${count(partitions, 'partition')}, replication ${replication}${groups.length > 0 ? `, read by ${groups.join(', ')}` : ''}\n${Object.entries(
    config,
  )
    .map(([key, value]) => `    ${key}=${value}\n`)
    .join('')}`;
