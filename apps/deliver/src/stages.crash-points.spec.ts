import { describe, expect, it } from '@jest/globals';
import { MemoryMarksServer, type UnknownRule } from '#libs/delivery/src/index.js';
import { groupNames, topicNames } from '#libs/domain/src/index.js';
import { MemoryLog, silentLogger, type Interleave } from '#libs/kafka/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { createDeliverProcess } from './deliver.process.js';
import type { Rendered, Stage, Stages } from './deliver.ports.js';
import { deliveryRecord, listeningReport, memoryCodec, readFact, testDelivery, testPolicy } from './testing/deliver.world.js';

// Goal: each request of a sequence has its effect once, wherever its process dies, and what an earlier one kept reaches the later one.
// Method: make, then write with the id that make answered, which is refused once; the process dies at its k-th port call, before and
// behind the effect, for every k; a second one goes on. With and without a Redis that forgets in between.
const codec = await memoryCodec();
const topics = topicNames('s.');
const groups = groupNames('s.');
const tiers = [{ name: 'a', delayMs: 50 }];
const { decideStage } = await import('#libs/delivery/src/index.js');

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

type Partner = { made: number; written: string[]; isRefusing: boolean; requests: string[] };

/** A partner that knows idempotency keys: the stage's name is one here. */
function twoStages(partner: Partner): Stages {
  const stage = (name: string, path: (kept: Record<string, string>) => string): Stage => ({
    name,
    when: [],
    isReading: false,
    rules: [],
    resolver: {
      ask: async () => {
        const isThere = name === 'make' ? partner.made > 0 : partner.written.length > 0;
        return isThere ? { kind: 'found', kept: { id: 'p-7' } } : { kind: 'not-found' };
      },
    },
    render: (_delivery, _shaped, notes): Rendered => ({
      ok: true,
      request: { method: 'POST', path: path(notes[0]?.kept ?? {}), headers: {}, body: null },
    }),
    kept: (): Record<string, string> => (name === 'make' ? { id: 'p-7' } : {}),
  });
  const list = [stage('make', () => '/make'), stage('write', ({ id }) => `/write/${id ?? 'nothing'}`)];
  return { current: (notes) => decideStage(list, notes) };
}

async function run(resolve: UnknownRule, dieAt: { call: number; behind: boolean } | null, forgets = false) {
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
  const partner: Partner = { made: 0, written: [], isRefusing: true, requests: [] };
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
          stages: twoStages(partner),
          resolver: { ask: async () => ({ kind: 'cannot-tell', reason: 'each stage has its own' }) },
          render: () => ({ ok: false, code: 'never', error: 'each stage has its own' }),
          sender: {
            send: async ({ path }) => {
              await point.interleave.before('partner');
              partner.requests.push(path);
              const isKeyed = resolve === 'idempotency-key';
              const isRefused = path !== '/make' && partner.isRefusing;
              if (isRefused) partner.isRefusing = false;
              else if (path === '/make') partner.made = isKeyed ? 1 : partner.made + 1;
              else if (!isKeyed || partner.written.length === 0) partner.written.push(path);
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
  const ends = () =>
    log
      .records(topics.ledger)
      .map((record) => readFact(codec, record))
      .filter(({ fact }) => fact !== 'attempted');
  for (let n = 0; n < 40 && ends().length === 0; n++) await clock.advance(5);
  if (first.isDead && forgets) marks.wipe();
  if (first.isDead) await start(new Point(null), 'second');
  for (let n = 0; n < 100 && ends().length === 0; n++) await clock.advance(10);
  await clock.advance(300);
  return { calls: first.calls, ends: ends(), ...partner };
}

describe.each(['idempotency-key', 'lookup', 'hold', 'resend'] as const)('a sequence and a crash at any port call, under %s', (resolve) => {
  it('repeats no request that has ended over a retry, and hands on what it answered', async () => {
    expect(await run(resolve, null)).toMatchObject({
      ends: [{ verdict: 'delivered-once' }],
      requests: ['/make', '/write/p-7', '/write/p-7'],
    });
  });

  it.each([false, true])(
    'leaves one end, and a true one; Redis forgets: %s',
    async (forgets) => {
      const clean = await run(resolve, null);
      for (let call = 1; call <= clean.calls; call++) {
        for (const behind of [false, true]) {
          const at = `${behind ? 'behind' : 'before'} call ${call}`;
          const { ends, made, written } = await run(resolve, { call, behind }, forgets);
          expect({ at, ends: ends.length }).toEqual({ at, ends: 1 });
          const says = ends[0]!.verdict ?? ends[0]!.fact;
          if (says.startsWith('delivered'))
            expect({ at, says, made, written: written[0] }).toMatchObject({ made: expect.any(Number), written: '/write/p-7' });
          else expect({ at, says, resolve }).toEqual({ at, says: 'held', resolve: 'hold' });
          if (made > 1 || written.length > 1)
            expect({ at, says, resolve }).toEqual({ at, says: 'delivered-maybe-twice', resolve: 'resend' });
        }
      }
    },
    120_000,
  );
});
