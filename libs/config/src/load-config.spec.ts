// Goal: every fault of a configuration is said with file, line, column, what is wrong and the mend; none shows a value; nothing sound is refused.
// Method: one small file per fault, marked where the fault is (⟨here⟩), and the words that must be said.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatFault, loadConfig, type ConfigFault } from './index.js';
import { CROSS } from './testing/cross-faults.js';
import { GOOD, having, type Row } from './testing/good-config.js';
import { SHAPES } from './testing/shape-faults.js';
import { written } from './testing/written.js';

/** Loads a text whose fault is marked; gives the faults, and where the mark stood. */
function faultsOf(text: string, options: Parameters<typeof loadConfig>[1] = {}) {
  const before = text.slice(0, text.indexOf('⟨here⟩')).split('\n');
  const column = before.at(-1)!.replace(/[\w-]+: $/, '').length + 1; // The place of a value is its key's.
  using folder = written({ 'holdfast.yaml': text.replace('⟨here⟩', '') });
  const loaded = loadConfig(folder.path('holdfast.yaml'), options);
  return { loaded, faults: loaded.ok ? [] : loaded.faults, at: `${before.length}:${column}` };
}

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

  it('seen in the whole: commands that are forgotten before the dead letters they are about', () => {
    const retention = 'topics: { retention: { commands: ⟨here⟩30d, dlq: 60d, invalid: 10d } }';
    const { faults } = faultsOf(having('singleNode: true', `singleNode: true\n${retention}`));
    expect(faults).toMatchObject([
      { path: 'topics.retention.commands', problem: expect.stringContaining('(60d)'), mend: 'write 60d or longer' },
    ]);
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
