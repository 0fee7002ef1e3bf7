import { describe, expect, it } from '@jest/globals';
import { loadConfig } from './index.js';
import { GOOD } from './testing/good-config.js';
import { written } from './testing/written.js';

// Goal: a transform that cannot work is a fault of the check, with its place, before it is the end of a delivery.
const checked = (transform: string, files: Readonly<Record<string, string>> = {}) => {
  using folder = written({ 'holdfast.yaml': GOOD.replace('{ to: partner }', `{ to: partner, ${transform} }`), ...files });
  return loadConfig(folder.path('holdfast.yaml'), { checkSecrets: true, env: {} });
};

describe('holdfast check', () => {
  it.each([
    ['a file that is not there', 'transform: { jsonata: gone.jsonata }', {}, 'routes[0].transform.jsonata', 'gone.jsonata is not there'],
    [
      'no JSONata',
      'transform: { jsonata: a.jsonata }',
      { 'a.jsonata': '{ "a": ' },
      'routes[0].transform.jsonata',
      'a.jsonata is not JSONata',
    ],
    [
      'the second of two',
      'transforms: [{ jsonata: a.jsonata, schemaVersions: "1" }, { handler: b.ts }]',
      { 'a.jsonata': 'a' },
      'routes[0].transforms[1].handler',
      'b.ts is not there',
    ],
  ])('%s', (_name, transform, files, path, problem) => {
    const loaded = checked(transform, files);
    expect(loaded.ok).toBe(false);
    expect(!loaded.ok && loaded.faults.map((fault) => fault.path)).toEqual([path]);
    expect(!loaded.ok && loaded.faults[0]!.problem).toContain(problem);
  });

  it('warns where a version is asked for that the source does not give', () => {
    const loaded = checked('transforms: [{ jsonata: a.jsonata, schemaVersions: "1" }]', { 'a.jsonata': 'a' });
    expect(loaded.ok).toBe(true);
    expect(loaded.warnings.map(({ problem }) => problem)).toEqual(['asks for a schema version, which shop does not give']);
  });

  it('gives the apps absolute paths, numbers and ranges', () => {
    const loaded = checked(
      'transforms: [{ jsonata: a.jsonata, types: ["a.*"], schemaVersions: "1", timeout: 250ms }, { passThrough: true }]',
      {
        'a.jsonata': 'a',
      },
    );
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
    const [first, second] = loaded.config.routes[0]!.transforms;
    expect(first).toMatchObject({
      types: ['a.*'],
      schemaVersions: '1',
      by: { kind: 'jsonata', path: expect.stringMatching(/^\/.*a\.jsonata$/) },
      timeoutMs: 250,
      outputMaxBytes: 1_048_576,
    });
    expect(second).toMatchObject({ types: null, schemaVersions: null, by: { kind: 'pass-through' } });
  });
});
