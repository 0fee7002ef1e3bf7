import type { Breakers } from '#libs/breaker/src/index.js';
import type { HoldfastConfig } from '#libs/config/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import type { RedisConnection } from '#libs/identity/src/identity.module.js';
import { systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { openNotices } from '#libs/notices/src/notices.module.js';
import { behindOf, type Ground } from '#libs/observability/src/index.js';
import type { DeliverProcess } from './deliver.process.js';
import { watchTickets, type Backlog } from './tickets.js';

export type OpenTicketsParts = Readonly<{
  ground: Ground<'deliver'>;
  config: HoldfastConfig;
  cluster: LogCluster;
  redis: RedisConnection;
  breakers: Breakers;
  process: DeliverProcess;
  troubles: ReadonlyMap<string, string | null>;
}>;

/** Tickets by webhook, for as long as the process runs. Without `alerts` there is nobody to tell, and nothing runs. */
export function openTickets({ ground, config, cluster, redis, breakers, process, troubles }: OpenTicketsParts): void {
  const notices = openNotices({ ground, config, redis }, ['breaker', 'long-hold', 'credentials']);
  if (notices === null) return;
  const runbooks = new Map(config.destinations.map(({ name, runbook }) => [name, runbook]));
  const end = new AbortController();
  const watching = watchTickets(
    {
      ...{ breakers, process, notices, troubles, clock: systemClock, environment: config.environment },
      backlogOf: (destination) => backlogOf(destination, config, cluster),
      runbookOf: (destination) => runbooks.get(destination) ?? null,
    },
    end.signal,
  );
  ground.shutdown.add('settle', 'tickets', async () => {
    end.abort();
    await watching;
  });
}

/** Over all partitions, whoever owns them. */
async function backlogOf(destination: string, { topics }: HoldfastConfig, cluster: LogCluster): Promise<Backlog> {
  const group = groupNames(topics.prefix).deliver(destination);
  const topic = topicNames(topics.prefix).deliveries(destination);
  let [records, oldestMs]: [number, number | null] = [0, null];
  for (let partition = 0; partition < topics.partitions; partition++) {
    const behind = await behindOf({ cluster }, { group, topic, partition });
    records += behind.records;
    if (behind.oldestMs !== null) oldestMs = Math.min(oldestMs ?? Infinity, behind.oldestMs);
  }
  return { records, oldestMs };
}
