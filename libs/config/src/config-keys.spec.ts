// Goal: nothing that may be written is silently ignored, and what is generated from the schema is current.
// Method: every key of the schema is either read by somebody named here or on the list of what is not in force; files are compared with what is generated.
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configJsonSchema, configKeys, explainConfig, keyTable, loadConfig } from './index.js';
import { covers } from './config-keys.js';
import { NOT_IN_FORCE } from './not-in-force.js';
import { written } from './testing/written.js';

const root = join(import.meta.dirname, '../../../..');
const MEND = 'run: npm run build && node tools/reference.mjs';

/** Who reads a key. A new key goes here when something reads it, and to NOT_IN_FORCE until then. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  'libs/config': ['version', 'singleNode', 'environment', 'outbound.allow', 'topics.messageMax', 'eventTypes[].type'],
  'topics apply': [
    'topics.prefix',
    'topics.partitions',
    'topics.replication',
    'topics.minInSyncReplicas',
    'topics.retention.*',
    'retry.tiers',
  ],
  ingest: [
    'sources[].name',
    'sources[].webhook.*',
    'sources[].topic.*',
    'sources[].event.*',
    'sources[].idempotency.key',
    'sources[].idempotency.digest',
  ],
  console: ['console.tokens[].*'],
  dedupe: ['sources[].idempotency.window', 'routes[].from', 'routes[].types', 'routes[].to', 'routes[].ordering'],
  deliver: [
    'destinations[].name',
    'destinations[].http.*',
    'credentials.tokenKeys',
    'destinations[].auth.*',
    'destinations[].tls.*',
    'destinations[].signing.*',
    'destinations[].batch.*',
    'routes[].coalesce',
    'routes[].coalesce.window',
    'routes[].onDeadLetter',
    'destinations[].onDeadLetter',
    'destinations[].proxy.*',
    'routes[].transform.*',
    'routes[].transforms[].*',
    'destinations[].unknown.*',
    'destinations[].classify[].*',
    'destinations[].answer.*',
    'destinations[].stages[].*',
    'destinations[].rateLimit.*',
    'destinations[].concurrency.*',
    'destinations[].fairness.*',
    'destinations[].maintenance[].*',
    'destinations[].quietHours[].*',
    'destinations[].retry.tiers',
    'destinations[].retry.maxAge',
    'destinations[].retry.maxAttempts',
    'destinations[].retry.budget.*',
    'destinations[].breaker.*',
    'destinations[].runbook',
    'alerts[].name',
    'alerts[].webhook.url',
    'alerts[].on',
  ],
};

describe('nothing is silently ignored', () => {
  const all = configKeys().map(({ path }) => path);
  const leaves = all.filter((path) => !all.some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`)));
  const read = Object.values(READ_BY).flat();
  const isRead = (path: string) => read.some((key) => key === path || (key.endsWith('.*') && path.startsWith(key.slice(0, -1))));
  const isDormant = (path: string) => NOT_IN_FORCE.some((entry) => entry.is === undefined && covers(entry, path));

  it('every key is read by somebody, or warned of', () => {
    expect(leaves.filter((path) => !isRead(path) && !isDormant(path))).toEqual([]);
    expect(leaves.filter((path) => isRead(path) && isDormant(path))).toEqual([]);
  });

  it('both lists name keys that exist', () => {
    const exists = (key: string) => all.some((path) => path === key || (key.endsWith('.*') && path.startsWith(key.slice(0, -1))));
    expect(read.filter((key) => !exists(key))).toEqual([]);
    expect(NOT_IN_FORCE.filter((entry) => !all.some((path) => covers(entry, path)))).toEqual([]);
  });

  it('the warning stands where it is written, says what happens instead, and only then', () => {
    using folder = written({
      'holdfast.yaml': `version: 1
sources:
  - { name: a, webhook: { verify: { scheme: stripe, secrets: [{ env: S }] } } }
destinations:
  - name: d
    http: { url: "https://d.example" }
    unknown: { resolve: hold }
    runbook: "https://runbooks.example/d"
routes: [{ to: d, ordering: strict }, { to: d, ordering: unordered }]
alerts: [{ name: ops, webhook: { url: "https://a.example" }, on: [breaker, invalid] }]
eventTypes: [{ type: order, owner: sales }]
`,
    });
    const { warnings } = loadConfig(folder.path('holdfast.yaml'));
    expect(warnings.map(({ line, path, problem }) => [line, path, problem])).toEqual([
      [11, 'eventTypes[0].owner', 'is accepted, not in force in this version: nothing shows it yet'],
    ]);
  });
});

describe('what is generated is current', () => {
  it('the JSON Schema for editors', () => {
    const committed = JSON.parse(readFileSync(join(root, 'schemas/holdfast.config.schema.json'), 'utf8')) as unknown;
    expect([MEND, committed]).toEqual([MEND, JSON.parse(JSON.stringify(configJsonSchema()))]);
  });

  it('the table of docs/reference/config.md', () => {
    const page = readFileSync(join(root, 'docs/reference/config.md'), 'utf8');
    const bare = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---'); // The formatter may line columns up.
    expect([MEND, bare(page).includes(bare(keyTable()))]).toEqual([MEND, true]);
  });
});

describe('the demo', () => {
  const demo = () => loadConfig(join(root, 'holdfast.yaml'), { checkSecrets: true, env: {} });

  it('is good as it is cloned, and warns of nothing', () => {
    expect(demo()).toMatchObject({ ok: true, warnings: [] });
  });

  it('--explain is the same configuration, written out', () => {
    const loaded = demo();
    if (!loaded.ok || !loaded.explained) throw new Error('not good');
    const text = explainConfig(loaded.explained);
    expect(text).toContain('  maxInFlight: 64 # default\n');
    expect(text).toContain('  failures: 5 # default\n');
    expect(text).toMatch(/^ {4}unknown:\n {6}resolve: idempotency-key\n/m);
    using folder = written({ 'explained.yaml': text });
    const again = loadConfig(folder.path('explained.yaml'));
    const plain = (config: unknown): unknown => JSON.parse(JSON.stringify(config).replaceAll(folder.path(), root));
    expect(again.ok && plain(again.config)).toEqual(plain(loaded.config));
  });
});
