import { describe, expect, it } from '@jest/globals';
import { attempt, event, judged, ofDelivery } from '#libs/ledger/src/testing/evidence.builder.js';
import { groups, LedgerWorld } from '#libs/ledger/src/testing/ledger-world.js';
import { runProve } from './prove-run.js';
import { destinationText } from './prove-text.js';

// Goal: what a person or a script reads of a proof, and the exit code it ends with.
// Method: topics in memory; the text as a whole, so that a change of it is seen.
async function prove(open: LedgerWorld, id: string, over: { isJson?: boolean } = {}) {
  let text = '';
  const choices = { id, sinceMs: null, isFull: false, isJson: over.isJson ?? false };
  const code = await runProve(choices, open.ports(), { out: (part) => void (text += part), progress: () => {} });
  return { code, text };
}

async function delivered() {
  const open = await LedgerWorld.open();
  const first = await open.event(event());
  const again = await open.event(event({ correlationid: 'corr-0002', receivedat: 2_000 }));
  await open.fact(judged('accepted', { eventposition: first, position: first, destinations: ['portal', 'audit'] }));
  const refused = attempt(1, { class: 'transient', status: 503 });
  await open.fact(
    ofDelivery('attempted', 0, { eventposition: first, attempts: [refused], class: 'transient', attempt: 1, tier: '30s', until: 31_000 }),
  );
  await open.fact(ofDelivery('settled', 1, { eventposition: first, verdict: 'delivered-once', attempts: [attempt(2)], attempt: 2 }));
  await open.fact(
    judged('duplicate', { eventposition: again, position: again, correlationid: 'corr-0002', duplicateof: first, at: 2_010 }),
  );
  return { open, first, again };
}

describe('holdfast prove', () => {
  it('prints verdicts per destination and the timeline with positions', async () => {
    const { open, first, again } = await delivered();
    const { code, text } = await prove(open, 'evt-1');
    expect(code).toBe(0);
    expect(text).toBe(`event        evt-1
             order.updated from erp, entity order-1
correlation  corr-0001
position     ${first}
verdict      accepted
  audit   waiting  the queue of audit
  portal  delivered-once  1970-01-01T00:00:01.200Z, attempt 2, status 200, hf.deliveries.portal/2/31
timeline
  1970-01-01T00:00:01.000Z  received       ${first}
  1970-01-01T00:00:01.010Z  judged         accepted, to portal audit, ${first}
  1970-01-01T00:00:01.150Z  attempted      portal, attempt 1, transient, status 503, 12 ms, waits in 30s, until 1970-01-01T00:00:31.000Z, hf.deliveries.portal/2/30
  1970-01-01T00:00:01.200Z  settled        portal, attempt 2, delivered-once, hf.deliveries.portal/2/31
  1970-01-01T00:00:01.250Z  attempted      portal, attempt 2, delivered, status 200, 12 ms, hf.deliveries.portal/2/31

event        evt-1
             order.updated from erp, entity order-1
correlation  corr-0002
position     ${again}
verdict      duplicate of ${first} (event evt-1, correlation corr-0001)
timeline
  1970-01-01T00:00:02.000Z  received       ${again}
  1970-01-01T00:00:02.010Z  judged         duplicate, of ${first}, ${again}

notes
  topic hf.deliveries.audit does not exist; "holdfast topics apply" makes it
`);
  });

  it('says the same as JSON for a script', async () => {
    const { open, first } = await delivered();
    const { code, text } = await prove(open, 'corr-0002', { isJson: true });
    expect(code).toBe(0);
    expect(JSON.parse(text)).toMatchObject({
      query: 'corr-0002',
      found: true,
      losses: [],
      histories: [{ verdict: 'duplicate', duplicateof: first }],
      doubled: { [first]: { id: 'evt-1' } },
    });
  });

  it('ends with 1 when nothing is found', async () => {
    const { code, text } = await prove(await LedgerWorld.open(), 'nobody');
    expect([code, text]).toEqual([1, 'No event and no correlation id nobody in anything that retention has left.\n']);
  });

  it('ends with 1 on a loss', async () => {
    const open = await LedgerWorld.open();
    const [, partition, offset] = (await open.event(event())).split('/');
    open.commit(groups.dedupe, 'hf.events', Number(partition), Number(offset) + 1);
    const { code, text } = await prove(open, 'evt-1');
    expect(code).toBe(1);
    expect(text).toContain('verdict      lost');
  });

  it('ends with 1 on facts that contradict each other', async () => {
    const open = await LedgerWorld.open();
    const position = await open.event(event());
    await open.fact(judged('accepted', { eventposition: position, position }));
    await open.fact(judged('unrouted', { eventposition: position, position }));
    const { code, text } = await prove(open, 'evt-1');
    expect(code).toBe(1);
    expect(text).toContain('CONFLICT     judged more than once: accepted; unrouted');
  });

  it('has a line for every verdict', () => {
    const at = 0;
    const when = '1970-01-01T00:00:00.000Z';
    expect(destinationText({ verdict: 'duplicate-suppressed', duplicateof: 'p' })).toBe('duplicate-suppressed  of p');
    expect(destinationText({ verdict: 'superseded', by: 'p', at })).toBe(`superseded  ${when}, by p`);
    expect(destinationText({ verdict: 'dead-lettered', where: 'p', at, class: 'business', status: 422, reason: 'no' })).toBe(
      `dead-lettered  ${when}, p, business, status 422, no`,
    );
    expect(destinationText({ verdict: 'discarded', by: 'ana', reason: 'test', at })).toBe(`discarded  ${when}, by ana, test`);
    expect(destinationText({ verdict: 'invalid' })).toBe('invalid');
    expect(destinationText({ verdict: 'lost', position: 'p', why: 'gone' })).toBe('LOST  p, gone');
  });
});
