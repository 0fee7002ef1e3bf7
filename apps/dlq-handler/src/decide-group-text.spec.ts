import { describe, expect, it } from '@jest/globals';
import { decideGroupText, maskAnswer, type OpenGroup } from './decide-group-text.js';

const group = (over: Partial<OpenGroup> = {}): OpenGroup => ({
  kind: 'dead-letter',
  signature: 'a',
  open: 12,
  sinceMs: 1_700_000_000_000,
  destination: 'portal',
  source: 'erp',
  type: 'order.updated',
  class: 'business',
  status: 422,
  sample: 'unknown_customer: customer 4711 is unknown',
  correlationIds: ['c-1'],
  ...over,
});

describe('what a notice of a group says', () => {
  it('a dead letter: what failed, how often, since when, the last answer', () => {
    expect(decideGroupText(group())).toBe(
      '12 dead letters of portal (order.updated) of one kind since 2023-11-14T22:13:20.000Z: business 422; the last answer: unknown_customer: customer <n> is unknown',
    );
  });

  it('an invalid event: whose, and what is wrong with it', () => {
    const invalid = group({
      kind: 'invalid',
      destination: null,
      open: 1,
      class: 'invalid',
      status: null,
      type: null,
      sample: 'no-type at /type',
    });
    expect(decideGroupText(invalid)).toBe('1 event of erp cannot be used (invalid) since 2023-11-14T22:13:20.000Z: no-type at /type');
  });

  it.each([
    ['customer 4711 is unknown', 'customer <n> is unknown'],
    ['{"name":"Ada \\"the first\\" Lovelace","iban":"DE02"}', '{<text>:<text>,<text>:<text>}'],
    ['{"name":"cut off in the mid', '{<text>:<text>'],
    ['<error><name>Ada Lovelace</name></error>', '<error><name>…</name></error>'],
    ['no account for ada@lovelace.example', 'no account for <address>'],
    ['', 'it said nothing'],
  ])('never the body: %s', (sample, masked) => expect(maskAnswer(sample)).toBe(masked));
});
