import { describe, expect, it } from '@jest/globals';
import type { DestinationVerdict } from './destination.fold.js';
import { attempt, evidence, judged, ofDelivery, trace } from './testing/evidence.builder.js';
import { foldHistories, type Evidence } from './verdict.fold.js';

// Goal: pin what an ordered route's deliveries come to. Method: as in verdict.fold.spec.ts.
const accepted = judged('accepted');
const refused = ofDelivery('attempted', 0, { class: 'transient', attempt: 1, attempts: [attempt(1, { class: 'transient' })], tier: '30s' });
const settled = (hop: number, verdict: string) => ofDelivery('settled', hop, { verdict, class: 'delivered', attempts: [attempt(1)] });

const rows: [name: string, given: Partial<Evidence>, expected: Partial<DestinationVerdict>][] = [
  [
    'parked for its next attempt',
    {
      facts: [
        accepted,
        ofDelivery('held', 0, { at: 5_000, tier: 'parked', until: 35_000, class: 'transient', reason: 'its next attempt' }),
      ],
      traces: [trace({ room: 'parked', hop: 1, position: 'hf.parked.portal/2/1' })],
    },
    {
      verdict: 'waiting',
      where: 'hf.parked.portal/2/1',
      until: 35_000,
      held: false,
      reason: 'parked since 1970-01-01T00:00:05.000Z: its next attempt',
    },
  ],
  [
    'parked behind another, told by its fact alone',
    { facts: [accepted, ofDelivery('held', 0, { tier: 'parked', class: 'parked', reason: 'behind' })] },
    { verdict: 'waiting', where: 'the parked topic of portal', until: null, held: false },
  ],
  [
    'parked until an operator decides',
    { facts: [accepted, ofDelivery('held', 0, { tier: 'parked', class: 'business', reason: 'rejected' })] },
    { verdict: 'waiting', held: true },
  ],
  [
    'parked, then delivered',
    { facts: [accepted, ofDelivery('held', 0, { tier: 'parked' }), settled(1, 'delivered-once')] },
    { verdict: 'delivered-once' },
  ],
  [
    'overtaken on the way back from a delay line',
    { facts: [accepted, refused, ofDelivery('settled', 1, { verdict: 'superseded', duplicateof: 'hf.events/0/9' })] },
    { verdict: 'superseded', by: 'hf.events/0/9' },
  ],
];

describe('the verdict at a destination under an ordering', () => {
  it.each(rows)('%s', (_name, given, expected) => {
    expect(foldHistories(evidence(given))[0]!.verdicts['portal']).toMatchObject(expected);
  });
});
