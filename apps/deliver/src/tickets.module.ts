import type { Breakers } from '#libs/breaker/src/index.js';
import { outboundGuard, type HoldfastConfig } from '#libs/config/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import type { RedisConnection } from '#libs/identity/src/identity.module.js';
import { systemClock, type LogCluster } from '#libs/kafka/src/index.js';
import { NoticeBoard } from '#libs/notices/src/index.js';
import { RedisNoticeBook, webhookPost } from '#libs/notices/src/notices.module.js';
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
}>;

/** Tickets by webhook, for as long as the process runs. Without `alerts` there is nobody to tell, and nothing runs. */
export function openTickets({ ground, config, cluster, redis, breakers, process }: OpenTicketsParts): void {
  const { alerts, destinations, topics } = config;
  if (alerts.length === 0) return;
  const { logger, shutdown } = ground;
  const { post, close } = webhookPost(outboundGuard({ dev: config.dev, allow: config.outbound.allow }));
  const notices = new NoticeBoard({ alerts, book: new RedisNoticeBook(redis, topics.prefix), post, clock: systemClock, logger });
  const runbooks = new Map(destinations.map(({ name, runbook }) => [name, runbook]));
  const end = new AbortController();
  const watching = watchTickets(
    {
      ...{ breakers, process, notices, clock: systemClock },
      backlogOf: (destination) => backlogOf(destination, config, cluster),
      runbookOf: (destination) => runbooks.get(destination) ?? null,
    },
    end.signal,
  );
  shutdown.add('close', 'tickets', async () => {
    end.abort();
    await watching;
    await close();
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
