import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Transformed, TransformEvent, TransformScript } from './transform.port.js';
import { ThreadTransforms } from './transforms.thread.js';

// Goal: a transform is bounded in time, memory and size, its failure is a value that touches nobody else, and the same event makes
// the same bytes on every attempt. Method: real threads, expressions and modules that misbehave in one way each.
let folder: string;
const open: ThreadTransforms[] = [];
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'holdfast-transforms-'))));
afterEach(async () => void (await Promise.all(open.splice(0).map((one) => one.close()))));
afterAll(() => rmSync(folder, { recursive: true }));

const event: TransformEvent = {
  id: 'ev1',
  type: 'order.updated',
  source: 'shop',
  entity: 'o-1',
  revision: '7',
  schemaVersion: '1',
  correlationId: 'c1',
  receivedAt: 1_700_000_000_000,
  deliveryId: 'd1',
  attributes: {},
};
const bounds = { timeoutMs: 2_000, inputMaxBytes: 1_000_000, outputMaxBytes: 1_000_000 };
const jsonata = (text: string, over: Partial<TransformScript> = {}): TransformScript => ({
  path: `${text}.jsonata`,
  language: { kind: 'jsonata', text },
  ...bounds,
  ...over,
});
function handler(name: string, text: string, over: Partial<TransformScript> = {}): TransformScript {
  const path = join(folder, name);
  writeFileSync(path, text);
  return { path, language: { kind: 'handler' }, ...bounds, ...over };
}
const transforms = (threadsMax = 2): ThreadTransforms => {
  const one = new ThreadTransforms({ threadsMax, memoryMaxMb: 64, backoffMs: 50 });
  open.push(one);
  return one;
};
const run = (script: TransformScript, data: unknown = {}, { on = transforms(), group = 'portal' } = {}): Promise<Transformed> =>
  on.run({ group, script, data: typeof data === 'string' ? Buffer.from(data) : Buffer.from(JSON.stringify(data)), event });
const body = (done: Transformed): unknown => (done.ok ? JSON.parse(done.body.toString()) : done);

const BUSY = '($f := function($n) { $f($n + 1) }; $f(0))';

describe('transforms', () => {
  it('JSONata over the decoded data, with the event beside it', async () => {
    const script = jsonata('{ "number": order.id, "total": $sum(order.lines.price), "key": $event.deliveryId, "rev": $event.revision }');
    const data = { order: { id: 5, lines: [{ price: 1.5 }, { price: 2 }] } };
    expect(body(await run(script, data))).toEqual({ number: 5, total: 3.5, key: 'd1', rev: '7' });
  });

  it('handlers in JavaScript and TypeScript, synchronous or not', async () => {
    const js = handler('a.mjs', 'export default async (data, event) => ({ ...data, type: event.type });');
    const ts = handler('b.ts', 'type In = { n: number };\nexport default (data: In): { twice: number } => ({ twice: data.n * 2 });');
    expect(body(await run(js, { n: 1 }))).toEqual({ n: 1, type: 'order.updated' });
    expect(body(await run(ts, { n: 4 }))).toEqual({ twice: 8 });
  });

  it('make the same bytes for every attempt, in any thread', async () => {
    const text = '{ "now": $now(), "ms": $millis(), "dice": $random(), "mixed": $shuffle([1..20]) }';
    const js = handler('clock.mjs', 'export default () => [Date.now(), new Date().toISOString(), Math.random()];');
    for (const script of [jsonata(text), js]) {
      const [first, second] = await Promise.all([run(script), run(script)]);
      expect(first.ok && second.ok && first.body.equals(second.body)).toBe(true);
    }
    expect(body(await run(jsonata(text)))).toMatchObject({ now: '2023-11-14T22:13:20.000Z', ms: 1_700_000_000_000 });
  });

  it('round no large integer', async () => {
    expect(body(await run(jsonata('{ "id": id }'), '{"id":12345678901234567890}'))).toEqual({ id: '12345678901234567890' });
  });

  it.each<[string, () => TransformScript, unknown, string]>([
    ['an expression that throws', () => jsonata('$error("no article")'), {}, 'transform-failed'],
    ['a recursion without end', () => jsonata('($f := function($n) { 1 + $f($n + 1) }; $f(0))'), {}, 'transform-failed'],
    ['a sequence without end', () => jsonata('[1..9000000].{ "a": $ }'), {}, 'transform-failed'],
    ['an expression that is none', () => jsonata('{ "a": '), {}, 'transform-unusable'],
    ['nothing as a result', () => jsonata('nowhere'), {}, 'transform-no-result'],
    ['data that is not JSON', () => jsonata('a'), '<a/>', 'transform-input'],
    ['data beyond its bound', () => jsonata('a', { inputMaxBytes: 10 }), { a: 'x'.repeat(10) }, 'transform-input-too-large'],
    ['a result beyond its bound', () => jsonata('$pad("", 100)', { outputMaxBytes: 100 }), {}, 'transform-output-too-large'],
    ['a handler that throws', () => handler('t.mjs', 'export default () => { throw new Error("no"); };'), {}, 'transform-failed'],
    ['a handler that is none', () => handler('n.mjs', 'export const a = 1;'), {}, 'transform-unusable'],
    ['a handler that ends its thread', () => handler('x.mjs', 'export default () => process.exit(0);'), {}, 'transform-failed'],
    [
      'a handler that grows',
      () =>
        handler('g.mjs', 'export default () => { const a = []; for (;;) a.push(new Array(1e5).fill(a.length)); };', { timeoutMs: 15_000 }),
      {},
      'transform-failed',
    ],
    ['a handler that is busy', () => handler('b.mjs', 'export default () => { for (;;); };', { timeoutMs: 100 }), {}, 'transform-timeout'],
    [
      'a handler that never answers',
      () => handler('w.mjs', 'export default () => new Promise(() => {});', { timeoutMs: 100 }),
      {},
      'transform-timeout',
    ],
    ['a busy expression', () => jsonata(BUSY, { timeoutMs: 150 }), {}, 'transform-timeout'],
  ])('%s: %s', async (_name, script, data, code) => {
    const on = transforms();
    expect(await run(script(), data, { on })).toMatchObject({ ok: false, code });
    // Whoever comes next is not touched by it.
    expect(body(await run(jsonata('1 + n'), { n: 1 }, { on }))).toBe(2);
  });

  it('a timeout is believed the second time only', async () => {
    const once = handler(
      'once.mjs',
      `import { existsSync, writeFileSync } from 'node:fs';
       const mark = ${JSON.stringify(join(folder, 'mark'))};
       export default () => { if (existsSync(mark)) return 'done'; writeFileSync(mark, ''); for (;;); };`,
      { timeoutMs: 500 },
    );
    expect(body(await run(once))).toBe('done');
  });

  it('a group of busy expressions does not take the last thread from the others', async () => {
    const on = transforms(2);
    const busy = Array.from({ length: 6 }, () => run(jsonata(BUSY, { timeoutMs: 400 }), {}, { on, group: 'slow' }));
    const began = performance.now();
    for (let n = 0; n < 10; n++) expect(body(await run(jsonata('n'), { n }, { on, group: 'quick' }))).toBe(n);
    // One after the other the busy ones would have taken 6 × 2 × 400 ms before it.
    expect(performance.now() - began).toBeLessThan(2_000);
    expect((await Promise.all(busy)).every((done) => !done.ok && done.code === 'transform-timeout')).toBe(true);
  });

  it('many at once end, each with its own answer', async () => {
    const on = transforms(2);
    const done = await Promise.all(Array.from({ length: 500 }, (_, n) => run(jsonata('n * 2'), { n }, { on, group: `g${n % 3}` })));
    expect(done.map(body)).toEqual(Array.from({ length: 500 }, (_, n) => n * 2));
  });
});
