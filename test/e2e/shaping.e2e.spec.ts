import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderBody, postWebhooks, startPartner, System, testConfiguration, type Partner } from '#libs/testkit/src/index.js';
import { evidenceOf, everythingEnded, readAll, services, shopSigning } from '../fixtures/end-to-end.js';

// Goal: one bad event in a bulk request is one dead letter and harms nobody else, whether the partner names it or refuses the whole;
// a transform makes the body, and one that fails is a dead letter with its code.
// Method: 120 orders to three destinations; the partner refuses one id, and the transform stumbles over one entity.
const COUNT = 120;
let partner: Partner;
let system: System;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-shaping-'));
  writeFileSync(
    join(folder, 'order.jsonata'),
    'entity = "e-9" ? $error("no such article") : { "number": id, "delivery": $event.deliveryId }',
  );
  partner = await startPartner({
    rules: [
      { path: '/named', bulk: { refuse: ['o-5'] } },
      { path: '/whole', bulk: { refuse: ['o-5'], atomic: true } },
    ],
  });
  const results = { pointer: '/items', id: '/item', status: '/status' };
  const batch = { maxEvents: 50, maxWait: '50ms', key: '/id' };
  system = await System.start({
    services: services(),
    configuration: (prefix) => {
      const destinations = [
        { name: 'named', url: `${partner.url}/named`, more: { batch: { ...batch, results } } },
        { name: 'whole', url: `${partner.url}/whole`, more: { batch: { ...batch, format: 'ndjson' } } },
        { name: 'shaped', url: `${partner.url}/shaped/{/entity}` },
      ];
      const made = testConfiguration({ prefix, sources: ['shop'], destinations });
      const routes = made['routes'] as { to: string; transform?: object }[];
      routes.find(({ to }) => to === 'shaped')!.transform = { jsonata: join(folder, 'order.jsonata') };
      return made;
    },
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
  rmSync(folder, { recursive: true });
}, 60_000);

describe('shaping', () => {
  it('settles a bulk item by item, and sends what a transform made', async () => {
    const webhooks = Array.from({ length: COUNT }, (_, i) => ({
      tag: `o-${i}`,
      body: orderBody({ id: `o-${i}`, entity: `e-${i}`, revision: 1 }),
    }));
    const { accepted } = await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 8 }, webhooks);
    expect(accepted).toHaveLength(COUNT);
    await everythingEnded(system, COUNT, 60_000);

    const stored = (path: string) => [...partner.store.all()].filter((record) => record.path.startsWith(path));
    const dead = (await readAll(system)).dead.map(({ destination, event, class: named, history }) => ({
      destination,
      entity: event.subject,
      class: named,
      error: history.at(-1)!.error,
    }));
    for (const path of ['/named', '/whole']) {
      const entities = new Set(stored(path).map(({ entity }) => entity));
      expect([path, entities.size, entities.has('e-5'), stored(path).length]).toEqual([path, COUNT - 1, false, COUNT - 1]);
    }
    expect(stored('/shaped')).toHaveLength(COUNT - 1);
    expect(
      dead
        .filter(({ destination }) => destination !== 'shaped')
        .map((one) => `${one.destination} ${one.entity} ${one.class}`)
        .sort(),
    ).toEqual(['named e-5 business', 'whole e-5 business']);
    expect(dead.find(({ destination }) => destination === 'shaped')).toMatchObject({
      entity: 'e-9',
      class: 'permanent',
      error: expect.stringMatching(/^transform-failed: .*no such article/),
    });
    expect(partner.doubles()).toEqual([]);
    const summary = await evidenceOf(system);
    expect([summary.faults.unsettled, summary.deadLettered]).toEqual([[], 3]);
  }, 120_000);
});
