// Goal: what the apps get: numbers, defaults, known senders, and the topics of the plan.
import { describe, expect, it } from '@jest/globals';
import { loadConfig, topicPlan, type HoldfastConfig } from './index.js';
import { written } from './testing/written.js';

function configOf(text: string): HoldfastConfig {
  using folder = written({ 'holdfast.yaml': `version: 1\nsingleNode: true\nenvironment: dev\n${text}` });
  const loaded = loadConfig(folder.path('holdfast.yaml'));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
}

const sourceOf = (text: string) => configOf(`sources:\n  - { name: s, ${text} }\n`).sources[0]!;
const pointer = (path: string) => ({ kind: 'pointer', pointer: path });
const header = (name: string) => ({ kind: 'header', name });

describe('sources', () => {
  it('a known sender needs no event: its id and type are known', () => {
    const { event, idempotency, webhook } = sourceOf('webhook: { verify: { scheme: github, secrets: [{ env: A }] } }');
    expect(event).toEqual({
      id: header('x-github-delivery'),
      type: header('x-github-event'),
      entity: null,
      revision: null,
      time: null,
      schemaVersion: null,
    });
    expect(idempotency).toEqual({ key: [{ kind: 'id' }], windowMs: 604_800_000 });
    expect(webhook).toMatchObject({ bodyMaxBytes: 1_048_576, contentTypes: null });
  });

  it('an unknown one has a type at /type and no id: /id is often the entity', () => {
    expect(sourceOf('webhook: { verify: { scheme: none } }').event).toMatchObject({ id: null, type: pointer('/type') });
    expect(sourceOf('topic: { name: t, format: cloudevents }').event).toMatchObject({ id: null, type: null });
  });

  it('keys: entity and revision where the event has both, a digest where one is asked for, parts as written', () => {
    const key = (text: string) => sourceOf(`topic: { name: t }, ${text}`).idempotency.key;
    expect(key('event: { entity: /e, revision: /r }')).toEqual([{ kind: 'entity' }, { kind: 'revision' }]);
    expect(key('event: { revision: /r }')).toEqual([{ kind: 'id' }]);
    expect(key('event: { entity: /e }, idempotency: { digest: [/a, /b] }')).toEqual([
      { kind: 'entity' },
      { kind: 'digest', pointers: ['/a', '/b'] },
    ]);
    expect(key('event: { entity: /e }, idempotency: { key: [/e, "header:X-A", digest] }')).toEqual([
      pointer('/e'),
      header('x-a'),
      { kind: 'digest', pointers: [] },
    ]);
  });

  it('hmac in full', () => {
    const { webhook } = sourceOf('webhook: { verify: { scheme: hmac, header: X-Signature, prefix: "v1=", secrets: [{ env: A }] } }');
    expect(webhook!.verify).toEqual({
      scheme: 'hmac',
      header: 'x-signature',
      algorithm: 'sha256',
      encoding: 'hex',
      prefix: 'v1=',
      secrets: [{ kind: 'env', name: 'A' }],
    });
  });
});

describe('destinations and routes', () => {
  const config = configOf(`
retry: { tiers: [1s, 60s] }
sources:
  - { name: a, topic: { name: t } }
  - { name: b, topic: { name: t2 } }
destinations:
  - name: d
    http: { url: "https://d.example/{entity}/{entity}?r={id}" }
    unknown: { resolve: hold }
    classify: [{ status: [409, 5xx], as: delivered }]
    auth: { bearer: { token: { file: t } } }
    retry: { tiers: [1m, 1s, 1m] }
  - { name: e, http: { url: "https://e.example" }, unknown: { resolve: resend, statuses: [500, 504] }, rateLimit: { perSecond: 2.5 } }
routes: [{ to: d }, { to: e, from: [b], types: ["order.*"] }]
`);

  it('have every default applied and durations in milliseconds', () => {
    expect(config.destinations[0]).toMatchObject({
      http: { method: 'POST', headers: {}, timeoutMs: 10_000, maxInFlight: 64, url: { placeholders: ['entity', 'id'] } },
      unknown: { settleMs: 30_000, validForMs: 86_400_000, statuses: [504], lookup: null },
      classify: [
        {
          statuses: [
            { from: 409, to: 409 },
            { from: 500, to: 599 },
          ],
          header: null,
          body: null,
          as: 'delivered',
        },
      ],
      auth: { kind: 'bearer', token: { kind: 'file', path: expect.stringMatching(/^\/.*\/t$/) } },
      retry: { maxAgeMs: 86_400_000 },
    });
    expect(config.destinations[1]).toMatchObject({ rateLimit: { perSecond: 2.5, burst: 3 }, retry: { tiers: config.retry.tiers } });
  });

  it('a tier is the delay line of that duration, under the name of its topic', () => {
    expect(config.destinations[0]!.retry.tiers).toEqual([
      { name: '60s', delayMs: 60_000 },
      { name: '1s', delayMs: 1_000 },
      { name: '60s', delayMs: 60_000 },
    ]);
  });

  it('a route without from is from all', () => {
    expect(config.routes.map(({ from, types }) => [from, types])).toEqual([
      [['a', 'b'], ['*']],
      [['b'], ['order.*']],
    ]);
  });
});

describe('the plan of topics', () => {
  const text = `
topics: { partitions: 3, retention: { events: { time: 40d, bytes: 1GiB } } }
retry: { tiers: [30s] }
sources: [{ name: a, topic: { name: erp } }, { name: b, topic: { name: erp } }]
destinations:
  - { name: d, http: { url: "https://d.example" }, unknown: { resolve: hold } }
  - { name: e, http: { url: "https://e.example" }, unknown: { resolve: hold } }
routes: [{ to: d, ordering: strict }, { to: e }]
`;
  const plan = topicPlan(configOf(text));

  it('has every topic of the configuration with the groups that read it', () => {
    expect(plan.map(({ name, partitions, groups }) => [name, partitions, groups])).toEqual([
      ['hf.events', 3, ['hf.dedupe']],
      ['hf.deliveries.d', 3, ['hf.deliver.d']],
      ['hf.deliveries.e', 3, ['hf.deliver.e']],
      ['hf.parked.d', 3, ['hf.deliver.d']],
      ['hf.retry.30s', 3, ['hf.delay.30s']],
      ['hf.dlq', 3, ['hf.dlq-handler.dlq']],
      ['hf.invalid', 3, ['hf.dlq-handler.invalid']],
      ['hf.ledger', 3, []],
      ['hf.commands', 1, ['hf.dlq-handler.commands']],
      ['erp', 3, []],
    ]);
  });

  it('keeps records by time and bytes, stamps append time, and lets sizes grow along the way', () => {
    expect(plan[0]!.config).toEqual({
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': '3456000000',
      'retention.bytes': '1073741824',
      'max.message.bytes': '4194304',
      'min.insync.replicas': '1',
      'unclean.leader.election.enable': 'false',
    });
    const max = (name: string) => Number(plan.find((topic) => topic.name === name)!.config['max.message.bytes']);
    expect(max('hf.events')).toBeLessThan(max('hf.deliveries.d'));
    expect(max('hf.deliveries.d')).toBeLessThan(max('hf.retry.30s'));
    expect(max('hf.retry.30s')).toBeLessThanOrEqual(max('hf.dlq'));
  });

  it('leaves producers’ topics to their owners outside dev', () => {
    using folder = written({ 'holdfast.yaml': `version: 1\n${text}` });
    const loaded = loadConfig(folder.path('holdfast.yaml'));
    const production = loaded.ok ? topicPlan(loaded.config) : [];
    expect(production.map(({ name }) => name)).not.toContain('erp');
    expect(production[0]).toMatchObject({ replication: 3, config: { 'min.insync.replicas': '2' } });
  });
});
