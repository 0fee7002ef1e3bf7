import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { postWebhooks, waitFor } from '#libs/testkit/src/index.js';
import { startOwnStack, type OwnStack } from '#libs/testkit/src/stack.js';
import { ingestBoundsDefault } from './ingest.config.js';
import { AppWorld } from './testing/app-world.js';

// Goal: without Kafka the door answers 503 within its bound, never 202, and recovers by itself; nothing acknowledged is lost.
// Method: a broker of its own, frozen (it hangs) and killed (it is gone) under a load that repeats as good senders do.
let stack: OwnStack;
beforeAll(async () => {
  stack = await startOwnStack();
}, 120_000);
afterAll(async () => {
  await stack.stop();
}, 60_000);

const SLACK_MS = 3_000;
const shop = {
  name: 'shop',
  webhook: { verify: { scheme: 'none' } },
  event: { id: '/id', type: 'order.updated', entity: '/id' },
  idempotency: { window: '1h' },
};

it('refuses within its bound while the broker hangs or is gone, and recovers', async () => {
  const w = await AppWorld.open({ brokers: [stack.kafka.address], registryUrl: stack.registry.address, sources: () => [shop] });
  const webhooks = (tag: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({ tag: `${tag}-${n}`, body: Buffer.from(JSON.stringify({ id: `${tag}-${n}` })) }));
  const post = (tag: string, count: number, keepTrying: boolean) =>
    postWebhooks(
      { url: w.url, source: 'shop', signing: { scheme: 'none' }, connectionsMax: 16, keepTrying, timeoutMs: 30_000 },
      webhooks(tag, count),
    );
  try {
    const acknowledged = (await post('before', 100, false)).accepted.map(({ id }) => id);
    expect(acknowledged.length).toBe(100);
    for (const [signal, tag] of [
      ['SIGSTOP', 'hangs'],
      ['SIGKILL', 'gone'],
    ] as const) {
      await stack.kafka.kill(signal);
      const startedMs = performance.now();
      const { accepted, refused } = await post(tag, 16, false);
      expect(accepted).toEqual([]);
      expect([...new Set(refused.map(({ status }) => status))]).toEqual([503]);
      expect(performance.now() - startedMs).toBeLessThan(ingestBoundsDefault.appendMaxMs + SLACK_MS);
      await waitFor(async () => (await w.readyz()).status === 503, { what: 'not ready', withinMs: 10_000 });
      const repeated = post(`${tag}-again`, 50, true);
      await (signal === 'SIGSTOP' ? stack.kafka.kill('SIGCONT') : stack.kafka.start());
      acknowledged.push(...(await repeated).accepted.map(({ id }) => id));
      await waitFor(async () => (await w.readyz()).status === 200, { what: 'ready again', withinMs: 30_000 });
    }
    expect(acknowledged.length).toBe(200);
    const stored = new Set((await w.events()).map(({ id }) => id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  } finally {
    await w.close();
  }
}, 120_000);
