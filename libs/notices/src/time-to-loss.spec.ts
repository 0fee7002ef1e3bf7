import { describe, expect, it } from '@jest/globals';
import { encodeCommitMetadata, MemoryLog, systemClock } from '#libs/kafka/src/index.js';
import { decideTimeToLoss, timeToLossBoundMs } from './decide-time-to-loss.js';
import type { About, Said } from './notices.port.js';
import { tellTimeToLoss } from './time-to-loss.js';

// Goal: people are told before retention reaches what waits, whichever replica looks, and that it is over only when it is well over.
const [hourMs, dayMs] = [3_600_000, 86_400_000];

describe('the bound', () => {
  it.each([
    [7 * dayMs, dayMs],
    [30 * dayMs, dayMs],
    [10 * hourMs, 2 * hourMs],
  ])('of a retention of %d ms is %d ms', (retentionMs, boundMs) => expect(timeToLossBoundMs(retentionMs)).toBe(boundMs));

  it.each([
    [0, 'raise'],
    [2 * hourMs - 1, 'raise'],
    [2 * hourMs, 'keep'],
    [3 * hourMs - 1, 'keep'],
    [3 * hourMs, 'resolve'],
    [10 * hourMs, 'resolve'],
  ])('with %d ms left of ten hours: %s', (leftMs, verdict) => expect(decideTimeToLoss(leftMs, 10 * hourMs)).toBe(verdict));
});

describe('time to loss', () => {
  it('is of the oldest of all partitions, and over when that is settled', async () => {
    let nowMs = 1_000;
    const TOPIC = 'hf.deliveries.portal';
    const log = new MemoryLog({ clock: { ...systemClock, nowMs: () => nowMs } }).createTopic(TOPIC, 3);
    const told: string[] = [];
    const note = (what: string) => (about: About, say: () => Promise<Said>) =>
      void say().then(({ text, count, runbook }) =>
        told.push(`${what} ${about.alert} ${about.destination} ${count}: ${text} [${runbook}]`),
      );
    const look = async () => {
      await tellTimeToLoss(
        {
          cluster: log.process(),
          notices: { raise: note('raise'), resolve: note('resolve') },
          clock: log.clock,
          sources: () => [],
          retentionMsOf: () => 10 * hourMs,
          destinationOf: () => ({ name: 'portal', runbook: null }),
        },
        { group: 'g', topic: TOPIC },
      );
      return told.splice(0);
    };
    log.broker.write([{ topic: TOPIC, partition: 2, key: null, value: null, headers: {} }], null);
    expect((await look())[0]).toContain('resolve time-to-loss portal');
    nowMs += 7.5 * hourMs;
    expect(await look()).toEqual([]);
    nowMs += hourMs;
    expect(await look()).toEqual([
      'raise time-to-loss portal 1: hf.deliveries.portal: 1 records wait for g; of the oldest, 1.5 h of 10 h are left until retention deletes it [docs/runbooks/time-to-loss.md]',
    ]);
    const metadata = encodeCommitMetadata(1, { incarnation: 'i', number: 1, redisIdentity: null, settled: [] });
    log.broker.setCommitted({ group: 'g', topic: TOPIC, partition: 2, offset: 1, metadata });
    expect((await look())[0]).toContain('resolve time-to-loss portal 0');
  });
});
