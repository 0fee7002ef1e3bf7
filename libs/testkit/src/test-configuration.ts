/** What tests and benchmarks vary; everything else is as a small real installation would have it. */
export type TestConfiguration = Readonly<{
  prefix: string;
  partitions?: number;
  tiers?: readonly string[];
  sources?: readonly TestSource[];
  destinations: readonly TestDestination[];
}>;

/** `shop`: webhooks, signed. `erp`: a topic of JSON. `store`: a topic of Avro. All carry the same kind of order. */
export type TestSource = 'shop' | 'erp' | 'store';

export type TestDestination = Readonly<{
  name: string;
  /** With its placeholders, e.g. `http://127.0.0.1:8090/orders/{entity}`. */
  url: string;
  resolve?: 'idempotency-key' | 'resend' | 'hold';
  ordering?: 'unordered' | 'latest-wins' | 'strict';
  timeout?: string;
  settle?: string;
  maxInFlight?: number;
  tiers?: readonly string[];
  /** Merged over the destination as written. */
  more?: Readonly<Record<string, unknown>>;
}>;

export const SHOP_SECRET = 'a-secret-of-the-shop';

/** The source topics of `erp` (JSON) and `store` (Avro) under a prefix. */
export const erpTopic = (prefix: string): string => `erp.${prefix}orders`;
export const storeTopic = (prefix: string): string => `store.${prefix}orders`;

/**
 * Ways in by webhook (signed by `hmac` over header `x-signature`) and by topic, all carrying the same kind of order:
 * `{type, id, entity, revision}`. Keys are entity + revision, so the same change on two ways is one event.
 */
export function testConfiguration(options: TestConfiguration): Record<string, unknown> {
  const { prefix, partitions = 4, tiers = ['1s', '2s'], sources = ['shop', 'erp'], destinations } = options;
  const order = {
    event: { id: '/id', type: '/type', entity: '/entity', revision: '/revision' },
    idempotency: { key: ['entity', 'revision'], window: '1h' },
  };
  const verify = {
    scheme: 'hmac',
    header: 'x-signature',
    algorithm: 'sha256',
    encoding: 'hex',
    prefix: 'v1=',
    secrets: [{ file: 'secrets/shop' }],
  };
  const ways = {
    shop: { name: 'shop', webhook: { verify, bodyMax: '64KiB' }, ...order },
    erp: { name: 'erp', topic: { name: erpTopic(prefix), format: 'json' }, ...order },
    store: { name: 'store', topic: { name: storeTopic(prefix), format: 'avro' }, ...order },
  };
  return {
    version: 1,
    singleNode: true,
    environment: 'dev',
    topics: { prefix, partitions },
    retry: { tiers: [...new Set([...tiers, ...destinations.flatMap((each) => each.tiers ?? [])])] },
    sources: sources.map((name) => ways[name]),
    destinations: destinations.map((each) => destination(each, tiers)),
    routes: destinations.map(({ name, ordering = 'unordered' }) => ({ from: [...sources], types: ['order.*'], to: name, ordering })),
    eventTypes: [{ type: 'order.updated' }],
  };
}

function destination(
  { name, url, resolve = 'idempotency-key', timeout = '5s', settle = '1s', maxInFlight = 64, tiers, more }: TestDestination,
  all: readonly string[],
) {
  return {
    name,
    http: { url, method: 'POST', timeout, maxInFlight },
    unknown: { resolve, settle },
    retry: { tiers: tiers ?? all },
    ...more,
  };
}

/** One order as both ways carry it. */
export const orderBody = (order: { id: string; entity: string; revision: number; filler?: string }): Buffer =>
  Buffer.from(JSON.stringify({ type: 'order.updated', ...order }));
