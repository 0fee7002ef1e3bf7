// Goal: every fault of a configuration is said with file, line, column, what is wrong and the mend; none shows a value; nothing sound is refused.
// Method: one small file per fault, marked where the fault is (⟨here⟩), and the words that must be said.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatFault, loadConfig, type ConfigFault } from './index.js';
import { written } from './testing/written.js';

const GOOD = `
version: 1
singleNode: true
environment: dev
sources:
  - name: shop
    webhook: { verify: { scheme: none } }
    event: { id: /id, type: /type, entity: /order, revision: /version }
destinations:
  - name: partner
    http: { url: "http://127.0.0.1:8090/{entity}" }
    unknown: { resolve: idempotency-key }
routes:
  - { to: partner }
`;

/** Loads a text whose fault is marked; gives the faults, and where the mark stood. */
function faultsOf(text: string, options: Parameters<typeof loadConfig>[1] = {}) {
  const before = text.slice(0, text.indexOf('⟨here⟩')).split('\n');
  const column = before.at(-1)!.replace(/[\w-]+: $/, '').length + 1; // The place of a value is its key's.
  using folder = written({ 'holdfast.yaml': text.replace('⟨here⟩', '') });
  const loaded = loadConfig(folder.path('holdfast.yaml'), options);
  return { loaded, faults: loaded.ok ? [] : loaded.faults, at: `${before.length}:${column}` };
}

/** The good configuration with one line changed. */
const having = (from: string, to: string): string => {
  if (!GOOD.includes(from)) throw new RangeError(from);
  return GOOD.replace(from, to);
};
const source = (rest: string): string =>
  having('webhook: { verify: { scheme: none } }\n    event: { id: /id, type: /type, entity: /order, revision: /version }', rest);
const destination = (rest: string): string => having('unknown: { resolve: idempotency-key }', rest);

type Row = readonly [name: string, text: string, path: string, problem: string, mend: string];
const SHAPES: readonly Row[] = [
  ['no version', GOOD.replace('version: 1\n', ''), 'version', 'is missing', 'write version: 1'],
  ['another version', having('version: 1', 'version: ⟨here⟩2'), 'version', 'is not a version we read', 'write version: 1'],
  ['an unknown key', having('sources:', '⟨here⟩souces: []\nsources:'), 'souces', 'is not a key', 'did you mean sources?'],
  [
    'a key nobody could mean',
    having('environment: dev', '⟨here⟩zzz: 1\nenvironment: dev'),
    'zzz',
    'is not a key',
    'known here: version, singleNode',
  ],
  [
    'an unknown key deep inside',
    having('{ url: "http://127.0.0.1:8090/{entity}" }', '{ url: "http://127.0.0.1:8090", ⟨here⟩timout: 1s }'),
    'destinations.partner.http.timout',
    'is not a key',
    'did you mean timeout?',
  ],
  [
    'an unknown key beside a scheme',
    having('{ scheme: none }', '{ scheme: none, ⟨here⟩secrets: [] }'),
    'sources.shop.webhook.verify.secrets',
    'is not a key',
    'known here: scheme',
  ],
  [
    'a duration without a unit',
    having('routes:', 'retry: { tiers: [⟨here⟩30] }\nroutes:'),
    'retry.tiers[0]',
    'is not a duration',
    'such as 500ms, 30s',
  ],
  [
    'a duration in words',
    having('routes:', 'retry: { tiers: [1s, ⟨here⟩soon] }\nroutes:'),
    'retry.tiers[1]',
    'is not a duration',
    'such as 500ms, 30s',
  ],
  [
    'a size without a unit',
    having('{ verify: { scheme: none } }', '{ verify: { scheme: none }, bodyMax: ⟨here⟩1M }'),
    'sources.shop.webhook.bodyMax',
    'is not a size',
    '512KiB',
  ],
  ['a name that no topic can have', having('- name: shop', '- name: ⟨here⟩a/b'), 'sources[0].name', 'cannot be a name', 'letters, digits'],
  [
    'a source without a way in',
    source('event: { type: x }').replace('name: shop', 'name: ⟨here⟩shop'),
    'sources.shop.name',
    'needs either webhook or topic',
    'a second way is a second source',
  ],
  [
    'an unknown scheme',
    having('scheme: none', 'scheme: ⟨here⟩nothing'),
    'sources.shop.webhook.verify.scheme',
    'has no known scheme',
    'github, stripe',
  ],
  [
    'a destination without a rule for unknown outcomes',
    destination('unknown: { settle: 1s }').replace('unknown: {', 'unknown: ⟨here⟩{').replace('⟨here⟩', ''),
    'destinations.partner.unknown.resolve',
    'is missing',
    'idempotency-key | lookup | resend | hold',
  ],
  [
    'an unknown rule',
    destination('unknown: { resolve: ⟨here⟩retry }'),
    'destinations.partner.unknown.resolve',
    'is not one of the known words',
    'idempotency-key, lookup, resend, hold',
  ],
  [
    'a literal secret',
    having('{ scheme: none }', '{ scheme: github, secrets: [⟨here⟩hunter2] }'),
    'sources.shop.webhook.verify.secrets[0]',
    'secrets are never literals',
    '{ file: secrets/<name> }',
  ],
  [
    'a secret with two places',
    having('{ scheme: none }', '{ scheme: github, secrets: [⟨here⟩{ file: a, env: B }] }'),
    'sources.shop.webhook.verify.secrets[0]',
    'needs either file or env',
    '{ env: <NAME> }',
  ],
  [
    'an empty list of secrets',
    having('{ scheme: none }', '{ scheme: github, secrets: ⟨here⟩[] }'),
    'sources.shop.webhook.verify.secrets',
    'is empty',
    '{ file: secrets/<name> }',
  ],
  [
    'two ways to authenticate',
    destination(
      'unknown: { resolve: hold }\n    auth: ⟨here⟩{ bearer: { token: { env: A } }, basic: { username: u, password: { env: B } } }',
    ),
    'destinations.partner.auth',
    'needs exactly one way',
    'bearer: { token }',
  ],
  [
    'a pointer with a stray tilde',
    having('entity: /order', 'entity: ⟨here⟩/or~der'),
    'sources.shop.event.entity',
    'is not a JSON Pointer',
    '~0 for ~',
  ],
  [
    'a header without a name',
    having('id: /id', 'id: ⟨here⟩"header: x"'),
    'sources.shop.event.id',
    'does not name a header',
    'header:x-event-id',
  ],
  [
    'a part of a key that is none',
    having('revision: /version }', 'revision: /version }\n    idempotency: { key: [⟨here⟩order] }'),
    'sources.shop.idempotency.key[0]',
    'cannot be part of a key',
    'id, entity, revision',
  ],
  [
    'a status that is none',
    destination('unknown: { resolve: hold }\n    classify: [{ status: ⟨here⟩9xx, as: business }]'),
    'destinations.partner.classify[0].status',
    'is not a status',
    'a class such as 5xx',
  ],
  ['a list that is text', having('routes:\n  - { to: partner }', 'routes: ⟨here⟩partner'), 'routes', 'is not a list', 'a list (- …)'],
  [
    'a number beyond its bound',
    having('{entity}" }', '{entity}", maxInFlight: ⟨here⟩0 }'),
    'destinations.partner.http.maxInFlight',
    'is too small',
    'at least 1',
  ],
  [
    'a placeholder that is not known',
    having('8090/{entity}', '8090/{entty}').replace('"http', '⟨here⟩"http'),
    'destinations.partner.http.url',
    'has the placeholder {entty}',
    'did you mean {entity}?',
  ],
  [
    'a URL that is none',
    having('"http://127.0.0.1:8090/{entity}"', '⟨here⟩partner.example'),
    'destinations.partner.http.url',
    'is not a URL',
    'https://partner.example/api/orders',
  ],
  [
    'a scheme that we do not speak',
    having('"http://127.0.0.1:8090/{entity}"', '⟨here⟩"ftp://partner.example"'),
    'destinations.partner.http.url',
    'has the scheme ftp',
    'use https://',
  ],
  [
    'a password in a URL',
    having('"http://127.0.0.1:8090/{entity}"', '⟨here⟩"https://u:hunter2@partner.example"'),
    'destinations.partner.http.url',
    'has a user or password',
    'auth: { basic',
  ],
  [
    'a placeholder in the host',
    having('"http://127.0.0.1:8090/{entity}"', '⟨here⟩"https://{source}.example/"'),
    'destinations.partner.http.url',
    'placeholder in its host',
    'must not choose whom we call',
  ],
  [
    'a URL with a fragment',
    having('"http://127.0.0.1:8090/{entity}"', '⟨here⟩"https://partner.example/#a"'),
    'destinations.partner.http.url',
    'has a fragment',
    '%23',
  ],
  ['a key that stands twice', having('singleNode: true', 'singleNode: true\n⟨here⟩singleNode: false'), '', 'is not YAML', 'stands twice'],
  ['a tab', having('  - name: shop', '\t- name: shop'), '', 'is not YAML', 'mend'],
];

const CROSS: readonly Row[] = [
  [
    'a route to nowhere',
    having('{ to: partner }', '{ to: ⟨here⟩partnr }'),
    'routes[0].to',
    'names no destination',
    'did you mean partner?',
  ],
  [
    'a route from nowhere',
    having('{ to: partner }', '{ to: partner, from: [shop, ⟨here⟩stripe] }'),
    'routes[0].from[1]',
    'names no source',
    'use one of shop',
  ],
  [
    'a name twice',
    having('destinations:', '  - name: ⟨here⟩Shop\n    topic: { name: t }\n    event: { revision: /v }\ndestinations:'),
    'sources.Shop.name',
    'another of the sources has',
    'a name of its own',
  ],
  [
    'a loopback destination outside dev',
    having('environment: dev', 'environment: prod').replace('url: "http', 'url: ⟨here⟩"http'),
    'destinations.partner.http.url',
    'is on a private network',
    'add 127.0.0.1 (or its network) to outbound.allow',
  ],
  [
    'localhost outside dev',
    having('environment: dev', 'environment: prod').replace('"http://127.0.0.1:8090/{entity}"', '⟨here⟩"http://localhost:8090/"'),
    'destinations.partner.http.url',
    'is on a private network',
    'add localhost',
  ],
  [
    'a tier that is no delay line',
    destination('unknown: { resolve: hold }\n    retry: { tiers: [30s, ⟨here⟩7m] }'),
    'destinations.partner.retry.tiers[1]',
    'is not a delay line',
    'use 30s, 2m, 15m',
  ],
  [
    'a delay line twice',
    having('routes:', 'retry: { tiers: [60s, ⟨here⟩1m] }\nroutes:'),
    'retry.tiers[1]',
    'stands in the list before',
    'take it out',
  ],
  [
    'a delay line longer than it is kept',
    having('routes:', 'retry: { tiers: [⟨here⟩30d] }\nroutes:'),
    'retry.tiers[0]',
    'is longer than its topic is kept',
    'topics.retention.retry',
  ],
  [
    'a key that does not determine its entity',
    having('revision: /version }', 'revision: /version }\n    idempotency: { key: ⟨here⟩[revision] }'),
    'sources.shop.idempotency.key',
    'does not determine the entity',
    'add entity to the key',
  ],
  [
    'a key with a revision that is not there',
    source('webhook: { verify: { scheme: none } }\n    event: { entity: /o }\n    idempotency: { key: ⟨here⟩[entity, revision] }'),
    'sources.shop.idempotency.key',
    'uses revision',
    'add event: { revision: … }',
  ],
  [
    'a window longer than the log',
    having('revision: /version }', 'revision: /version }\n    idempotency: { window: ⟨here⟩31d }'),
    'sources.shop.idempotency.window',
    'is longer than the event log is kept (30d)',
    'topics.retention.events',
  ],
  [
    'a body larger than a record',
    having('{ verify: { scheme: none } }', '{ verify: { scheme: none }, bodyMax: ⟨here⟩4MiB }'),
    'sources.shop.webhook.bodyMax',
    'does not fit into a record of 4MiB',
    'raise topics.messageMax',
  ],
  ['a literal id', having('id: /id', 'id: ⟨here⟩one'), 'sources.shop.event.id', 'is the same for every event', '/id, or header:<name>'],
  [
    'a source of our own topics',
    source('topic: { name: ⟨here⟩hf.events }\n    event: { revision: /v }'),
    'sources.shop.topic.name',
    'it would feed on itself',
    'topics.prefix',
  ],
  [
    'a lookup without a way to ask',
    destination('unknown: { resolve: ⟨here⟩lookup }'),
    'destinations.partner.unknown.resolve',
    'no lookup says how',
    'add lookup',
  ],
  [
    'a lookup that cannot tell',
    destination('unknown: { resolve: lookup, lookup: ⟨here⟩{ url: "http://127.0.0.1/{entity}" } }'),
    'destinations.partner.unknown.lookup',
    'cannot tell this change',
    'creates: true',
  ],
  [
    'a lookup by a revision that nobody gives',
    source('webhook: { verify: { scheme: none } }\n    event: { id: /id }').replace(
      'unknown: { resolve: idempotency-key }',
      'unknown: { resolve: lookup, lookup: { url: "http://127.0.0.1/{entity}", revision: ⟨here⟩/v } }',
    ),
    'destinations.partner.unknown.lookup.revision',
    'which shop does not give',
    'add event: { revision: … } to shop',
  ],
  [
    'a header that looks like a secret',
    having('{entity}" }', '{entity}", headers: { ⟨here⟩Authorization: Bearer hunter2 } }').replace(
      '⟨here⟩Authorization: ',
      'Authorization: ⟨here⟩',
    ),
    'destinations.partner.http.headers.Authorization',
    'looks like a secret',
    'auth: { bearer',
  ],
  [
    'a header of our own',
    having('{entity}" }', '{entity}", headers: { X-Correlation-Id: ⟨here⟩a } }'),
    'destinations.partner.http.headers.X-Correlation-Id',
    'is set by Holdfast',
    'take it out',
  ],
  [
    'one replica without singleNode',
    having('singleNode: true', 'topics: { replication: ⟨here⟩1 }'),
    'topics.replication',
    'is less than 3',
    'singleNode: true',
  ],
  [
    'more in sync than there are',
    having('singleNode: true', 'singleNode: true\ntopics: { minInSyncReplicas: ⟨here⟩2 }'),
    'topics.minInSyncReplicas',
    'is more than there are replicas',
    'write 1 at most',
  ],
  [
    'coalescing what must not be dropped',
    having('{ to: partner }', '{ to: partner, coalesce: ⟨here⟩5s }'),
    'routes[0].coalesce',
    'unordered does not allow',
    'ordering: latest-wins',
  ],
  [
    'an outbound entry that is none',
    having('environment: dev', 'environment: dev\noutbound: { allow: [⟨here⟩10.0.0.0/99] }'),
    'outbound.allow[0]',
    'neither a network',
    '10.20.0.0/16',
  ],
  [
    'an event type twice',
    having('routes:', 'eventTypes: [{ type: a }, { type: ⟨here⟩a }]\nroutes:'),
    'eventTypes[1].type',
    'stands in the list before',
    'keep one',
  ],
];

function expectOnly(faults: readonly ConfigFault[], [, text, path, problem, mend]: Row, at: string): void {
  expect(faults.map((fault) => fault.path)).toEqual([path]);
  expect(formatFault(faults[0]!)).toContain(problem);
  expect(formatFault(faults[0]!)).toContain(mend);
  expect(formatFault(faults[0]!)).not.toContain('hunter2');
  if (text.includes('⟨here⟩')) expect(`${faults[0]!.line}:${faults[0]!.column}`).toBe(at);
}

describe('a fault is said with its place and its mend', () => {
  it('the good configuration has none, and no warning', () => {
    const { loaded } = faultsOf(GOOD);
    expect(loaded.ok && loaded.warnings).toEqual([]);
  });

  it.each(SHAPES)('%s', (...row) => {
    const { faults, at } = faultsOf(row[1]);
    expectOnly(faults, row, at);
  });

  it.each(CROSS)('seen in the whole: %s', (...row) => {
    const { faults, at } = faultsOf(row[1]);
    expectOnly(faults, row, at);
  });

  it('reads as file:line:column, so that a terminal jumps there', () => {
    using folder = written({ 'holdfast.yaml': 'version: 1\nsouces: []\n' });
    const loaded = loadConfig(folder.path('holdfast.yaml'));
    expect(loaded.ok ? '' : formatFault(loaded.faults[0]!)).toBe(
      `${folder.path('holdfast.yaml')}:2:1: souces is not a key that is known here\n    mend: did you mean sources?`,
    );
  });
});

describe('all faults at once', () => {
  it('a mistyped key hides neither the other shapes nor what is seen in the whole', () => {
    const text = having('name: shop', 'name: sh op')
      .replace('{ to: partner }', '{ to: partner, orderin: strict }\n  - { to: nobody }')
      .replace('resolve: idempotency-key', 'resolve: lookup');
    const paths = faultsOf(text).faults.map(({ path }) => path);
    expect(paths).toEqual(['sources[0].name', 'destinations.partner.unknown.resolve', 'routes[0].orderin', 'routes[1].to']);
  });

  it('a broken item is still known by its name', () => {
    const text = having('{ scheme: none }', '{ scheme: non }').replace('{ to: partner }', '{ to: partner, from: [shop] }');
    expect(faultsOf(text).faults.map(({ path }) => path)).toEqual(['sources.shop.webhook.verify.scheme']);
  });

  it('they stand in the order of the file', () => {
    const { faults } = faultsOf(having('version: 1', 'version: 3').replace('{ to: partner }', '{ from: shop }'));
    expect(faults.map(({ line }) => line)).toEqual([...faults.map(({ line }) => line)].sort((a, b) => a - b));
  });
});

describe('files', () => {
  it('a folder is merged by the names of its files, and each fault names its own', () => {
    const [top, rest] = [GOOD.slice(0, GOOD.indexOf('destinations:')), GOOD.slice(GOOD.indexOf('destinations:'))];
    using good = written({
      '10-sources.yaml': top,
      '20-rest.yml': `version: 1\n${rest}`,
      'note.txt': 'not yaml: [',
      '.hidden.yaml': 'x: [',
    });
    const loaded = loadConfig(good.path());
    expect(loaded.ok && [loaded.config.sources.length, loaded.config.routes.length, loaded.files.length]).toEqual([1, 1, 2]);
    using bad = written({
      'a.yaml': top,
      'b.yaml': `environment: prod\nsources:\n  - name: shop\n    topic: { name: t }\n    event: { revision: /v }\n${rest}`,
    });
    const faults = loadConfig(bad.path());
    expect(faults.ok ? [] : faults.faults.map(({ file, line, path }) => [file, line, path])).toEqual([
      [bad.path('b.yaml'), 1, 'environment'],
      [bad.path('b.yaml'), 3, 'sources.shop.name'],
    ]);
  });

  it('what is not there, empty or not YAML is said, not thrown', () => {
    using folder = written({ 'empty.yaml': '', 'list.yaml': '- a\n', 'broken.yaml': 'a: [1\nb: "hunter2\n' });
    using bare = written({});
    const problem = (path: string) => {
      const loaded = loadConfig(path);
      return loaded.ok ? 'good' : loaded.faults.map((fault) => formatFault(fault)).join('\n');
    };
    expect(problem(folder.path('no.yaml'))).toContain('is not there');
    expect(problem(bare.path())).toContain('has no .yaml or .yml file in it');
    expect(problem(folder.path('empty.yaml'))).toContain('version is missing');
    expect(problem(folder.path('list.yaml'))).toContain('is not a mapping');
    expect(problem(folder.path('broken.yaml'))).toContain('is not YAML');
    expect(problem(folder.path('broken.yaml'))).not.toContain('hunter2');
  });

  it('secrets are looked for only when asked to, relative to the file: a missing file is a fault, a missing variable a warning', () => {
    const text = having(
      '{ scheme: none }',
      '{ scheme: github, secrets: [{ file: there }, { file: ⟨here⟩gone }, { env: NOT_SET }] }',
    ).replace('⟨here⟩gone', 'gone');
    using folder = written({ 'holdfast.yaml': text, there: 's3cret' });
    const path = folder.path('holdfast.yaml');
    expect(loadConfig(path).ok).toBe(true);
    const checked = loadConfig(path, { checkSecrets: true, env: {} });
    expect(checked.ok ? [] : checked.faults.map((fault) => [fault.path, fault.problem])).toEqual([
      ['sources.shop.webhook.verify.secrets[1]', 'gone is not there'],
    ]);
    expect(checked.warnings.map(({ problem }) => problem)).toEqual(['NOT_SET is not set here']);
    const loaded = loadConfig(path);
    const verify = loaded.ok ? loaded.config.sources[0]!.webhook!.verify : null;
    expect(verify).toMatchObject({
      secrets: [{ kind: 'file', path: folder.path('there') }, { kind: 'file' }, { kind: 'env', name: 'NOT_SET' }],
    });
  });
});

describe('no fault shows a value', () => {
  it('whatever stands wherever', () => {
    const SECRET = 'hunter2-Zq9';
    const places = [
      'name: shop',
      'scheme: none',
      'id: /id',
      'resolve: idempotency-key',
      'url: "http://127.0.0.1:8090/{entity}"',
      'to: partner',
      'environment: dev',
      'version: 1',
      'singleNode: true',
    ];
    const shapes = [
      SECRET,
      `"${SECRET}`,
      `{ token: ${SECRET} }`,
      `[${SECRET}]`,
      `"https://x:${SECRET}@h/"`,
      `"{${SECRET} x}"`,
      `!!int ${SECRET}`,
      `&${SECRET} *${SECRET}x`,
      `|\n ${SECRET}`,
    ];
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.constantFrom(...shapes), (place, shape) => {
        const { loaded } = faultsOf(having(place, `${place.slice(0, place.indexOf(':') + 1)} ${shape}`));
        for (const fault of loaded.ok ? [] : loaded.faults)
          expect([place, shape, fault.problem, fault.mend].slice(2).join(' ')).not.toContain(SECRET);
      }),
      { numRuns: 300 },
    );
  });
});
