import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import '@shopify/shopify-api/adapters/web-api';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { Secret, type SecretRef, type VerifyConfig } from '#libs/config/src/index.js';
import { signatureVerifier } from './signature.js';

// Goal: only a body signed with one of the listed secrets passes, in every scheme the door knows.
// Method: one row = a header for a body → fits or not. The github row is GitHub's published example.
const refs: SecretRef[] = [{ kind: 'env', name: 'NEW' }];
const secretsOf = (...texts: string[]) => ({ get: () => texts.map((text) => new Secret(text)) });
const verify = (config: VerifyConfig, secrets: string[], header: [string, string] | null, body: Buffer | string) =>
  signatureVerifier(config, secretsOf(...secrets)).verify(
    (name) => (header !== null && header[0] === name ? header[1] : undefined),
    Buffer.from(body),
  );

const github: VerifyConfig = { scheme: 'github', secrets: refs };
const vector = {
  secret: "It's a Secret to Everybody",
  body: 'Hello, World!',
  signature: 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
};

describe('the github scheme', () => {
  const rows: [name: string, secrets: string[], signature: string | null, body: string, fits: boolean][] = [
    ["takes GitHub's published example", [vector.secret], vector.signature, vector.body, true],
    ['takes hex in capitals', [vector.secret], vector.signature.replace(/=.*/, (hex) => hex.toUpperCase()), vector.body, true],
    ['takes the old secret beside the new one', ['new', vector.secret], vector.signature, vector.body, true],
    ['takes the first of two secrets', [vector.secret, 'old'], vector.signature, vector.body, true],
    ['refuses another body', [vector.secret], vector.signature, 'Hello, World?', false],
    ['refuses another secret', ['other'], vector.signature, vector.body, false],
    ['refuses a missing header', [vector.secret], null, vector.body, false],
    ['refuses an empty header', [vector.secret], '', vector.body, false],
    ['refuses the prefix alone', [vector.secret], 'sha256=', vector.body, false],
    ['refuses a signature without its prefix', [vector.secret], vector.signature.slice(7), vector.body, false],
    ['refuses a shortened signature', [vector.secret], vector.signature.slice(0, -2), vector.body, false],
    ['refuses a signature with something behind it', [vector.secret], `${vector.signature}zz`, vector.body, false],
    ['refuses two headers joined', [vector.secret], `${vector.signature}, ${vector.signature}`, vector.body, false],
    ['refuses everything when there is no secret', [], vector.signature, vector.body, false],
  ];
  for (const [name, secrets, signature, body, fits] of rows) {
    it(name, () => {
      expect(verify(github, secrets, signature === null ? null : ['x-hub-signature-256', signature], body)).toBe(fits);
    });
  }
});

describe('the hmac scheme', () => {
  const body = Buffer.from([0, 0xff, 0x80, 10]);
  for (const algorithm of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      it(`takes ${algorithm} in ${encoding} with and without a prefix, over raw bytes`, () => {
        const signature = createHmac(algorithm, 'key').update(body).digest(encoding);
        for (const prefix of ['', 'v1=']) {
          const config: VerifyConfig = { scheme: 'hmac', header: 'x-signature', algorithm, encoding, prefix, secrets: refs };
          expect(verify(config, ['key'], ['x-signature', prefix + signature], body)).toBe(true);
          expect(verify(config, ['kez'], ['x-signature', prefix + signature], body)).toBe(false);
          expect(verify(config, ['key'], ['x-signature', `v2=${signature}`], body)).toBe(false);
          expect(verify(config, ['key'], ['x-signature', prefix + signature], Buffer.concat([body, body]))).toBe(false);
          expect(verify(config, ['key'], ['x-other', prefix + signature], body)).toBe(false);
        }
      });
    }
  }

  it('asks for the secrets each time, so that a rotated file counts at once', () => {
    const current = ['old'];
    const verifier = signatureVerifier(github, { get: () => current.map((text) => new Secret(text)) });
    const signed = (key: string) => `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
    expect(verifier.verify(() => signed('new'), body)).toBe(false);
    current.splice(0, 1, 'new', 'old');
    expect(verifier.verify(() => signed('new'), body)).toBe(true);
    expect(verifier.verify(() => signed('old'), body)).toBe(true);
  });
});

describe('other schemes', () => {
  it('none takes everything, because the configuration says so in so many words', () => {
    expect(verify({ scheme: 'none' }, [], null, 'x')).toBe(true);
  });

  it("shopify: base64 over the raw body, as Shopify's own library computes it", async () => {
    const body = '{"id":820982911946154508,"email":"jon@example.com"}';
    const signature = createHmac('sha256', 'key').update(body).digest('base64');
    const app = shopifyApi({
      apiKey: 'app',
      apiSecretKey: 'key',
      hostName: 'shop.example',
      apiVersion: ApiVersion.July26,
      isEmbeddedApp: false,
      logger: { log: () => {} },
    });
    const rawRequest = new Request('https://shop.example/in/shop', {
      method: 'POST',
      body,
      headers: {
        'x-shopify-hmac-sha256': signature,
        'x-shopify-topic': 'orders/create',
        'x-shopify-shop-domain': 'one.myshopify.com',
        'x-shopify-api-version': '2026-07',
        'x-shopify-webhook-id': 'b54557e4',
      },
    });
    expect(await app.webhooks.validate({ rawBody: body, rawRequest })).toMatchObject({ valid: true });
    const shopify: VerifyConfig = { scheme: 'shopify', secrets: refs };
    const rows: [header: [string, string] | null, secrets: string[], body: string, fits: boolean][] = [
      [['x-shopify-hmac-sha256', signature], ['old', 'key'], body, true],
      [['x-shopify-hmac-sha256', signature], ['old'], body, false],
      [['x-shopify-hmac-sha256', signature], ['key'], `${body} `, false],
      [['x-shopify-hmac-sha256', signature.slice(0, -4)], ['key'], body, false],
      [['x-shopify-hmac-sha256', Buffer.from(signature, 'base64').toString('hex')], ['key'], body, false],
      [null, ['key'], body, false],
    ];
    for (const [header, secrets, text, fits] of rows) expect(verify(shopify, secrets, header, text)).toBe(fits);
  });
});
