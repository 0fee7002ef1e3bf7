// Goal: what the pipeline writes for each kind of event, on the memory log.
import { afterEach, describe, expect, it } from '@jest/globals';
import { memoryRun, type RunOptions } from './testing/dedupe.run.js';
import { eventRecord, memoryCodec, readDelivery, readEvent, route, testEvent } from './testing/dedupe.world.js';

const codec = await memoryCodec();
const runs: ReturnType<typeof memoryRun>[] = [];
const world = (options?: RunOptions) => {
  const run = memoryRun(codec, options);
  runs.push(run);
  return run;
};
afterEach(() => Promise.all(runs.splice(0).map((run) => run.stopAll())));

describe('dedupe pipeline', () => {
  it('writes one fact per event, a delivery per destination, and the offset with them', async () => {
    const w = world({ config: { routes: [route(), route({ to: 'crm', types: ['order.*'] })] } });
    w.send({ id: 'a' }, { id: 'b', type: 'user.created' }, { id: 'c', key: 'a' });
    const { dedupe } = w.start();
    await w.settledTo(3);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal crm', '1 accepted → portal', '2 duplicate of 0']);
    const [first] = w.log.records(w.topics.deliveries('portal'));
    const delivery = readDelivery(codec, first!);
    expect(delivery).toMatchObject({ destination: 'portal', eventposition: 't.events/0/0', attempt: 0, hop: 0, ordering: 'unordered' });
    expect(delivery.event).toMatchObject({ id: 'a', subject: 'order-1', data: Buffer.from('{"a":1}') });
    expect(String(first!.key)).toBe('order-1');
    expect(Object.fromEntries(Object.entries(first!.headers).map(([name, value]) => [name, String(value)]))).toEqual({
      ce_id: 'a',
      ce_type: 'order.updated',
      ce_source: 'shop',
      'correlation-id': 'c-a',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(new Set(w.log.records(w.topics.deliveries('portal')).map((one) => readDelivery(codec, one).id)).size).toBe(2);
  });

  it('keeps what no route takes in the ledger, and parks what is invalid', async () => {
    const w = world();
    const faults = [{ pointer: '', code: 'not-json', message: 'the body is not JSON' }];
    w.send({ id: 'a', source: 'nobody' }, { id: 'b', faults }, { id: 'c', type: '' }, { id: 'b2', key: 'b' });
    const { dedupe } = w.start();
    await w.settledTo(4);
    await dedupe.stop();
    // An invalid event claims nothing: the mended copy under its key goes out.
    expect(w.verdicts()).toEqual(['0 unrouted', '1 invalid', '2 invalid', '3 accepted → portal']);
    const parked = w.log.records(w.topics.invalid);
    expect(parked.map((one) => readEvent(codec, one).faults.map(({ code }) => code))).toEqual([['not-json'], ['missing-type']]);
    expect(parked.map((one) => String(one.headers['hf-position']))).toEqual(['t.events/0/1', 't.events/0/2']);
    expect(parked[0]!.value).toEqual(w.log.records(w.topics.events)[1]!.value);
    expect(w.facts()[1]).toMatchObject({ faults, reason: 'parked in t.invalid: not-json', id: 'b' });
  });

  it.each([
    ['rubbish', Buffer.from('not avro at all'), 'bad-magic'],
    ['an unknown schema', Buffer.from([0, 0, 0, 9, 9, 1, 2, 3]), 'unknown-schema'],
    ['a truncated record', codec.encode('Event', testEvent()).subarray(0, 20), 'truncated'],
    ['no value', null, 'truncated'],
  ])('parks %s with its bytes and position, and goes on', async (_, value, code) => {
    const w = world();
    w.append([{ topic: w.topics.events, key: 'k', value, headers: { ce_id: 'x', ce_source: 'shop' } }]);
    w.send({ id: 'a' });
    const { dedupe } = w.start();
    await w.settledTo(2);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 invalid', '1 accepted → portal']);
    const event = readEvent(codec, w.log.records(w.topics.invalid)[0]!);
    expect(event).toMatchObject({ id: 'x', source: 'shop', origin: 't.events/0/0', data: value ?? Buffer.alloc(0) });
    expect(event.faults.map((fault) => fault.code)).toEqual([code]);
  });

  it('supersedes on latest-wins routes only, and says by which position', async () => {
    const w = world({ config: { routes: [route({ ordering: 'latest-wins' }), route({ to: 'crm', types: ['order.paid'] })] } });
    w.send(
      { id: 'a', revision: '2' },
      { id: 'b', revision: '1' },
      { id: 'c', revision: '10' },
      { id: 'd', revision: '9', subject: 'order-2' },
    );
    w.send({ id: 'e', type: 'order.paid', revision: '5' }, { id: 'f', type: 'order.paid', revision: '4' }, { id: 'g', revision: null });
    const { dedupe } = w.start();
    await w.settledTo(7);
    await dedupe.stop();
    expect(w.verdicts()).toEqual([
      '0 accepted → portal',
      '1 superseded by 0',
      '2 accepted → portal',
      '3 accepted → portal',
      '4 accepted → portal crm',
      '5 accepted by 4 → crm',
      '6 accepted → portal',
    ]);
    expect(w.facts()[5]!.reason).toBe('a newer revision was accepted before: not for portal');
  });

  it('halves a batch that is too large, and parks by digest what is too large alone', async () => {
    const big = eventRecord(codec, 't.events', testEvent({ id: 'c', data: Buffer.alloc(2_750, 'c') }));
    const bytes = [big.key, big.value, ...Object.entries(big.headers).flat()].reduce((sum, part) => sum + part!.length, 0);
    // The event still fits, the delivery around it does not.
    const w = world({ log: { limits: { recordMaxBytes: bytes + 20, batchMaxBytes: bytes + 1_000, transactionTimeoutMs: 10_000 } } });
    w.send({ id: 'a', data: Buffer.alloc(1_000, 'a') }, { id: 'b', data: Buffer.alloc(1_000, 'b') });
    w.send({ id: 'c', data: Buffer.alloc(2_750, 'c') });
    w.send({ id: 'd', data: Buffer.alloc(1_000, 'd') });
    const { dedupe } = w.start();
    await w.settledTo(4);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal', '1 accepted → portal', '2 invalid', '3 accepted → portal']);
    const parked = readEvent(codec, w.log.records(w.topics.invalid)[0]!);
    expect(parked).toMatchObject({ id: 'c', attributes: { 'data-bytes': '2750' }, faults: [{ code: 'too-large' }] });
    expect(parked.attributes['data-sha256']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('cuts a batch by bytes', async () => {
    const w = world({ config: { batchMaxBytes: 2_500 } });
    w.send(...Array.from({ length: 6 }, (_, n) => ({ id: `e${n}`, data: Buffer.alloc(1_000) })));
    const { dedupe } = w.start();
    await w.settledTo(6);
    await dedupe.stop();
    expect(w.news.flatMap((one) => (one.kind === 'settled' ? [one.judged.length] : []))).toEqual([2, 2, 2]);
  });
});
