import { describe, expect, it } from '@jest/globals';
import { MemoryMarksServer, type UnknownRule } from '#libs/delivery/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { MemoryLog, silentLogger, type Interleave } from '#libs/kafka/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { createDeliverProcess } from './deliver.process.js';
import { deliveryRecord, listeningReport, memoryCodec, readFact, testDelivery, testPolicy } from './testing/deliver.world.js';

// Goal: no crash point loses a delivery, settles it twice, or reports a double as once.
// Method: a delivery that is refused once and then taken; the first process dies at its k-th port call, before and behind the effect,
// for every k; a second one goes on. The partner's own count is compared with the verdict.
const codec = await memoryCodec();
const topics = topicNames('s.');
const groups = groupNames('s.');
const tiers = [{ name: 'a', delayMs: 50 }];

class Point {
  calls = 0;
  isDead = false;
  onDeath: () => void = () => {};

  constructor(private readonly dieAt: { call: number; behind: boolean } | null) {}

  readonly interleave: Interleave = { before: () => this.pass(false), after: () => this.pass(true) };

  private async pass(behind: boolean): Promise<void> {
    if (this.isDead) return new Promise(() => {});
    if (!behind) this.calls++;
    if (this.dieAt && this.calls === this.dieAt.call && behind === this.dieAt.behind) {
      this.isDead = true;
      this.onDeath();
      return new Promise(() => {});
    }
  }
}

async function run(resolve: UnknownRule, dieAt: { call: number; behind: boolean } | null) {
  const clock = new ManualClock();
  const log = new MemoryLog({ clock });
  const homes = [
    { group: groups.deliver('portal'), topic: topics.deliveries('portal') },
    { group: groups.delayLine('a'), topic: topics.retry('a') },
  ];
  for (const { group, topic } of homes) {
    log.createTopic(topic);
    log.broker.setCommitted({ group, topic, partition: 0, offset: 0, metadata: '' });
  }
  for (const topic of [topics.dlq, topics.invalid, topics.ledger]) log.createTopic(topic);
  const marks = new MemoryMarksServer();
  const partner = { refused: 0, effects: 0 };
  const start = async (point: Point, name: string) => {
    const view = log.process(point.interleave, name);
    point.onDeath = () => view.crash();
    const process = createDeliverProcess({
      cluster: view,
      ports: { clock, codec, marks: marks.store(point.interleave), report: listeningReport().report, logger: silentLogger, topics },
      destinations: [
        {
          name: 'portal',
          policy: testPolicy({ resolve, timeoutMs: 30, tiers, unknown: { resolve, statuses: [], settleMs: 20 } }),
          valves: [],
          resolver: { ask: async () => ({ kind: partner.effects > 0 ? 'found' : 'not-found' }) },
          render: ({ id }) => ({ ok: true, request: { method: 'POST', path: id, headers: {}, body: null } }),
          sender: {
            send: async () => {
              await point.interleave.before('partner');
              const isRefused = partner.refused === 0;
              if (isRefused) partner.refused++;
              else if (resolve !== 'idempotency-key' || partner.effects === 0) partner.effects++;
              await point.interleave.after('partner');
              return { kind: 'responded', status: isRefused ? 503 : 200, retryAfterMs: null, body: null };
            },
          },
        },
      ],
      tiers,
      topicPrefix: 's.',
      bounds: { readWaitMs: 50, settleWaitMs: 5, drainMaxMs: 5, backoffFirstMs: 5 },
    });
    void process.start();
  };
  log.broker.write([deliveryRecord(codec, homes[0]!.topic, testDelivery(1))], null);
  const first = new Point(dieAt);
  await start(first, 'first');
  const facts = () => log.records(topics.ledger).map((record) => readFact(codec, record));
  const ends = () => facts().filter(({ fact }) => fact !== 'attempted');
  for (let n = 0; n < 40 && ends().length === 0; n++) await clock.advance(5);
  if (first.isDead) await start(new Point(null), 'second');
  for (let n = 0; n < 100 && ends().length === 0; n++) await clock.advance(10);
  await clock.advance(300);
  const passed = homes.every(({ group, topic }) => {
    const data = log.records(topic);
    return (log.broker.committed(group, topic, 0)?.offset ?? 0) > (data.at(-1)?.offset ?? -1);
  });
  return { calls: first.calls, ends: ends(), facts: facts(), effects: partner.effects, passed };
}

describe.each(['idempotency-key', 'lookup', 'resend', 'hold'] as const)('a crash at any port call, under %s', (resolve) => {
  it('leaves one end, and a true one', async () => {
    const clean = await run(resolve, null);
    expect(clean).toMatchObject({ effects: 1, ends: [{ verdict: 'delivered-once' }], passed: true });
    expect(clean.calls).toBeGreaterThan(30);
    for (let call = 1; call <= clean.calls; call++) {
      for (const behind of [false, true]) {
        const at = `${behind ? 'behind' : 'before'} call ${call}`;
        const { ends, facts, effects, passed } = await run(resolve, { call, behind });
        expect({ at, ends: ends.length, passed }).toEqual({ at, ends: 1, passed: true });
        expect({ at, positions: new Set(facts.map(({ position }) => position)).size }).toEqual({ at, positions: facts.length });
        const says = ends[0]!.verdict ?? ends[0]!.fact;
        if (says.startsWith('delivered')) expect({ at, lost: effects === 0 }).toEqual({ at, lost: false });
        else expect({ at, says, resolve }).toEqual({ at, says: 'held', resolve: 'hold' });
        if (effects > 1) expect({ at, says, resolve }).toEqual({ at, says: 'delivered-maybe-twice', resolve: 'resend' });
      }
    }
  }, 60_000);
});
