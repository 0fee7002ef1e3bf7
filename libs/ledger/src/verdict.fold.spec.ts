import { describe, expect, it } from '@jest/globals';
import type { Fact } from '#libs/domain/src/index.js';
import type { DestinationVerdict } from './destination.fold.js';
import { attempt, event, eventPosition, evidence, judged, ofDelivery, trace } from './testing/evidence.builder.js';
import { foldHistories, lossesIn, type Evidence } from './verdict.fold.js';

// Goal: pin the verdict for every end a delivery can have, and that neither order nor repetition of facts changes a word of it.
// Method: one row = given evidence → expected verdict at `portal`; then properties over shuffled and repeated facts.
const accepted = judged('accepted');
const refused = ofDelivery('attempted', 0, {
  class: 'transient',
  attempt: 1,
  attempts: [attempt(1, { class: 'transient', status: 503 })],
  tier: '30s',
  until: 31_100,
});
const settled = (hop: number, verdict: string, over: Partial<Fact> = {}) =>
  ofDelivery('settled', hop, { verdict, class: 'delivered', attempt: hop + 1, attempts: [attempt(hop + 1)], ...over });
const dead = ofDelivery('dead-lettered', 1, {
  class: 'business',
  reason: 'business',
  attempts: [attempt(2, { class: 'business', status: 422 })],
});

const rows: [name: string, given: Partial<Evidence>, expected: Partial<DestinationVerdict>][] = [
  [
    'routed and nothing more: waiting in the queue',
    { facts: [accepted] },
    { verdict: 'waiting', where: 'the queue of portal', until: null },
  ],
  [
    'its record is known: waiting at its position',
    { facts: [accepted], traces: [trace()] },
    { verdict: 'waiting', where: 'hf.deliveries.portal/2/30' },
  ],
  ['delivered at once', { facts: [accepted, settled(0, 'delivered-once')] }, { verdict: 'delivered-once', status: 200, attempt: 1 }],
  ['delivered after a retry', { facts: [accepted, refused, settled(1, 'delivered-once')] }, { verdict: 'delivered-once', attempt: 2 }],
  ['by proof', { facts: [accepted, settled(0, 'delivered-once-by-proof')] }, { verdict: 'delivered-once-by-proof' }],
  [
    'maybe twice, as deliver said',
    { facts: [accepted, settled(0, 'delivered-maybe-twice', { reason: 'resend' })] },
    { verdict: 'delivered-maybe-twice', why: 'resend' },
  ],
  [
    'delivered-once at two positions is maybe twice, whatever each says',
    { facts: [accepted, settled(0, 'delivered-once'), settled(1, 'delivered-once')] },
    { verdict: 'delivered-maybe-twice', why: 'settled as delivered at hf.deliveries.portal/2/30 and hf.deliveries.portal/2/31' },
  ],
  [
    'two attempts that the partner took are maybe twice',
    { facts: [accepted, settled(0, 'delivered-once', { attempts: [attempt(1), attempt(2)] })] },
    { verdict: 'delivered-maybe-twice', why: '2 attempts were answered as delivered' },
  ],
  [
    'each request of a sequence is taken once',
    { facts: [accepted, settled(0, 'delivered-once', { attempts: [attempt(1, { stage: 'read' }), attempt(1, { stage: 'write' })] })] },
    { verdict: 'delivered-once' },
  ],
  [
    'one request of a sequence that was taken twice is maybe twice',
    {
      facts: [
        accepted,
        settled(0, 'delivered-once', {
          attempts: [attempt(1, { stage: 'read' }), attempt(1, { stage: 'write' }), attempt(2, { stage: 'write' })],
        }),
      ],
    },
    { verdict: 'delivered-maybe-twice', why: '3 attempts were answered as delivered' },
  ],
  [
    'a retry waits in its delay line until it is due',
    { facts: [accepted, refused] },
    { verdict: 'waiting', where: 'delay line 30s', until: 31_100, attempt: 1, class: 'transient' },
  ],
  [
    'a retry whose record is known waits at its position',
    {
      facts: [accepted, refused],
      traces: [trace(), trace({ hop: 1, room: 'delay-line', position: 'hf.retry.30s/0/4', appendedat: 1_200, until: 31_200 })],
    },
    { verdict: 'waiting', where: 'hf.retry.30s/0/4', until: 31_200 },
  ],
  [
    'a retry that came back waits in the queue',
    {
      facts: [accepted, refused],
      traces: [
        trace({ hop: 1, room: 'delay-line', position: 'hf.retry.30s/0/4', appendedat: 1_200 }),
        trace({ hop: 1, position: 'hf.deliveries.portal/2/31', appendedat: 31_200 }),
      ],
    },
    { verdict: 'waiting', where: 'hf.deliveries.portal/2/31', until: null },
  ],
  [
    'parked behind its entity',
    { facts: [accepted], traces: [trace({ room: 'parked', position: 'hf.parked.portal/2/1' })] },
    { verdict: 'waiting', reason: 'parked behind its entity' },
  ],
  [
    'held',
    { facts: [accepted, ofDelivery('held', 0, { reason: 'unknown' })] },
    { verdict: 'waiting', held: true, reason: 'held for an operator: unknown' },
  ],
  ['held, then delivered', { facts: [accepted, ofDelivery('held', 0), settled(0, 'delivered-once')] }, { verdict: 'delivered-once' }],
  [
    'held, then sent round the delay line',
    { facts: [accepted, ofDelivery('held', 0), refused] },
    { verdict: 'waiting', where: 'delay line 30s' },
  ],
  ['dead-lettered', { facts: [accepted, refused, dead] }, { verdict: 'dead-lettered', class: 'business', status: 422, reason: 'business' }],
  [
    'dead-lettered is told by the DLQ record alone as well',
    {
      facts: [accepted],
      traces: [trace(), trace({ hop: 1, room: 'dlq', position: 'hf.dlq/0/3', reason: 'exhausted', class: 'transient' })],
    },
    { verdict: 'dead-lettered', where: 'hf.dlq/0/3', reason: 'exhausted' },
  ],
  [
    'a dead letter says its class, status and position, though its record counts one hop more',
    { facts: [accepted, refused, dead], traces: [trace({ hop: 2, room: 'dlq', position: 'hf.dlq/0/3', reason: 'business' })] },
    { verdict: 'dead-lettered', where: 'hf.dlq/0/3', status: 422, reason: 'business' },
  ],
  [
    'held in the DLQ for an operator',
    {
      facts: [accepted, ofDelivery('held', 0, { reason: 'unknown' })],
      traces: [trace(), trace({ hop: 1, room: 'dlq', position: 'hf.dlq/0/3' })],
    },
    { verdict: 'waiting', held: true, where: 'hf.dlq/0/3' },
  ],
  [
    'requeued: the dead letter that stays in the DLQ says nothing any more',
    {
      facts: [dead, ofDelivery('requeued', 1, { by: 'ana', reason: 'fixed' })],
      traces: [trace({ hop: 2, room: 'dlq', position: 'hf.dlq/0/3' })],
    },
    { verdict: 'waiting', reason: 'requeued by ana: fixed' },
  ],
  [
    'requeued, told at the hop of the record in the DLQ, and queued again',
    {
      facts: [dead, ofDelivery('requeued', 2, { by: 'ana', reason: 'fixed' })],
      traces: [trace({ hop: 2, room: 'dlq', position: 'hf.dlq/0/3' }), trace({ hop: 3, position: 'hf.deliveries.portal/2/44' })],
    },
    { verdict: 'waiting', where: 'hf.deliveries.portal/2/44' },
  ],
  [
    'discarded by an operator',
    { facts: [dead, ofDelivery('discarded', 1, { by: 'ana', reason: 'test data' })] },
    { verdict: 'discarded', by: 'ana', reason: 'test data' },
  ],
  [
    'requeued, told at the dead letter',
    { facts: [dead, ofDelivery('requeued', 1, { by: 'ana', reason: 'fixed' })] },
    { verdict: 'waiting', reason: 'requeued by ana: fixed' },
  ],
  [
    'requeued, told at the new hop',
    { facts: [dead, ofDelivery('requeued', 2, { by: 'ana', reason: 'fixed' })] },
    { verdict: 'waiting', reason: 'requeued by ana: fixed' },
  ],
  [
    'requeued, then delivered',
    { facts: [dead, ofDelivery('requeued', 1, { by: 'ana' }), settled(2, 'delivered-once')] },
    { verdict: 'delivered-once' },
  ],
  [
    'requeued, then dead again',
    { facts: [dead, ofDelivery('requeued', 1, { by: 'ana' }), { ...dead, hop: 2, reason: 'again' }] },
    { verdict: 'dead-lettered', reason: 'again' },
  ],
  [
    'overtaken by a newer revision while it waited',
    { facts: [accepted, settled(0, 'superseded', { duplicateof: 'hf.events/0/9' })] },
    { verdict: 'superseded', by: 'hf.events/0/9' },
  ],
  [
    'lost: its reader has passed it without a fact',
    { facts: [accepted], traces: [trace()], passed: () => true },
    { verdict: 'lost', position: 'hf.deliveries.portal/2/30' },
  ],
  ['not lost while the offset stands before it', { facts: [accepted], traces: [trace()], passed: () => false }, { verdict: 'waiting' }],
  [
    'not lost when a fact stands at its position',
    { facts: [accepted, refused], traces: [trace()], passed: () => true },
    { verdict: 'waiting', where: 'hf.deliveries.portal/2/30' },
  ],
  [
    'lost between a delay line and the queue',
    { facts: [accepted, refused], traces: [trace({ hop: 1, room: 'delay-line', position: 'hf.retry.30s/0/4' })], passed: () => true },
    { verdict: 'lost', position: 'hf.retry.30s/0/4' },
  ],
  [
    'a duplicate is suppressed where it would have gone',
    { facts: [judged('duplicate', { duplicateof: 'hf.events/0/3', destinations: ['portal'] })] },
    { verdict: 'duplicate-suppressed', duplicateof: 'hf.events/0/3' },
  ],
  [
    'superseded by dedupe',
    { facts: [judged('superseded', { duplicateof: 'hf.events/0/9', destinations: ['portal'] })] },
    { verdict: 'superseded', by: 'hf.events/0/9' },
  ],
  ['invalid', { facts: [judged('invalid', { destinations: ['portal'] })] }, { verdict: 'invalid' }],
];

describe('the verdict at a destination', () => {
  it.each(rows)('%s', (_name, given, expected) => {
    expect(foldHistories(evidence(given))[0]!.verdicts['portal']).toMatchObject(expected);
  });

  it('keeps destinations apart', () => {
    const two = judged('accepted', { destinations: ['portal', 'audit'] });
    const [history] = foldHistories(evidence({ facts: [two, settled(0, 'delivered-once')] }));
    expect(history!.verdicts).toMatchObject({ portal: { verdict: 'delivered-once' }, audit: { verdict: 'waiting' } });
  });

  it('lets a replay speak for its destination: it was heard of last', () => {
    const replayed = ofDelivery('dead-lettered', 0, {
      delivery: 'dlv-replay',
      at: 9_000,
      reason: 'gone',
      position: 'hf.deliveries.portal/2/90',
    });
    const [history] = foldHistories(evidence({ facts: [accepted, settled(0, 'delivered-once'), replayed] }));
    expect(history!.verdicts['portal']).toMatchObject({ verdict: 'dead-lettered', reason: 'gone' });
  });
});

describe("the event's own verdict", () => {
  it.each(['accepted', 'duplicate', 'superseded', 'invalid', 'unrouted'])('%s, as judged', (word) => {
    expect(foldHistories(evidence({ facts: [judged(word)] }))[0]!.verdict).toBe(word);
  });

  it('is pending until it is judged, and lost when dedupe has passed it silently', () => {
    expect(foldHistories(evidence())[0]!.verdict).toBe('pending');
    expect(foldHistories(evidence({ passed: () => false }))[0]!.verdict).toBe('pending');
    const lost = foldHistories(evidence({ passed: () => true }));
    expect(lost[0]!.verdict).toBe('lost');
    expect(lossesIn(lost)).toEqual(['hf.events/0/7: dedupe has passed it, and there is no verdict']);
  });

  it('tells apart two events that came under one id, and names the one that is doubled', () => {
    const again = 'hf.events/0/8';
    const histories = foldHistories(
      evidence({
        received: [
          { position: again, event: event({ receivedat: 2_000 }) },
          { position: eventPosition, event: event() },
        ],
        facts: [
          judged('duplicate', { eventposition: again, position: again, duplicateof: eventPosition }),
          accepted,
          settled(0, 'delivered-once'),
        ],
      }),
    );
    expect(histories.map(({ event: { position }, verdict, duplicateof }) => ({ position, verdict, duplicateof }))).toEqual([
      { position: eventPosition, verdict: 'accepted', duplicateof: null },
      { position: again, verdict: 'duplicate', duplicateof: eventPosition },
    ]);
    expect(histories[1]!.verdicts).toEqual({});
  });

  it('shows two judgements of one position as a conflict', () => {
    const [history] = foldHistories(evidence({ facts: [accepted, judged('duplicate', { duplicateof: 'hf.events/0/3' })] }));
    expect(history!.conflicts).toEqual(['judged more than once: accepted; duplicate of hf.events/0/3']);
  });
});

describe('the timeline', () => {
  it('unfolds attempts, once each, with what they wait for', () => {
    const all = settled(1, 'delivered-once', { at: 1_260, attempts: [...refused.attempts, attempt(2)] });
    const [history] = foldHistories(evidence({ facts: [all, refused, accepted] }));
    const told = history!.timeline.map(({ at, fact, attempt: number, status, tier, until, verdict }) => ({
      at,
      fact,
      number,
      status,
      tier,
      until,
      verdict,
    }));
    expect(told.map((entry) => JSON.parse(JSON.stringify(entry)) as unknown)).toEqual([
      { at: 1_000, fact: 'received' },
      { at: 1_010, fact: 'judged', verdict: 'accepted' },
      { at: 1_150, fact: 'attempted', number: 1, status: 503, tier: '30s', until: 31_100 },
      { at: 1_250, fact: 'attempted', number: 2, status: 200 },
      { at: 1_260, fact: 'settled', number: 2, verdict: 'delivered-once' },
    ]);
  });
});
