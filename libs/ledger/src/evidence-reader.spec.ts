import { describe, expect, it } from '@jest/globals';
import { parsePosition } from '#libs/domain/src/index.js';
import type { ScanProgress } from './log-scan.js';
import { EvidenceReader } from './evidence-reader.js';
import { attempt, event, judged, ofDelivery } from './testing/evidence.builder.js';
import { delivery, groups, LedgerWorld, names } from './testing/ledger-world.js';
import { lossesIn } from './verdict.fold.js';

// Goal: from Kafka alone, by event id or correlation id, the same verdicts as the fold gives; loss found without a race.
// Method: topics in memory, written by hand as the apps would.
const at = (position: string) => ({ eventposition: position, position });
const query = (id: string) => ({ id, sinceMs: null, isFull: false });

async function world() {
  const open = await LedgerWorld.open();
  const prove = (id: string, over = {}) => new EvidenceReader(open.ports()).prove({ ...query(id), ...over });
  return { open, prove };
}

/** Past the position, in its own partition. */
function pass(open: LedgerWorld, group: string, position: string): void {
  const { topic, partition, offset } = parsePosition(position)!;
  open.commit(group, topic, partition, offset + 1);
}

describe('proving from Kafka alone', () => {
  it('finds an event by its id and by its correlation id', async () => {
    const { open, prove } = await world();
    for (let other = 0; other < 20; other++) {
      const position = await open.event(event({ id: `other-${other}`, correlationid: `other-c-${other}`, subject: `o-${other}` }));
      await open.fact(judged('unrouted', { id: `other-${other}`, correlationid: `other-c-${other}`, ...at(position) }));
    }
    const position = await open.event(event());
    await open.fact(ofDelivery('settled', 0, { verdict: 'delivered-once', attempts: [attempt(1)], eventposition: position }));
    await open.fact(judged('accepted', at(position)));
    for (const id of ['evt-1', 'corr-0001']) {
      const { histories, notes } = await prove(id);
      expect(notes).toEqual([]);
      expect(histories).toHaveLength(1);
      expect(histories[0]).toMatchObject({
        event: { id: 'evt-1', position, entity: 'order-1' },
        verdict: 'accepted',
        verdicts: { portal: { verdict: 'delivered-once' } },
      });
    }
  });

  it('finds nothing for an unknown id', async () => {
    const { prove } = await world();
    expect((await prove('nobody')).histories).toEqual([]);
  });

  it('finds an event that is not judged yet: pending, and lost once dedupe has passed it', async () => {
    const { open, prove } = await world();
    const position = await open.event(event());
    expect((await prove('evt-1')).histories[0]).toMatchObject({ verdict: 'pending', event: { position } });
    pass(open, groups.dedupe, position);
    const { histories } = await prove('corr-0001');
    expect(histories[0]!.verdict).toBe('lost');
    expect(lossesIn(histories)).toHaveLength(1);
  });

  it('shows both events that came under one id, and names the one that is doubled', async () => {
    const { open, prove } = await world();
    const first = await open.event(event());
    const again = await open.event(event({ correlationid: 'corr-0002', receivedat: 2_000 }));
    await open.fact(judged('accepted', at(first)));
    await open.fact(judged('duplicate', { ...at(again), correlationid: 'corr-0002', duplicateof: first }));
    const { histories, doubled } = await prove('evt-1');
    expect(histories.map((history) => [history.event.position, history.verdict])).toEqual([
      [first, 'accepted'],
      [again, 'duplicate'],
    ]);
    expect(doubled).toEqual({ [first]: { id: 'evt-1', correlationid: 'corr-0001' } });
    expect((await prove('corr-0002')).histories.map((history) => history.event.position)).toEqual([again]);
  });

  it('shows the repetition that dedupe has not judged yet beside the judged one', async () => {
    const { open, prove } = await world();
    const first = await open.event(event());
    await open.fact(judged('accepted', at(first)));
    pass(open, groups.dedupe, first);
    await open.event(event({ receivedat: 2_000 }));
    expect((await prove('evt-1')).histories.map((history) => history.verdict)).toEqual(['accepted', 'pending']);
  });

  it('finds a loss hidden behind a judged event of the same id when all is read', async () => {
    const { open, prove } = await world();
    const first = await open.event(event());
    const lost = await open.event(event({ receivedat: 2_000 }));
    await open.fact(judged('accepted', at(first)));
    pass(open, groups.dedupe, lost);
    expect((await prove('evt-1')).histories).toHaveLength(1);
    expect(lossesIn((await prove('evt-1', { isFull: true })).histories)).toHaveLength(1);
  });

  it('says where a delivery waits: in the queue, then in its delay line until it is due', async () => {
    const { open, prove } = await world();
    const position = await open.event(event());
    await open.fact(judged('accepted', at(position)));
    const queued = await open.delivery(names.deliveries('portal'), delivery(event(), position));
    expect((await prove('evt-1')).histories[0]!.verdicts['portal']).toMatchObject({ verdict: 'waiting', where: queued });
    await open.fact(
      ofDelivery('attempted', 0, {
        ...at(position),
        position: queued,
        tier: '30s',
        attempt: 1,
        attempts: [attempt(1, { class: 'transient', status: 503 })],
      }),
    );
    const inLine = await open.delivery(names.retry('30s'), delivery(event(), position, { hop: 1, attempt: 1 }));
    pass(open, groups.deliver('portal'), queued);
    const waiting = (await prove('evt-1')).histories[0]!.verdicts['portal']!;
    const stands = open.log.records(names.retry('30s'))[0]!;
    expect(waiting).toMatchObject({ verdict: 'waiting', where: inLine, until: stands.timestampMs + 30_000, class: 'transient' });
    pass(open, groups.delayLine('30s'), inLine);
    expect((await prove('evt-1')).histories[0]!.verdicts['portal']).toMatchObject({ verdict: 'lost', position: inLine });
    const back = await open.delivery(names.deliveries('portal'), delivery(event(), position, { hop: 1, attempt: 1 }));
    expect((await prove('evt-1')).histories[0]!.verdicts['portal']).toMatchObject({ verdict: 'waiting', where: back });
  });

  it('counts a position of the settled set as passed', async () => {
    const { open, prove } = await world();
    const position = await open.event(event());
    await open.fact(judged('accepted', at(position)));
    await open.delivery(
      names.deliveries('portal'),
      delivery(event(), position, { id: 'ahead', destination: 'portal', eventposition: 'hf.events/0/999' }),
    );
    const queued = parsePosition(await open.delivery(names.deliveries('portal'), delivery(event(), position)))!;
    open.commit(groups.deliver('portal'), queued.topic, queued.partition, 0, [queued.offset]);
    expect((await prove('evt-1')).histories[0]!.verdicts['portal']).toMatchObject({ verdict: 'lost' });
  });

  it('names the position of a dead letter', async () => {
    const { open, prove } = await world();
    const position = await open.event(event());
    await open.fact(judged('accepted', at(position)));
    await open.fact(ofDelivery('dead-lettered', 0, { eventposition: position, class: 'business', reason: 'rejected' }));
    const dead = await open.delivery(names.dlq, delivery(event(), position, { hop: 1, reason: 'rejected', class: 'business' }));
    expect((await prove('evt-1')).histories[0]!.verdicts['portal']).toMatchObject({
      verdict: 'dead-lettered',
      where: dead,
      reason: 'rejected',
    });
  });

  it('says what it cannot read, and what retention has taken', async () => {
    const { open, prove } = await world();
    await open.bytes(names.ledger, 'evt-1', Buffer.from('not avro'));
    await open.fact(judged('accepted', at('hf.events/0/12')));
    const { histories, notes } = await prove('evt-1');
    expect(histories[0]).toMatchObject({ verdict: 'accepted', event: { entity: null } });
    expect(notes).toEqual([
      expect.stringMatching(/^hf\.ledger\/\d\/0 cannot be read/),
      expect.stringContaining('hf.events/0/12 is no longer in the event log'),
    ]);
  });

  it('looks no further back than it is told, and tells its progress', async () => {
    const { open, prove } = await world();
    const position = await open.event(event());
    await open.fact(judged('accepted', at(position)));
    expect((await prove('evt-1', { sinceMs: Date.now() + 60_000 })).histories).toHaveLength(1); // Few records: cheaper read than searched.
    const told: ScanProgress[] = [];
    await new EvidenceReader({ ...open.ports(), onProgress: (progress) => told.push(progress) }).prove(query('evt-1'));
    expect(told.length).toBeGreaterThan(0);
    expect(told.every(({ done, total }) => done <= total)).toBe(true);
  });
});
