import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLogger } from './logger.js';
import { isSecretKey, REDACTED, redact } from './redact.js';

// Goal: no secret reaches a line, at any depth, and nothing else is taken away.
const collect = () => {
  const lines: string[] = [];
  return { lines, sink: { write: (line: string) => void lines.push(line) } };
};

describe('what is a secret key', () => {
  it.each([
    'authorization',
    'Proxy-Authorization',
    'Cookie',
    'set-cookie',
    'X-Hub-Signature-256',
    'stripe-signature',
    'clientSecret',
    'secrets',
    'access_token',
    'refreshToken',
    'PASSWORD',
    'KAFKA_SASL_PASSWORD',
    'x-api-key',
    'X-Shopify-Hmac-Sha256',
  ])('%s is', (key) => expect(isSecretKey(key)).toBe(true));
  it.each(['correlationId', 'signing', 'tokenUrl', 'destination', 'passwordFile', 'secretName', 'author'])('%s is not', (key) =>
    expect(isSecretKey(key)).toBe(false),
  );
});

describe('redact', () => {
  it('leaves an object without secrets as it is, unchanged and uncopied', () => {
    const plain = { a: 1, b: ['x', { c: null }], at: new Date(0) };
    expect(redact(plain)).toBe(plain);
  });

  it('finds a secret wherever it hides, and does not touch the original', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('object', 'array'), { maxLength: 6 }), (path) => {
        const leaf = { token: 'shh-123' };
        const nested = path.reduce<unknown>((inner, kind) => (kind === 'array' ? [inner] : { inner }), leaf);
        expect(JSON.stringify(redact(nested))).not.toContain('shh-123');
        expect(leaf.token).toBe('shh-123');
      }),
    );
  });

  it('tells bytes as their count and a URL without its credentials', () => {
    expect(redact({ body: Buffer.from('card 4111'), url: 'redis://user:pw@host:1/0' })).toEqual({
      body: '[9 bytes]',
      url: `redis://${REDACTED}@host:1/0`,
    });
  });

  it('bounds what is nested without end', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(JSON.stringify(redact(loop))).toContain('[deeper]');
  });
});

describe('a log line', () => {
  it('carries app, correlation id, time and level as a word', () => {
    const { lines, sink } = collect();
    createLogger({ app: 'deliver', sink, level: 'info' }).child({ correlationId: 'corr-0001' }).info({ destination: 'portal' }, 'settled');
    expect(JSON.parse(lines[0]!)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      app: 'deliver',
      correlationId: 'corr-0001',
      destination: 'portal',
      msg: 'settled',
    });
  });

  it('tells an error with its causes, and not the request that hangs on it', () => {
    const { lines, sink } = collect();
    const cause = Object.assign(new Error('connect redis://u:hunter2@h'), { code: 'ECONNREFUSED' });
    const err = Object.assign(new Error('cannot claim', { cause }), { request: { headers: { authorization: 'Bearer hunter2' } } });
    createLogger({ app: 'dedupe', sink, level: 'info' }).error({ err, headers: { Authorization: 'Bearer hunter2' } }, 'failed');
    expect(lines[0]).not.toContain('hunter2');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      err: { message: 'cannot claim', cause: { code: 'ECONNREFUSED' } },
      headers: { Authorization: REDACTED },
    });
  });

  it('takes secrets out of what a child logger is bound to', () => {
    const { lines, sink } = collect();
    createLogger({ app: 'ingest', sink, level: 'info' })
      .child({ source: { secrets: ['hunter2'] } })
      .info('x');
    expect(lines[0]).not.toContain('hunter2');
  });
});
