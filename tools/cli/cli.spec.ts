// Goal: `npx holdfast` ends with 0, 1 or 2 as INTERFACES promises, answers on stdout and complains on stderr.
// Method: the real program, as a person starts it, on files in a folder of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const program = join(import.meta.dirname, '../../../tools/holdfast.mjs');
const GOOD = `version: 1
singleNode: true
sources: [{ name: a, topic: { name: t } }]
destinations: [{ name: d, http: { url: "https://d.example" }, unknown: { resolve: hold } }]
routes: [{ to: d }]
`;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  writeFileSync(join(folder, 'good.yaml'), GOOD);
  writeFileSync(join(folder, 'bad.yaml'), GOOD.replace('to: d', 'to: e'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function holdfast(args: string[], env: Record<string, string> = {}): { code: number | null; out: string; err: string } {
  const { PATH } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    env: { PATH, ...env },
    encoding: 'utf8',
    timeout: 15_000,
  });
  return { code: status, out: stdout, err: stderr };
}

describe('holdfast check', () => {
  it('of a good file ends with 0 and says what is in it', () => {
    const { code, out, err } = holdfast(['check', 'good.yaml']);
    expect([code, out]).toEqual([0, 'good.yaml is good: 1 source, 1 destination, 1 route\n']);
    expect(err).toContain('good.yaml:3:11: warning: sources.a.idempotency.key');
  });

  it('of a bad one ends with 2 and says file, line and mend', () => {
    const { code, out, err } = holdfast(['check', 'bad.yaml']);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('bad.yaml:5:12: routes[0].to names no destination that exists\n    mend: did you mean d?');
    expect(err).toMatch(/bad.yaml: 1 fault\n$/);
  });

  it('--json is for programs', () => {
    const answer = JSON.parse(holdfast(['check', 'bad.yaml', '--json']).out) as { ok: boolean; faults: object[] };
    expect(answer).toMatchObject({ ok: false, faults: [{ file: 'bad.yaml', line: 5, column: 12, path: 'routes[0].to' }] });
  });

  it('--explain prints every default', () => {
    const { code, out } = holdfast(['check', '--explain'], { HOLDFAST_CONFIG: 'good.yaml' });
    expect([code, out]).toEqual([0, expect.stringContaining('      timeout: 10s # default\n')]);
  });

  it('without a file to check ends with 2', () => {
    expect(holdfast(['check', 'gone.yaml'])).toMatchObject({ code: 2, err: expect.stringContaining('gone.yaml: is not there') });
  });
});

describe('holdfast credentials status', () => {
  const withAuth = (auth: string): string => GOOD.replace('unknown:', `auth: ${auth}, unknown:`);

  it('says where each secret lives and never what it is', () => {
    writeFileSync(join(folder, 'the-key'), 'planted-secret\n', { mode: 0o600 });
    writeFileSync(join(folder, 'static.yaml'), withAuth('{ bearer: { token: { file: the-key } } }'));
    const { code, out, err } = holdfast(['credentials', 'status', 'static.yaml', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      environment: 'production',
      destinations: [{ destination: 'd', kind: 'bearer', secrets: [{ state: 'present', mode: '600', warning: null }], token: null }],
    });
    expect(out + err).not.toContain('planted');
  });

  it('ends with 1 for a secret that is missing', () => {
    writeFileSync(join(folder, 'missing.yaml'), withAuth('{ query: { name: key, value: { env: NOT_SET } } }'));
    const { code, out } = holdfast(['credentials', 'status', 'missing.yaml']);
    expect([code, out]).toEqual([1, expect.stringContaining('auth.query: env NOT_SET, missing')]);
  });

  it('ends with 2 for a configuration that is bad', () => {
    expect(holdfast(['credentials', 'status', 'bad.yaml']).code).toBe(2);
  });
});

describe('wrong use', () => {
  it.each([[['nonsense']], [['check', '--nonsense']], [['topics', 'apply', 'a', 'b']]])('%j ends with 2', (args) => {
    expect(holdfast(args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/^error: /) });
  });

  it('a wrong environment ends with 2 and names the variable', () => {
    expect(holdfast(['topics', 'apply', 'good.yaml'], { KAFKA_BROKERS: 'nonsense' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('environment: KAFKA_BROKERS'),
    });
  });
});

describe('help', () => {
  it.each([[[]], [['topics', 'apply']], [['schemas', 'check']], [['dlq']]])('%j --help shows its use and ends with 0', (args) => {
    const { code, out } = holdfast([...args, '--help']);
    expect([code, out]).toEqual([0, expect.stringContaining('Usage: holdfast')]);
    if (args.length > 0) expect(out).toContain('Examples:');
  });
});

describe('without its services', () => {
  it('topics apply --dry-run prints the plan', () => {
    const { code, out } = holdfast(['topics', 'apply', 'good.yaml', '--dry-run']);
    expect([code, out]).toEqual([0, expect.stringContaining('hf.deliveries.d: 6 partitions, replication 1, read by hf.deliver.d\n')]);
  });

  it('schemas check compares with the history; schemas register says what it misses and ends with 1', () => {
    expect(holdfast(['schemas', 'check'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/holdfast\.Event: reads all of \d+ versions? in the history\n/),
    });
    expect(holdfast(['schemas', 'register'], { SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('look at SCHEMA_REGISTRY_URL'),
    });
  });

  it('dlq says that the console does not answer; wrong use is said before anybody is asked', () => {
    const env = { CONSOLE_URL: 'http://127.0.0.1:9' };
    expect(holdfast(['dlq', 'list'], env)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('set CONSOLE_URL') });
    expect(holdfast(['dlq', 'requeue', '--reason', 'all'], env)).toMatchObject({
      code: 2,
      err: expect.stringContaining('say what to requeue'),
    });
    expect(holdfast(['dlq', 'discard', 'dlq-0-1', '--group', 'g', '--reason', 'both'], env).code).toBe(2);
    expect(holdfast(['dlq', 'discard', 'dlq-0-1'], env).code).toBe(2);
    expect(holdfast(['dlq', 'list', '--limit', '0'], env).code).toBe(2);
    expect(holdfast(['dlq', 'list'], { ...env, HOLDFAST_TOKEN_FILE: 'gone' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('HOLDFAST_TOKEN_FILE'),
    });
  });
});
