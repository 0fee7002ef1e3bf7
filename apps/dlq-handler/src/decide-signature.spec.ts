import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideSignature, messageOfAttempt, messageOfFaults, normaliseMessage } from './decide-signature.js';
import { attempt } from './testing/entry.builder.js';

// Goal: equal troubles fall together whatever ids and numbers stand in them, unequal ones stay apart, and groups never change by accident.
const same: [string, string][] = [
  ['order 4711 not found', 'order 9 not found'],
  ['at 2026-01-02T10:11:12.5Z', 'at 2025-12-31T23:59:59.999Z'],
  ['id 3f2b6c1e-0000-4000-8000-00000000abcd gone', 'id 9d1c6c1e-1111-4000-8000-00000000ffff gone'],
  ['no customer "ACME 12"', "no customer 'Émile'"],
  ['commit deadbeef01 refused', 'commit 0123456789abcdef refused'],
  ['connect ECONNREFUSED 10.0.0.1:443', 'connect ECONNREFUSED 192.168.7.12:8443'],
  ['Too   Slow', 'too slow'],
];

describe('what is the same trouble', () => {
  it.each(same)('%s = %s', (a, b) => expect(normaliseMessage(a)).toBe(normaliseMessage(b)));
  it.each([
    ['order not found', 'customer not found'],
    ['connect ECONNREFUSED 1.1.1.1', 'connect ECONNRESET 1.1.1.1'],
  ])('%s ≠ %s', (a, b) => expect(normaliseMessage(a)).not.toBe(normaliseMessage(b)));

  it('depends on the place, the class and the status', () => {
    const base = { place: 'portal', class: 'business', status: 422, message: 'no' };
    const groups = [
      base,
      { ...base, place: 'audit' },
      { ...base, class: 'permanent' },
      { ...base, status: 400 },
      { ...base, status: null },
    ].map((of) => decideSignature(of).group);
    expect(new Set(groups).size).toBe(5);
  });

  it('is pinned: a group in an alert or a ticket means the same after the next release', () => {
    expect(decideSignature({ place: 'portal', class: 'business', status: 422, message: 'order 4711 not found' })).toEqual({
      group: 'fc05d91c44d14f8e',
      sample: 'order 4711 not found',
    });
  });

  it('is bounded and ends for any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5_000 }), (message) => {
        const { group, sample } = decideSignature({ place: 'p', class: 'c', status: null, message });
        expect(group).toMatch(/^[0-9a-f]{16}$/);
        expect(sample.length).toBeLessThanOrEqual(500);
        expect(normaliseMessage(message).length).toBeLessThanOrEqual(200);
      }),
    );
    const startedAt = performance.now();
    for (const evil of ['"'.repeat(100_000), 'a'.repeat(100_000), '0'.repeat(100_000), `${'1.'.repeat(50_000)}x`]) normaliseMessage(evil);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

describe('the message of a dead letter', () => {
  it.each<[string, Parameters<typeof attempt>[1], string]>([
    ['the error', { error: 'socket hang up', body: 'x' }, 'socket hang up'],
    ["the partner's words in JSON", {}, 'unknown_customer: customer 4711 is unknown'],
    ['RFC 9457', { body: '{"type":"https://x/y","title":"No","detail":"stock is 0","instance":"/o/1"}' }, 'No: stock is 0: https://x/y'],
    ['JSON without known words as it is', { body: '{"a":1}' }, '{"a":1}'],
    ['text', { body: 'Forbidden' }, 'Forbidden'],
    ['the reason where nothing was answered', { body: null }, 'rejected'],
    ['the reason where the answer was empty', { body: '' }, 'rejected'],
  ])('is %s', (_name, over, expected) => expect(messageOfAttempt(attempt(1, over), 'rejected')).toBe(expected));

  it('is the reason without any attempt', () => expect(messageOfAttempt(undefined, 'destination gone')).toBe('destination gone'));

  it('of an invalid event names codes and places', () => {
    expect(
      messageOfFaults([
        { pointer: '/lines/3/price', code: 'type', message: '' },
        { pointer: '', code: 'not-json', message: '' },
      ]),
    ).toBe('type at /lines/3/price, not-json at (body)');
  });
});
