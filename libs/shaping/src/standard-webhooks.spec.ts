import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { Secret } from '#libs/config/src/index.js';
import { standardWebhooksSigner } from './standard-webhooks.js';

// Goal: a receiver that uses the specification's own library accepts what we sign, with any of the listed secrets, and nothing else.
const OLD = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const NEW = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const body = Buffer.from('{"n":1,"name":"Zoë"}');
const message = () => ({ id: 'd1', body, nowMs: Date.now() });
const accepts = (secret: string, headers: Readonly<Record<string, string>>, text = body.toString()): boolean => {
  try {
    new Webhook(secret).verify(text, { ...headers });
    return true;
  } catch {
    return false;
  }
};

describe('Standard Webhooks signatures', () => {
  it('are accepted with every listed secret, and with no other', () => {
    const sign = standardWebhooksSigner(() => [new Secret(OLD), new Secret(NEW)]);
    const headers = sign(message());
    expect([OLD, NEW, OTHER].map((secret) => accepts(secret, headers))).toEqual([true, true, false]);
    expect(headers['webhook-signature']!.split(' ')).toHaveLength(2);
  });

  it('cover body, id and time', () => {
    const headers = standardWebhooksSigner(() => [new Secret(NEW)])(message());
    expect(accepts(NEW, headers, '{"n":2}')).toBe(false);
    expect(accepts(NEW, { ...headers, 'webhook-id': 'd2' })).toBe(false);
    expect(accepts(NEW, { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) })).toBe(false);
  });

  it('keep the id over attempts, and take the time of each', () => {
    const sign = standardWebhooksSigner(() => [new Secret(NEW)]);
    const [first, second] = [1_000_000, 1_060_000].map((nowMs) => sign({ id: 'd1', body, nowMs }));
    expect([first!['webhook-id'], second!['webhook-id']]).toEqual(['d1', 'd1']);
    expect([first!['webhook-timestamp'], second!['webhook-timestamp']]).toEqual(['1000', '1060']);
    expect(first!['webhook-signature']).not.toBe(second!['webhook-signature']);
  });

  it('follow a secret that changes, and stay with the last good one when it changes into none', () => {
    let current = new Secret(OLD);
    const sign = standardWebhooksSigner(() => [current]);
    current = new Secret(NEW);
    expect(accepts(NEW, sign(message()))).toBe(true);
    current = new Secret('not base64!');
    expect(accepts(NEW, sign(message()))).toBe(true);
    current = new Secret(OTHER);
    expect(accepts(OTHER, sign(message()))).toBe(true);
  });

  it('sign a request without a body', () => {
    expect(accepts(NEW, standardWebhooksSigner(() => [new Secret(NEW)])({ ...message(), body: null }), '')).toBe(true);
  });

  it.each([
    ['text', 'hunter2hunter2hunter2 hunter2'],
    ['too short a key', 'whsec_aGVsbG8='],
    ['too long a key', `whsec_${Buffer.alloc(65).toString('base64')}`],
  ])('%s is refused at the start, and not shown', (_name, text) => {
    expect(() => standardWebhooksSigner(() => [new Secret(text)])).toThrow(/^signing\.secrets\[0\] is no Standard Webhooks secret/);
    expect(() => standardWebhooksSigner(() => [new Secret(text)])).not.toThrow(text);
  });
});
