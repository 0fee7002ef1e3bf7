import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { erpTopic, faultsOf, startPartner, System, testConfiguration, waitFor, type Partner } from '#libs/testkit/src/index.js';
import { evidenceOf, everythingEnded, readAll, services } from '../fixtures/end-to-end.js';
import { produceRevisions, storedRevisions } from '../fixtures/ordered-orders.js';

// Goal: a backlog of 10,000 updates on 100 entities becomes close to 100 calls under latest-wins; a window's updates become one under
// coalesce; a strict entity stops behind what no retry can help, and only that entity.
// Method: deliver is stopped while the backlog forms, and started again; the partners' own books are compared with the facts.

const ENTITIES = Array.from({ length: 100 }, (_, i) => `o-${i}`);
const REVISIONS = 100;
const pointers = { entity: '/entity', revision: '/revision' };

let newest: Partner;
let window: Partner;
let strict: Partner;
let system: System;

beforeAll(async () => {
  newest = await startPartner({ pointers, rules: [{ latencyMs: 5 }] });
  window = await startPartner({ pointers, rules: [{ latencyMs: 5 }] });
  strict = await startPartner({ pointers, rules: [{ path: '/orders/stuck', status: 422 }] });
  const at = (partner: Partner): string => `${partner.url}/orders/{entity}`;
  system = await System.start({
    services: services(),
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) => {
      const written = testConfiguration({
        prefix,
        sources: ['erp'],
        destinations: [
          { name: 'newest', url: at(newest), ordering: 'latest-wins' },
          { name: 'window', url: at(window), ordering: 'latest-wins' },
          { name: 'strict', url: at(strict), ordering: 'strict' },
        ],
      }) as { routes: { to: string }[] };
      return {
        ...written,
        routes: written.routes.map((route) => (route.to === 'window' ? { ...route, coalesce: { window: '4s' } } : route)),
      };
    },
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await Promise.all([newest?.close(), window?.close(), strict?.close()]);
}, 60_000);

describe('ordered routes', () => {
  it('turn a backlog of 10,000 updates on 100 entities into close to 100 calls', async () => {
    await system.app('deliver').kill();
    await produceRevisions(system, { entities: ENTITIES, revisions: REVISIONS });
    await waitFor(async () => (await evidenceOf(system)).judged['accepted'] === 10_000, { what: 'all to be judged', withinMs: 60_000 });
    system.app('deliver').start();
    await system.app('deliver').ready(60_000);
    const isDone = (partner: Partner): boolean => ENTITIES.every((entity) => partner.store.byEvent(`${entity}-${REVISIONS}`));
    await waitFor(() => isDone(newest) && isDone(window) && isDone(strict), {
      what: 'the last revision of each entity at each partner',
      withinMs: 120_000,
      seen: () => [newest, window, strict].map((partner) => partner.stats()),
    });
    const summary = await everythingEnded(system, 10_000, 120_000);
    expect(faultsOf(summary)).toEqual({});
    const calls = newest.arrivals.counters.requests;
    process.stderr.write(`  10,000 updates on 100 entities: ${calls} calls; with a window of 4 s: ${window.arrivals.counters.requests}\n`);
    expect(calls).toBeLessThanOrEqual(150);
    expect(window.arrivals.counters.requests).toBeLessThanOrEqual(250);
    expect(summary.settledIds['newest']!['superseded']).toHaveLength(10_000 - newest.stats().stored);
    for (const partner of [newest, window])
      for (const revisions of storedRevisions(partner.arrivals.newest(20_000)).values())
        expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    const inOrder = Array.from({ length: REVISIONS }, (_, i) => i + 1);
    expect(storedRevisions(strict.arrivals.newest(20_000)).size).toBe(ENTITIES.length);
    for (const revisions of storedRevisions(strict.arrivals.newest(20_000)).values()) expect(revisions).toEqual(inOrder);
  }, 300_000);

  it('park a strict entity behind what no retry can help, hold no other, and say where it waits', async () => {
    await produceRevisions(system, { entities: ['stuck', 'free'], revisions: 3 });
    await waitFor(() => strict.store.byEvent('free-3'), { what: 'the other entity', withinMs: 30_000 });
    const parked = await waitFor(
      async () => {
        const { facts } = await readAll(system);
        const found = facts.filter(({ id, tier }) => id.startsWith('stuck-') && tier === 'parked');
        return found.length >= 3 && found;
      },
      { what: 'three parked deliveries', withinMs: 30_000 },
    );
    expect(parked.map(({ fact }) => fact)).toEqual(['held', 'held', 'held']);
    expect(strict.arrivals.of('stuck-2')).toEqual([]);
    const { stdout } = await system.holdfast('prove', 'stuck-2');
    expect(stdout).toContain('parked');
    expect(stdout).toContain('waiting');
    await waitFor(async () => (await system.app('deliver').metrics()).sum('holdfast_parked_depth') === 3, {
      what: 'the gauge',
      withinMs: 20_000,
    });
  }, 120_000);
});
