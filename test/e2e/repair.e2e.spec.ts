import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderBody, postWebhooks, startPartner, System, testConfiguration, waitFor, type Partner } from '#libs/testkit/src/index.js';
import { services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: an operator repairs what failed without making it worse: canary, ramp, stop by itself; a dead letter leaves once, whoever asks
// how often, and whoever dies meanwhile.
// Method: the whole system; the partner refuses orders of a path until it is mended; everything by the API, the partner counts.

type Body = Readonly<{
  operationId: string;
  count: number;
  phase: string;
  total: number;
  sent: number;
  delivered: number;
  failed: number;
  why: string | null;
  verdicts: Readonly<Record<string, { verdict: string; by?: string; reason?: string }>>;
  timeline: readonly Readonly<{ fact: string; by?: string; reason?: string; verdict?: string }>[];
  items: readonly Readonly<{ id: string; state: string; eventid: string; group: string; count: number; sample: string }>[];
}>;

let partner: Partner;
let system: System;

const ask = async (path: string, body?: unknown): Promise<{ status: number; body: Body }> => {
  const headers = { 'content-type': 'application/json', 'x-holdfast-actor': 'ann' };
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${system.consoleUrl}${path}`, init);
  return { status: answer.status, body: (await answer.json()) as Body };
};
const verdictOf = async (id: string): Promise<string | undefined> => (await ask(`/api/events/${id}`)).body.verdicts?.['portal']?.verdict;
const openOf = async (ids: readonly string[]) =>
  (await ask('/api/dead-letters?limit=200')).body.items.filter(({ eventid, state }) => ids.includes(eventid) && state === 'open');

async function failing(name: string, count: number): Promise<string[]> {
  const webhooks = Array.from({ length: count }, (_, i) => ({
    tag: `${name}-${i}`,
    body: orderBody({ id: `${name}-${i}`, entity: `${name}-${i}`, revision: 1 }),
  }));
  const { accepted } = await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 4 }, webhooks);
  const ids = accepted.map(({ id }) => id);
  expect(ids).toHaveLength(count);
  await waitFor(async () => (await openOf(ids)).length === count, {
    what: `${count} dead letters of ${name}`,
    withinMs: 60_000,
    everyMs: 300,
  });
  return ids;
}

async function ended(operationId: string): Promise<Body> {
  return waitFor(
    async () => {
      const { status, body } = await ask(`/api/operations/${operationId}`);
      return status === 200 && ['done', 'stopped', 'aborted'].includes(body.phase) && body;
    },
    { what: `the end of ${operationId}`, withinMs: 90_000, everyMs: 100 },
  );
}

const requeue = async (ids: readonly string[], reason: string): Promise<string> => {
  const { status, body } = await ask('/api/dead-letters/requeue', { ids, reason });
  expect([status, body.count]).toEqual([202, ids.length]);
  return body.operationId;
};
const refusing = (name: string) => ({ path: `/orders/${name}`, status: 422, body: `{"error":"no such ${name}"}` });

beforeAll(async () => {
  partner = await startPartner({ rules: [] });
  const more = { breaker: { failures: 10_000, rate: { atLeast: 10_000 } } };
  system = await System.start({
    services: services(),
    apps: ['ingest', 'dedupe', 'deliver', 'dlq-handler', 'ledger', 'console'],
    configuration: (prefix) =>
      testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'portal', url: `${partner.url}/orders/{entity}`, more }] }),
  });
}, 180_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

describe('a requeue', () => {
  it('of a group goes by canaries and a ramp, and the verdicts follow', async () => {
    partner.setRules([refusing('mended-')]);
    const ids = await failing('mended-', 30);
    const groups = (await ask('/api/dead-letters/groups')).body.items.filter(({ count }) => count === 30);
    expect(groups).toHaveLength(1);
    partner.setRules([]);
    const { status, body } = await ask('/api/dead-letters/requeue', { group: groups[0]!.group, reason: 'article list mended' });
    expect([status, body.count]).toEqual([202, 30]);
    const end = await ended(body.operationId);
    expect(end).toMatchObject({ phase: 'done', total: 30, sent: 30, delivered: 30, failed: 0, why: null });
    await waitFor(async () => (await Promise.all(ids.map(verdictOf))).every((verdict) => verdict === 'delivered-once'), {
      what: 'the verdicts',
      withinMs: 30_000,
      everyMs: 500,
    });
    const { timeline } = (await ask(`/api/events/${ids[0]!}`)).body;
    expect(timeline.map(({ fact }) => fact)).toEqual([
      'received',
      'judged',
      'attempted',
      'dead-lettered',
      'requeued',
      'attempted',
      'settled',
    ]);
    expect(timeline.find(({ fact }) => fact === 'requeued')).toMatchObject({ by: 'ann', reason: 'article list mended' });
    for (const id of ids) expect(partner.storedOf(id)).toHaveLength(1);

    // Canary 1, then 5 once it was answered, then the ramp: seen from the partner's side.
    const taken = ids
      .map((id) => partner.arrivals.of(id).find(({ status: answer }) => answer === 200)!)
      .sort((a, b) => a.at - b.at)
      .map(({ at }) => at);
    expect(taken).toHaveLength(30);
    const gaps = taken.slice(1).map((at, i) => at - taken[i]!);
    // One transaction and one settlement lie between the steps; within one there is nothing to wait for.
    expect(gaps[0]!).toBeGreaterThan(20);
    expect(gaps[5]!).toBeGreaterThan(20);
  }, 120_000);

  it('of what was requeued before does nothing', async () => {
    partner.setRules([refusing('again-')]);
    const ids = await failing('again-', 2);
    const dead = (await openOf(ids)).map(({ id }) => id);
    partner.setRules([]);
    // Both are frozen before either is carried out.
    const [one, two] = await Promise.all([requeue(dead, 'first'), requeue(dead, 'second')]);
    const ends = await Promise.all([ended(one), ended(two)]);
    expect(ends.map(({ sent }) => sent).reduce((sum, each) => sum + each, 0)).toBe(2);
    expect(ends.map(({ why }) => why ?? '').join()).toContain('stayed: had left before');
    for (const id of ids) expect(partner.storedOf(id)).toHaveLength(1);
    expect((await ask('/api/dead-letters/requeue', { ids: dead, reason: 'third' })).status).toBe(404);
  }, 120_000);

  it('stops by itself when the partner fails again, and loses nothing', async () => {
    partner.setRules([refusing('worse-')]);
    const ids = await failing('worse-', 20);
    const dead = (await openOf(ids)).map(({ id }) => id);
    const end = await ended(await requeue(dead, 'hoped'));
    expect(end).toMatchObject({ phase: 'stopped', sent: 1, delivered: 0, failed: 1, why: '1 of 1 canaries failed' });
    await waitFor(async () => (await openOf(ids)).length === 20, { what: 'all of them open again', withinMs: 30_000, everyMs: 300 });
    expect(new Set(await Promise.all(ids.map(verdictOf)))).toEqual(new Set(['dead-lettered']));

    partner.setRules([]);
    const mended = await ended(
      await requeue(
        (await openOf(ids)).map(({ id }) => id),
        'mended now',
      ),
    );
    expect(mended).toMatchObject({ phase: 'done', sent: 20, delivered: 20, failed: 0 });
    for (const id of ids) expect(partner.storedOf(id)).toHaveLength(1);
  }, 120_000);

  it('stops in the ramp when more than a fifth fail, with no more under way than the ramp lets', async () => {
    partner.setRules([refusing('half-')]);
    const ids = await failing('half-', 100);
    const dead = (await openOf(ids)).map(({ id }) => id);
    partner.setRules([]);
    const operation = await requeue(dead, 'looked mended');
    await waitFor(() => ids.filter((id) => partner.storedOf(id).length > 0).length >= 20, {
      what: '20 taken',
      withinMs: 30_000,
      everyMs: 5,
    });
    partner.setRules([refusing('half-')]);
    const end = await ended(operation);
    expect(end).toMatchObject({ phase: 'stopped', why: expect.stringMatching(/^\d+ of the last \d+ failed$/) });
    const arrived = ids.reduce((sum, id) => sum + partner.arrivals.of(id).length - 1, 0);
    expect(end.sent).toBeLessThan(100);
    expect(arrived).toBeLessThanOrEqual(end.sent);
    const taken = ids.filter((id) => partner.storedOf(id).length > 0).length;
    await waitFor(async () => (await openOf(ids)).length === 100 - taken, { what: 'the rest open', withinMs: 30_000, everyMs: 300 });
    expect(ids.every((id) => partner.storedOf(id).length <= 1)).toBe(true);
  }, 120_000);

  it('survives kill -9 of dlq-handler in its middle: each one once', async () => {
    partner.setRules([refusing('killed-')]);
    const ids = await failing('killed-', 120);
    const dead = (await openOf(ids)).map(({ id }) => id);
    partner.setRules([{ path: '/orders/killed-', latencyMs: 150 }]);
    const operation = await requeue(dead, 'while it dies');
    for (const least of [1, 10, 40]) {
      await waitFor(async () => ids.filter((id) => partner.storedOf(id).length > 0).length >= least, {
        what: `${least} taken`,
        withinMs: 60_000,
        everyMs: 20,
      });
      await system.app('dlq-handler').kill();
      system.app('dlq-handler').start();
      await system.app('dlq-handler').ready();
    }
    const end = await ended(operation);
    expect(end).toMatchObject({ phase: 'done', total: 120, sent: 120, delivered: 120, failed: 0 });
    for (const id of ids) expect(partner.storedOf(id)).toHaveLength(1);
    expect(partner.arrivals.of(ids[7]!).filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await openOf(ids)).toEqual([]);
  }, 180_000);
});

describe('a discard', () => {
  it('says who and why', async () => {
    partner.setRules([refusing('given-up-')]);
    const ids = await failing('given-up-', 2);
    const [first] = await openOf(ids);
    const { body } = await ask('/api/dead-letters/discard', { ids: [first!.id], reason: 'a test order' });
    expect(await ended(body.operationId)).toMatchObject({ phase: 'done', total: 1, sent: 1 });
    await waitFor(async () => (await verdictOf(first!.eventid)) === 'discarded', { what: 'the verdict', withinMs: 30_000 });
    expect((await ask(`/api/events/${first!.eventid}`)).body.verdicts['portal']).toMatchObject({
      verdict: 'discarded',
      by: 'ann',
      reason: 'a test order',
    });
    expect((await openOf(ids)).map(({ eventid }) => eventid)).toEqual(ids.filter((id) => id !== first!.eventid));
  }, 120_000);
});

describe("an operator's word on a dead letter", () => {
  it('as delivered settles it; as resend sends it again', async () => {
    partner.setRules([refusing('word-')]);
    const [one, two] = (await failing('word-', 2)) as [string, string];
    partner.setRules([]);
    const said = await ask(`/api/events/${one}/destinations/portal/resolve`, { as: 'delivered', reason: 'seen in their list' });
    expect(await ended(said.body.operationId)).toMatchObject({ phase: 'done', sent: 1 });
    const again = await ask(`/api/events/${two}/destinations/portal/resolve`, { as: 'resend', reason: 'not in their list' });
    expect(await ended(again.body.operationId)).toMatchObject({ phase: 'done', sent: 1, delivered: 1 });
    await waitFor(async () => (await verdictOf(one)) === 'delivered-once-by-proof', { what: 'the settled verdict', withinMs: 30_000 });
    await waitFor(async () => (await verdictOf(two)) === 'delivered-once', { what: 'the resent verdict', withinMs: 30_000 });
    expect([partner.storedOf(one).length, partner.storedOf(two).length]).toEqual([0, 1]);
  }, 120_000);
});

describe('an abort', () => {
  it('sends nothing more, and leaves the rest open', async () => {
    partner.setRules([refusing('called-off-')]);
    const ids = await failing('called-off-', 8);
    const dead = (await openOf(ids)).map(({ id }) => id);
    partner.setRules([{ path: '/orders/called-off-', latencyMs: 2_000 }]);
    const operation = await requeue(dead, 'too early');
    await waitFor(async () => (await ask(`/api/operations/${operation}`)).body.sent === 1, { what: 'the canary', withinMs: 30_000 });
    expect((await ask(`/api/operations/${operation}/abort`, { reason: 'called off' })).status).toBe(202);
    expect(await ended(operation)).toMatchObject({ phase: 'aborted', sent: 1, why: 'aborted by ann' });
    expect(await openOf(ids)).toHaveLength(7);
  }, 120_000);
});

describe('holdfast dlq', () => {
  it('lists, shows, requeues and waits, discards, and refuses wrong use', async () => {
    partner.setRules([refusing('by-hand-')]);
    const ids = await failing('by-hand-', 3);
    const [one, ...others] = (await openOf(ids)).map(({ id }) => id);
    const groups = await system.holdfast('dlq', 'list', '--groups', '--json');
    const { group } = (JSON.parse(groups.stdout) as { group: string; sample: string }[]).find(({ sample }) => sample.includes('by-hand'))!;
    const listed = await system.holdfast('dlq', 'list', '--group', group);
    expect([listed.code, listed.stdout.trim().split('\n').length]).toEqual([0, 3]);
    const shown = await system.holdfast('dlq', 'show', one!);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('no such by-hand-')]);

    const failed = await system.holdfast('dlq', 'requeue', others[0]!, '--reason', 'hope', '--wait', '--json');
    expect([failed.code, JSON.parse(failed.stdout)]).toEqual([1, expect.objectContaining({ phase: 'stopped', sent: 1, failed: 1 })]);
    await waitFor(async () => (await openOf(ids)).length === 3, { what: 'it back in the DLQ', withinMs: 30_000 });
    const gone = await system.holdfast('dlq', 'discard', one!, '--reason', 'a test order', '--wait');
    expect([gone.code, gone.stdout]).toEqual([0, expect.stringContaining('done: 1 of 1 sent')]);
    partner.setRules([]);
    const mended = await system.holdfast('dlq', 'requeue', '--group', group, '--reason', 'mended', '--wait');
    expect([mended.code, mended.stdout]).toEqual([0, expect.stringContaining('done: 2 of 2 sent, 2 delivered, 0 failed')]);

    expect((await system.holdfast('dlq', 'requeue', '--reason', 'all of it')).code).toBe(2);
    expect((await system.holdfast('dlq', 'requeue', one!)).code).toBe(2);
    expect((await system.holdfast('dlq', 'show', 'dlq-0-999999')).code).toBe(1);
    expect((await system.holdfast('dlq', 'list', '--from', 'yesterday')).code).toBe(2);
  }, 120_000);
});
