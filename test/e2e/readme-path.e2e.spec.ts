import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderBody, postWebhooks, startPartner, System, testConfiguration, waitFor, type Partner } from '#libs/testkit/src/index.js';
import { services, shopSigning, evidenceOf } from '../fixtures/end-to-end.js';

// Goal: what the README promises a newcomer: one signed webhook, one delivery at the partner, and a verdict that Kafka alone proves.
// Method: all four apps as real processes, the partner in this one; `holdfast prove` as an operator runs it.

let partner: Partner;
let system: System;

beforeAll(async () => {
  partner = await startPartner();
  const url = `${partner.url}/orders/{entity}`;
  system = await System.start({
    services: services(),
    configuration: (prefix) => testConfiguration({ prefix, sources: ['shop'], destinations: [{ name: 'portal', url }] }),
  });
}, 120_000);
afterAll(async () => {
  await system?.stop();
  await partner?.close();
}, 60_000);

describe('a webhook', () => {
  it('reaches the partner once, byte for byte, and can be proved', async () => {
    const body = Buffer.from('{ "type":"order.updated",  "id":"first-1", "entity":"o/1 ä", "revision":1 }');
    const headers = { 'x-correlation-id': 'readme-0001' };
    const { accepted, refused } = await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 1 }, [
      { tag: 'a', body, headers },
    ]);
    expect(refused).toEqual([]);
    expect(accepted).toEqual([expect.objectContaining({ id: 'first-1', correlationId: 'readme-0001' })]);

    const [stored] = await waitFor(() => partner.storedOf('first-1').length > 0 && partner.storedOf('first-1'), {
      what: 'the delivery',
      withinMs: 15_000,
    });
    expect(stored).toMatchObject({
      entity: 'o/1 ä',
      path: '/orders/o%2F1%20%C3%A4',
      correlationId: 'readme-0001',
      attempt: 1,
      bytes: body.length,
    });
    expect(stored!.idempotencyKey).toBeTruthy();

    const proof = async (): Promise<string> => (await system.holdfast('prove', 'first-1')).stdout;
    const said = await waitFor(async () => /delivered-once/.test(await proof()) && (await proof()), {
      what: '`holdfast prove` saying delivered-once',
      withinMs: 20_000,
      everyMs: 500,
    });
    expect(said).toContain('portal');
    expect(said).toContain(`${system.names.events}/`);
    const byCorrelation = await system.holdfast('prove', 'readme-0001');
    expect(byCorrelation).toMatchObject({ code: 0, stdout: expect.stringContaining('delivered-once') });
  }, 90_000);

  it('sent twice is delivered once, and the second is a duplicate of the position of the first', async () => {
    const bodies = ['twice-1', 'twice-2'].map((id) => ({ tag: id, body: orderBody({ id, entity: 'o-2', revision: 7 }) }));
    for (const webhook of bodies)
      await postWebhooks({ url: system.ingestUrl, source: 'shop', signing: shopSigning, connectionsMax: 1 }, [webhook]);
    const summary = await waitFor(
      async () => {
        const found = await evidenceOf(system);
        return found.judged['duplicate'] === 1 && found.faults.unsettled.length === 0 && found;
      },
      { what: 'the second one judged', withinMs: 20_000, everyMs: 500 },
    );
    expect(summary.duplicatesOf).toHaveLength(1);
    expect(summary.faults.wrongDuplicates).toEqual([]);
    expect(partner.storedOf('twice-1')).toHaveLength(1);
    expect(partner.storedOf('twice-2')).toHaveLength(0);
  }, 60_000);

  it('that is unknown to Kafka cannot be proved: exit code 1', async () => {
    expect((await system.holdfast('prove', 'never-was')).code).toBe(1);
  }, 60_000);
});
