import { z } from 'zod';
import { says } from './says.js';
import { duration, headerName, secret, secrets, url } from './value.schema.js';

const bearer = z.strictObject({ token: secret });
const basic = z.strictObject({ username: z.string().min(1), password: secret });
const header = z.strictObject({ name: headerName, value: secret });
const query = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9._~[\]-]{1,100}$/, says('cannot be the name of a query parameter', 'write its name alone, such as api_key')),
  value: secret,
});

/** PEM files of a mutual TLS: ours is shown to the partner, theirs is what we believe. */
export const tls = z
  .strictObject({
    cert: secret.optional().describe('Our certificate with its chain, PEM.'),
    key: secret.optional().describe('Its private key, PEM without a passphrase.'),
    ca: secret.optional().describe("Authorities that may sign the other side's certificate, PEM. Given, they replace the public ones."),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    error: says('needs cert and key together', 'give both, or ca alone'),
  })
  .refine(({ cert, ca }) => cert !== undefined || ca !== undefined, {
    error: says('is empty', 'give cert and key, ca, or all three; or take it out'),
  });

const oauth2 = z
  .strictObject({
    tokenUrl: url,
    clientId: z.string().min(1),
    clientSecret: secret.optional().describe('Authenticates us at the token endpoint.'),
    privateKey: secret
      .optional()
      .describe('Instead of clientSecret: PKCS#8 PEM (RSA, EC or Ed25519), signs an assertion (private_key_jwt).'),
    keyId: z.string().min(1).optional().describe("The private key's `kid`, where the partner knows several."),
    clientAuth: z
      .enum(['basic', 'post', 'private-key-jwt', 'tls'])
      .optional()
      .describe('How we show who we are. By default private-key-jwt with a privateKey, basic with a clientSecret, tls with tls alone.'),
    scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, says('is not a scope', 'write each scope by itself'))).default([]),
    audience: z.string().min(1).optional().describe('Sent as `audience`, where the server asks for one.'),
    grant: z.enum(['client_credentials', 'refresh_token']).default('client_credentials'),
    refreshToken: secret.optional().describe('With grant: refresh_token, the first one. Later ones are kept in Redis, sealed.'),
    refreshAt: z.number().gt(0).lt(1).default(0.75).describe('After this share of its life a token is refreshed, while it is still good.'),
    timeout: duration.default('10s').describe('Of one request to the token endpoint.'),
    tls: tls.optional().describe('Mutual TLS with the token endpoint.'),
  })
  .refine(
    ({ clientSecret, privateKey, tls: way }) => (clientSecret || privateKey ? !(clientSecret && privateKey) : way?.cert !== undefined),
    {
      error: says('does not say how we show who we are', 'give one of clientSecret and privateKey, or tls: { cert, key }'),
    },
  )
  .refine(({ grant, refreshToken }) => (grant === 'refresh_token') === (refreshToken !== undefined), {
    error: says('needs grant: refresh_token and refreshToken together', 'give both, or neither'),
  })
  .refine(
    ({ clientAuth, clientSecret, privateKey, tls: way }) => {
      const needs = { basic: clientSecret, post: clientSecret, 'private-key-jwt': privateKey, tls: way?.cert };
      return clientAuth === undefined || needs[clientAuth] !== undefined;
    },
    {
      error: says('names a clientAuth without what it needs', 'basic and post need clientSecret, private-key-jwt privateKey, tls tls.cert'),
    },
  );

const AUTH_KINDS = ['bearer', 'basic', 'header', 'query', 'oauth2'] as const;

export const auth = z
  .strictObject({
    bearer: bearer.optional(),
    basic: basic.optional(),
    header: header.optional(),
    query: query.optional().describe('A key in the URL: only where the partner takes it nowhere else.'),
    oauth2: oauth2.optional(),
  })
  .refine((written) => AUTH_KINDS.filter((kind) => written[kind] !== undefined).length === 1, {
    error: says(
      'needs exactly one way',
      'give one of bearer: { token }, basic: { username, password }, header: { name, value }, query: { name, value } or oauth2: { … }',
    ),
  });

export const credentials = z.strictObject({
  tokenKeys: secrets
    .optional()
    .describe(
      'Keys of 32 characters or more that seal tokens in Redis, so that replicas share them: the first seals, all open. Without one each replica keeps its own tokens in memory.',
    ),
});

export type WrittenAuth = z.output<typeof auth>;
export type WrittenTls = z.output<typeof tls>;
