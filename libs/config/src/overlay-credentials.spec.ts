// Goal: an environment's credentials take the place of the configuration's, and nothing of another environment's is left.
// Method: real folders; HOLDFAST_ENVIRONMENT says which one it is.
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from './index.js';
import { written } from './testing/written.js';

const BASE = `version: 1
singleNode: true
environment: dev
credentials: { tokenKeys: [{ file: secrets/dev-key }] }
sources:
  - { name: shop, webhook: { verify: { scheme: github, secrets: [{ file: secrets/shop }] } }, event: { entity: /o } }
destinations:
  - name: portal
    http: { url: "https://portal.example" }
    unknown: { resolve: hold }
    auth: { oauth2: { tokenUrl: "https://id.example/dev", clientId: dev, clientSecret: { file: secrets/dev }, scopes: [a] } }
routes: [{ to: portal }]
`;
const UAT = `tokenKeys: [{ file: ../secrets/uat-key }]
destinations:
  portal:
    auth: { oauth2: { tokenUrl: "https://id.example/uat", clientId: uat, privateKey: { file: uat/key.pem } } }
    tls: { ca: { file: /etc/ca.pem } }
sources:
  shop: { secrets: [{ env: UAT_SHOP }] }
`;
const load = (folder: { path(name: string): string }, environment?: string) =>
  loadConfig(folder.path('holdfast.yaml'), { env: environment === undefined ? {} : { HOLDFAST_ENVIRONMENT: environment } });

describe('credentials/<environment>', () => {
  it('take the place of whole parts, with paths relative to where they stand', () => {
    using folder = written({ 'holdfast.yaml': BASE, 'credentials/uat.yaml': UAT, 'credentials/dev.yml': '' });
    const loaded = load(folder, 'uat');
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
    const { config } = loaded;
    expect(config.environment).toBe('uat');
    expect(config.dev).toBe(false);
    expect(config.credentials.tokenKeys).toEqual([{ kind: 'file', path: folder.path('secrets/uat-key') }]);
    expect(config.destinations[0]).toMatchObject({
      auth: {
        tokenUrl: 'https://id.example/uat',
        clientId: 'uat',
        scopes: [],
        clientAuth: { kind: 'private-key-jwt', key: { kind: 'file', path: folder.path('credentials/uat/key.pem') }, keyId: null },
      },
      tls: { cert: null, key: null, ca: { kind: 'file', path: '/etc/ca.pem' } },
    });
    expect(config.sources[0]!.webhook!.verify).toMatchObject({ scheme: 'github', secrets: [{ kind: 'env', name: 'UAT_SHOP' }] });
    expect(loaded.files).toContain(folder.path('credentials/uat.yaml'));
  });

  it('leave the configuration as it is in its own environment', () => {
    using folder = written({ 'holdfast.yaml': BASE, 'credentials/uat.yaml': UAT, 'credentials/dev.yaml': '' });
    const loaded = load(folder);
    expect(loaded.ok && loaded.config.destinations[0]!.auth).toMatchObject({ clientId: 'dev', clientAuth: { kind: 'basic' } });
    expect(loaded.warnings.filter(({ path }) => path === 'environment')).toEqual([]);
  });

  it('warn when other environments have some and this one has none', () => {
    using folder = written({ 'holdfast.yaml': BASE, 'credentials/uat.yaml': UAT });
    expect(load(folder, 'prod').warnings).toContainEqual(
      expect.objectContaining({ path: 'environment', problem: expect.stringContaining('credentials/ names uat only') }),
    );
  });

  it.each([
    ['destinations:\n  portel: { tls: { ca: { env: A } } }\n', 2, 'destinations.portel', 'did you mean portal?'],
    ['destinations:\n  portal: { http: { url: "https://x" } }\n', 2, 'destinations.portal.http', 'the rest is the same'],
    ['tokenKey: { env: A }\n', 1, 'tokenKey', 'known here: tokenKeys'],
    [
      'destinations:\n  portal:\n    auth: { bearer: { token: hunter2 } }\n',
      3,
      'destinations.portal.auth.bearer.token',
      '{ file: secrets/',
    ],
  ])('a fault in them is said where it is written: %j', (overlay, line, path, mend) => {
    using folder = written({ 'holdfast.yaml': BASE, 'credentials/uat.yaml': overlay });
    const loaded = load(folder, 'uat');
    const faults = loaded.ok ? [] : loaded.faults;
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ file: folder.path('credentials/uat.yaml'), line, path, mend: expect.stringContaining(mend) });
    expect(JSON.stringify(faults)).not.toContain('hunter2');
  });
});
