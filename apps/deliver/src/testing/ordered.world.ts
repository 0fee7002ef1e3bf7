import { MemoryMarksServer } from '#libs/delivery/src/index.js';
import { groupNames, topicNames, type Delivery, type Fact } from '#libs/domain/src/index.js';
import { MemoryLog, silentLogger } from '#libs/kafka/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import type { DeliverBounds } from '../deliver.config.js';
import type { DestinationOrdering, DestinationPolicy } from '../deliver.ports.js';
import { createDeliverProcess, type DeliverProcess } from '../deliver.process.js';
import { deliveryRecord, listeningReport, memoryCodec, readDeliveryRecord, readFact, testDelivery, testPolicy } from './deliver.world.js';

const codec = await memoryCodec();
export const tiers = [
  { name: 'a', delayMs: 50 },
  { name: 'b', delayMs: 120 },
];

/** What the partner answers to the nth request (from 1) for a delivery. */
export type Answers = (id: string, nth: number) => number;

/** One ordered destination over everything in memory: one partition, two delay lines, a parked topic. Sends are told as `entity#n`. */
export class OrderedWorld {
  readonly topics = topicNames('s.');
  readonly clock = new ManualClock();
  readonly log = new MemoryLog({ clock: this.clock });
  readonly marks = new MemoryMarksServer();
  /** Ids of deliveries in the order in which the partner took them. */
  readonly taken: string[] = [];
  readonly asked: string[] = [];
  answers: Answers = () => 200;
  private readonly asks = new Map<string, number>();
  private born = 0;

  constructor(
    private readonly ordering: DestinationOrdering,
    private readonly policy: Partial<DestinationPolicy> = {},
    private readonly bounds: Partial<DeliverBounds> = {},
  ) {
    const groups = groupNames('s.');
    const homes = [
      { group: groups.deliver('portal'), topic: this.topics.deliveries('portal') },
      ...tiers.map(({ name }) => ({ group: groups.delayLine(name), topic: this.topics.retry(name) })),
    ];
    for (const { group, topic } of homes) {
      this.log.createTopic(topic);
      this.log.broker.setCommitted({ group, topic, partition: 0, offset: 0, metadata: '' });
    }
    for (const topic of [this.topics.parked('portal'), this.topics.dlq, this.topics.invalid, this.topics.ledger])
      this.log.createTopic(topic);
  }

  /** A process of the app; `crash` is what `kill -9` does. */
  start(): DeliverProcess & { crash(): void } {
    const view = this.log.process(undefined, `p${++this.born}`);
    let isDead = false;
    const process = createDeliverProcess({
      cluster: view,
      ports: {
        clock: this.clock,
        codec,
        marks: this.marks.store(),
        report: listeningReport().report,
        logger: silentLogger,
        topics: this.topics,
      },
      destinations: [
        {
          name: 'portal',
          policy: testPolicy({ timeoutMs: 30, tiers, unknown: { resolve: 'idempotency-key', statuses: [], settleMs: 20 }, ...this.policy }),
          valves: [],
          ordering: this.ordering,
          resolver: { ask: async () => ({ kind: 'not-found' }) },
          render: ({ id }) => ({ ok: true, request: { method: 'POST', path: id, headers: {}, body: null } }),
          sender: {
            send: async ({ path }) => {
              if (isDead) return new Promise(() => {});
              const nth = (this.asks.get(path) ?? 0) + 1;
              this.asks.set(path, nth);
              this.asked.push(path);
              const status = this.answers(path, nth);
              await this.clock.sleep(2);
              if (status < 300) this.taken.push(path);
              return { kind: 'responded', status, retryAfterMs: null, body: null };
            },
          },
        },
      ],
      tiers,
      topicPrefix: 's.',
      bounds: { readWaitMs: 50, settleWaitMs: 5, drainMaxMs: 5, backoffFirstMs: 5, ...this.bounds },
    });
    void process.start();
    const crash = (): void => {
      isDead = true;
      view.crash();
    };
    return { ...process, crash };
  }

  append(...deliveries: readonly Delivery[]): void {
    this.log.broker.write(
      deliveries.map((one) => deliveryRecord(codec, this.topics.deliveries('portal'), one)),
      null,
    );
  }

  async pass(ms: number): Promise<void> {
    for (let n = 0; n < ms; n += 5) await this.clock.advance(5);
  }

  facts(): Fact[] {
    return this.log.records(this.topics.ledger).map((record) => readFact(codec, record));
  }

  /** What became of each delivery in the end: a verdict, or the fact. */
  ends(): Record<string, string> {
    return Object.fromEntries(this.facts().map((fact) => [fact.delivery ?? '', fact.verdict ?? fact.fact]));
  }

  parked(): Delivery[] {
    return this.log.records(this.topics.parked('portal')).map((record) => readDeliveryRecord(codec, record));
  }
}

export const rules = (over: Partial<DestinationOrdering> = {}): DestinationOrdering => ({
  hasStrict: false,
  inboxOf: () => null,
  continuesAfter: () => false,
  ...over,
});

/** The `n`th event of an entity under an ordering; its id is `entity#n`, its revision `n`. */
export const ordered = (ordering: Delivery['ordering'], entity: string, n: number, at = n): Delivery =>
  testDelivery(at, {
    id: `${entity}#${n}`,
    ordering,
    event: { id: `${entity}#${n}`, subject: entity, revision: String(n), receivedat: 0 },
  });
