import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RouteConfig, TransformConfig } from '#libs/config/src/index.js';
import type { TransformJob, Transforms } from '#libs/shaping/src/index.js';
import { shapeOf } from './shaping.js';
import { testDelivery } from './testing/deliver.world.js';

// Goal: the right transform makes the body, what nothing fits is refused, and a destination without transforms is not asked.
let file: string;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-shaping-'));
  writeFileSync((file = join(folder, 'old.jsonata')), '{ "a": n }');
});
afterAll(() => rmSync(folder, { recursive: true }));

const bounds = { timeoutMs: 5, inputMaxBytes: 6, outputMaxBytes: 7 };
const one = (by: TransformConfig['by'], over: Partial<TransformConfig> = {}): TransformConfig => ({
  types: null,
  schemaVersions: null,
  by,
  ...bounds,
  ...over,
});
const route = (to: string, transforms: readonly TransformConfig[], types = ['order.*']): RouteConfig => ({
  from: ['shop'],
  types,
  to,
  ordering: 'unordered',
  onDeadLetter: 'stop',
  transforms,
  coalesceMs: null,
});
function listening(): { transforms: Transforms; jobs: TransformJob[] } {
  const jobs: TransformJob[] = [];
  const run: Transforms['run'] = async (job) => (jobs.push(job), { ok: true, body: Buffer.from('made') });
  return { jobs, transforms: { run, close: async () => {} } };
}

describe('shapeOf', () => {
  it('is nothing where no route has a transform', () => {
    const { transforms } = listening();
    expect(shapeOf({ name: 'portal' }, [route('portal', []), route('crm', [one({ kind: 'pass-through' })])], transforms)).toEqual({});
  });

  it('runs what fits type and version, with its bounds, under the name of the destination', async () => {
    const { transforms, jobs } = listening();
    const rules = [
      one({ kind: 'jsonata', path: file }, { schemaVersions: '1' }),
      one({ kind: 'handler', path: 'new.ts' }, { schemaVersions: '>=2', types: ['order.*'] }),
    ];
    const { shape } = shapeOf({ name: 'portal' }, [route('portal', rules), route('portal', [], ['*'])], transforms);
    const shaped = (event: Parameters<typeof testDelivery>[1]) => shape!(testDelivery(1, event));
    expect(await shaped({ event: { schemaversion: '1' } })).toMatchObject({ ok: true });
    expect(await shaped({ event: { schemaversion: '3' } })).toMatchObject({ ok: true });
    expect(jobs.map(({ group, script }) => [group, script])).toEqual([
      ['portal', { path: file, language: { kind: 'jsonata', text: '{ "a": n }' }, ...bounds }],
      ['portal', { path: 'new.ts', language: { kind: 'handler' }, ...bounds }],
    ]);
    expect(jobs[0]).toMatchObject({ data: Buffer.from('{"n":1}'), event: { deliveryId: 'd1', entity: 'entity-1', schemaVersion: '1' } });
    expect(await shaped({ event: { schemaversion: null } })).toMatchObject({ ok: false, code: 'schema-unsupported' });
    expect(await shaped({ event: { source: 'gone' } })).toMatchObject({ ok: false, code: 'route-gone' });
    expect(shaped({ event: { type: 'stock.low' } })).toBeNull();
    expect(jobs).toHaveLength(2);
  });
});
