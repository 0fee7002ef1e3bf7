// Goal: people are told of dead letters and invalid events: one notice for each kind of error, not one for each delivery.
// Method: all apps as processes, a partner that answers 422, and a webhook that keeps what it is told.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import {
  erpTopic,
  orderBody,
  startPartner,
  System,
  testConfiguration,
  TopicProducer,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { readAll, services } from '../fixtures/end-to-end.js';

type Notice = Readonly<{
  alert: string;
  state: string;
  destination?: string;
  count: number;
  text: string;
  correlationIds: string[];
  runbook: string;
}>;

let partner: Partner | undefined;
let system: System | undefined;
let server: Server | undefined;
const notices: Notice[] = [];
afterEach(async () => {
  await system?.stop();
  await partner?.close();
  server?.close();
}, 60_000);

async function webhook(): Promise<string> {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      notices.push(JSON.parse(body) as Notice);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`;
}

async function produce(...values: Buffer[]): Promise<void> {
  const producer = await TopicProducer.open(system!.services.brokers, erpTopic(system!.prefix));
  for (const value of values) await producer.produce([{ key: 'k', value }]);
  await producer.close();
}

const order = (n: number): Buffer => orderBody({ id: `t-${n}`, entity: `o-${n}`, revision: 1 });
const told = (alert: string): Notice[] => notices.filter((notice) => notice.alert === alert);
const isTold = (alert: string) =>
  waitFor(() => told(alert).length > 0, { what: `a notice of ${alert}`, withinMs: 60_000, seen: () => JSON.stringify(notices) });

it('a refused delivery is one notice, ten more of its kind are not ten more, and an invalid event is told', async () => {
  partner = await startPartner({ rules: [{ name: 'refuses', status: 422 }] });
  const url = await webhook();
  system = await System.start({
    services: services(),
    apps: ['ingest', 'dedupe', 'deliver', 'dlq-handler'],
    replicas: { 'dlq-handler': 2 },
    partitions: 1,
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) => ({
      ...testConfiguration({
        prefix,
        partitions: 1,
        sources: ['erp'],
        destinations: [{ name: 'portal', url: `${partner!.url}/orders/{entity}` }],
      }),
      alerts: [{ name: 'ops', webhook: { url }, on: ['dead-letter', 'invalid'] }],
    }),
  });
  await produce(order(0));
  await isTold('dead-letter');
  const first = (await readAll(system)).events.find(({ event }) => event.id === 't-0');
  expect(told('dead-letter')).toEqual([
    {
      ...{ alert: 'dead-letter', state: 'raised', destination: 'portal', type: 'order.updated', count: 1 },
      ...{ correlationIds: [first!.event.correlationid], runbook: 'docs/runbooks/dead-letter.md' },
      text: expect.stringContaining('business 422'),
    },
  ]);

  await produce(...Array.from({ length: 10 }, (_, n) => order(n + 1)), Buffer.from('{"type":"order.updated",'));
  await isTold('invalid');
  expect(told('invalid')).toMatchObject([{ state: 'raised', count: 1, runbook: 'docs/runbooks/invalid.md' }]);
  await waitFor(() => (partner!.arrivals.counters.byStatus['422'] ?? 0) >= 11, { what: 'eleven refusals', withinMs: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 6_000)); // More than one look of both replicas.
  expect(told('dead-letter').length).toBeLessThanOrEqual(2);
}, 180_000);
