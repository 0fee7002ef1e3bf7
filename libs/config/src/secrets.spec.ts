// Goal: secrets are read as they are, kept current, and cannot be printed by accident. Method: real files, a fast poll, every usual way to print.
import { describe, expect, it } from '@jest/globals';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { format, inspect } from 'node:util';
import { openSecrets, readSecret, Secret, SecretError, type SecretRef } from './index.js';
import { written } from './testing/written.js';

const file = (path: string): SecretRef => ({ kind: 'file', path });
const until = async (is: () => boolean): Promise<void> => {
  for (let n = 0; n < 200 && !is(); n++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(is()).toBe(true);
};

describe('a secret', () => {
  it('is not shown by any usual way to print', () => {
    const secret = new Secret('hunter2');
    const shown = [
      String(secret),
      '' + String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      format('%s %o %O %j', secret, secret, secret, secret),
      inspect(Object.entries(secret)),
    ];
    for (const text of shown) expect(text).not.toContain('hunter2');
    expect(shown[0]).toBe('[secret]');
    expect(secret.reveal().toString()).toBe('hunter2');
  });

  it('is a file without its one trailing newline, byte for byte, or a variable', () => {
    using folder = written({ a: 'x\n', b: 'x\n\n', c: 'x\r\n', d: ' x', e: '\n' });
    const read = (name: string) =>
      readSecret(file(folder.path(name)))
        .reveal()
        .toString();
    expect(['a', 'b', 'c', 'd'].map(read)).toEqual(['x', 'x\n', 'x', ' x']);
    expect(() => read('e')).toThrow(SecretError);
    expect(readSecret({ kind: 'env', name: 'A' }, { A: 'y\n' }).reveal().toString()).toBe('y\n');
    expect(() => readSecret({ kind: 'env', name: 'A' }, { A: '' })).toThrow('the environment variable A holds no secret; set it');
    expect(() => read('gone')).toThrow(/the secret file .*gone cannot be read \(ENOENT\)/);
  });
});

describe('a store of secrets', () => {
  it('does not open when one is missing', () => {
    expect(() => openSecrets([{ kind: 'env', name: 'GONE' }], { env: {} })).toThrow(SecretError);
  });

  it('keeps the order of a list, sees a changed file, and keeps the last value of one that goes away', async () => {
    using folder = written({ old: 'one', next: 'two' });
    const refs = [file(folder.path('old')), file(folder.path('next'))];
    const changes: string[] = [];
    const store = openSecrets(refs, { pollMs: 5, onChange: ({ kind, reason }) => changes.push(`${kind} ${reason ?? ''}`) });
    const values = () => store.get(refs).map((secret) => secret.reveal().toString());
    try {
      expect(values()).toEqual(['one', 'two']);
      writeFileSync(folder.path('new'), 'three\n');
      renameSync(folder.path('new'), folder.path('old')); // As a mounted secret is swapped.
      await until(() => values()[0] === 'three');
      rmSync(folder.path('next'));
      await until(() => changes.length === 2);
      expect(values()).toEqual(['three', 'two']);
      writeFileSync(folder.path('next'), 'four');
      await until(() => values()[1] === 'four');
      expect(changes.map((change) => change.split(' ')[0])).toEqual(['changed', 'unreadable', 'readable', 'changed']);
      expect(changes.join()).not.toMatch(/three|four/);
    } finally {
      store.close();
    }
  });
});
