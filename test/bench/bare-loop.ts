import { fileURLToPath } from 'node:url';
import { NodeProcess, type Services } from '#libs/testkit/src/index.js';
import { createTopics } from './environment.js';

/** The two processes of the bare loop, running and joined. */
export type BareLoop = Readonly<{ topic: string; pids: Readonly<Record<'dedupe' | 'deliver', number>>; stop(): Promise<void> }>;

const scriptOf = (name: string): string => fileURLToPath(new URL(`bare/${name}.js`, import.meta.url));

export async function startBareLoop(
  services: Services,
  place: { prefix: string; partitions: number; partnerUrl: string },
): Promise<BareLoop> {
  const { prefix, partitions, partnerUrl } = place;
  await createTopics(services.brokers, [`${prefix}in`, `${prefix}out`], partitions);
  const env = { KAFKA_BROKERS: services.brokers.join(','), REDIS_URL: services.redisUrl, BARE_PREFIX: prefix, PARTNER_URL: partnerUrl };
  const dedupe = NodeProcess.start({ name: 'bare-dedupe', script: scriptOf('bare-dedupe'), env });
  const deliver = NodeProcess.start({ name: 'bare-deliver', script: scriptOf('bare-deliver'), env });
  await Promise.all([dedupe.waitForOutput(/ready/, 30_000), deliver.waitForOutput(/ready/, 30_000)]);
  return {
    topic: `${prefix}in`,
    pids: { dedupe: dedupe.pid, deliver: deliver.pid },
    stop: async () => void (await Promise.all([dedupe.stop(5_000), deliver.stop(5_000)])),
  };
}
