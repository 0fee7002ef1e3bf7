import { describe, expect, it } from '@jest/globals';
import type { Fact, HoldfastEvent } from '#libs/domain/src/index.js';
import { faultsOf, foldEvidence, type Evidence } from './evidence.fold.js';

// Goal: the fold that judges the end-to-end tests notices each way in which a run can be wrong.
// Method: a healthy run of three events, then one planted fault at a time.

const event = (key: string): HoldfastEvent => ({ type: 'order.updated', idempotencykey: key }) as HoldfastEvent;
const fact = (fields: Partial<Fact>): Fact =>
  ({ destination: null, destinations: [], verdict: null, duplicateof: null, ...fields }) as Fact;
const judged = (eventposition: string, verdict: string, more: Partial<Fact> = {}): Fact =>
  fact({
    id: `e-${eventposition}`,
    fact: 'judged',
    eventposition,
    verdict,
    destinations: verdict === 'accepted' ? ['portal'] : [],
    ...more,
  });
const settled = (eventposition: string, position: string): Fact =>
  fact({ id: `e-${eventposition}`, fact: 'settled', eventposition, position, destination: 'portal', verdict: 'delivered-once' });

const healthy: Evidence = {
  events: [
    { position: 't/0/0', event: event('a') },
    { position: 't/0/1', event: event('b') },
    { position: 't/0/2', event: event('a') },
  ],
  facts: [
    judged('t/0/0', 'accepted'),
    judged('t/0/1', 'accepted'),
    judged('t/0/2', 'duplicate', { duplicateof: 't/0/0' }),
    settled('t/0/0', 'd/0/0'),
    settled('t/0/1', 'd/0/1'),
  ],
  dead: [],
  invalid: [],
  unreadable: [],
};
const with_ = (change: (facts: Fact[]) => Fact[]): Evidence => ({ ...healthy, facts: change([...healthy.facts]) });

describe('foldEvidence', () => {
  it('finds nothing wrong with a healthy run, and counts it', () => {
    const summary = foldEvidence(healthy);
    expect(faultsOf(summary)).toEqual({});
    expect(summary).toMatchObject({ received: 3, judged: { accepted: 2, duplicate: 1 }, settled: { 'delivered-once': 2 } });
    expect(summary.duplicatesOf).toEqual([{ position: 't/0/2', of: 't/0/0' }]);
    expect(summary.settledIds).toEqual({ portal: { 'delivered-once': ['e-t/0/0', 'e-t/0/1'] } });
  });

  const rows: [fault: string, evidence: Evidence][] = [
    ['unjudged', with_((facts) => facts.slice(1))],
    ['judgedTwice', with_((facts) => [...facts, judged('t/0/1', 'duplicate', { duplicateof: 't/0/0' })])],
    ['unsettled', with_((facts) => facts.slice(0, 4))],
    ['settledTwice', with_((facts) => [...facts, settled('t/0/1', 'd/0/9')])],
    ['wrongDuplicates', with_((facts) => facts.map((f) => (f.verdict === 'duplicate' ? { ...f, duplicateof: 't/0/1' } : f)))],
    [
      'acceptedTwice',
      with_((facts) => facts.map((f) => (f.verdict === 'duplicate' ? { ...f, verdict: 'accepted', destinations: [] } : f))),
    ],
    ['unreadable', { ...healthy, unreadable: ['t/0/7'] }],
  ];
  it.each(rows)('notices %s', (fault, evidence) => {
    expect(Object.keys(faultsOf(foldEvidence(evidence))).join()).toContain(fault);
  });
});
