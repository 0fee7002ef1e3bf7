import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPartner, System, testConfiguration, waitFor, type Partner } from '#libs/testkit/src/index.js';
import { startAuthorizationServer, type AuthorizationServer } from '../fixtures/authorization-server.js';
import { evidenceOf, everythingEnded, services } from '../fixtures/end-to-end.js';
import { steadyLoad } from '../fixtures/steady-load.js';

// Goal: tokens that live 3 s, are revoked, cannot be fetched, or need another secret cost no delivery and no attempt; three replicas
// of deliver fetch each token once.
// Method: a real authorization server (oidc-provider); a partner that takes its tokens only while they are good; load all the while.

const LIFE_S = 3;
const OLD_SECRET = `planted-old-${randomBytes(8).toString('hex')}`;
const NEW_SECRET = `planted-new-${randomBytes(8).toString('hex')}`;
const KEY = `planted-key-${randomBytes(16).toString('hex')}`;

let server: AuthorizationServer;
let partner: Partner;
let system: System;
let load: ReturnType<typeof steadyLoad>;

beforeAll(async () => {
  server = await startAuthorizationServer({ clientId: 'holdfast', secret: OLD_SECRET, scope: 'orders.write', lifeS: LIFE_S });
  partner = await startPartner({ bearer: (token) => server.isGood(token) });
  const client = { tokenUrl: server.tokenUrl, clientId: 'holdfast', clientSecret: { file: 'secrets/portal' }, scopes: ['orders.write'] };
  const destination = { name: 'portal', url: `${partner.url}/orders/{entity}`, more: { auth: { oauth2: client } } };
  system = await System.start({
    services: services(),
    replicas: { deliver: 3 },
    secrets: { portal: OLD_SECRET, 'token-key': KEY },
    configuration: (prefix) => ({
      ...testConfiguration({ prefix, tiers: ['1s', '3s'], sources: ['shop'], destinations: [destination] }),
      credentials: { tokenKeys: [{ file: 'secrets/token-key' }] },
    }),
  });
  load = steadyLoad(system, { webhooksPerSecond: 40, recordsPerSecond: 0, entities: 500 });
}, 180_000);
afterAll(async () => {
  await load?.stop();
  await system?.stop();
  await partner?.close();
  await server?.close();
}, 60_000);

const stored = (): number => partner.stats().stored;
const flows = (from: number): Promise<unknown> =>
  waitFor(() => stored() > from + 20, { what: 'deliveries that go on', withinMs: 60_000, seen: () => partner.stats() });

describe('OAuth', () => {
  it('tokens of 3 s under load: one refresh for each over three replicas, and deliveries go on', async () => {
    await flows(0);
    const [before, startedMs, refused] = [server.grants.granted, Date.now(), partner.stats().byStatus[401] ?? 0];
    await sleep(15_000);
    const grants = server.grants.granted - before;
    const lives = (Date.now() - startedMs) / 1_000 / LIFE_S;
    const late = (partner.stats().byStatus[401] ?? 0) - refused;
    process.stdout.write(
      `oauth: ${grants} grants in ${lives.toFixed(1)} lives over 3 replicas, ${late} requests came too late (401, nothing spent)\n`,
    );
    // The server counts in whole seconds, so 3 s are 2 at least: renewed at 1.7 s or later, and fetched once each.
    expect(grants).toBeGreaterThanOrEqual(Math.floor(lives));
    expect(grants).toBeLessThanOrEqual(Math.ceil(lives / 0.55) + 1);
    await flows(stored());
  }, 120_000);

  it('a revocation causes one refresh, not a storm', async () => {
    const before = server.grants.granted;
    server.revokeAll();
    await sleep(1_000);
    // One for the revocation, and at most one that was due anyway.
    expect(server.grants.granted - before).toBeLessThanOrEqual(2);
    await flows(stored());
  }, 90_000);

  it('a token endpoint that is down for 20 s holds, and nothing is spent', async () => {
    await server.goAway();
    await sleep(20_000);
    const quiet = stored();
    await sleep(500);
    expect(stored()).toBe(quiet);
    const metrics = await system.app('deliver').metrics();
    expect(metrics.sum('holdfast_hold_seconds', { destination: 'portal', reason: 'auth' })).toBeGreaterThan(0);
    await server.comeBack();
    await flows(quiet);
  }, 120_000);

  it('a secret is rotated while it runs', async () => {
    server.setSecret(NEW_SECRET);
    await sleep(LIFE_S * 1_000 + 500);
    writeFileSync(join(system.folder, 'secrets', 'portal'), `${NEW_SECRET}\n`);
    await flows(stored());
  }, 120_000);

  it('every delivery ended well at its first attempt, and no secret is told anywhere', async () => {
    const { all } = await load.stop();
    const summary = await everythingEnded(system, all.size, 120_000);
    expect(summary.faults.unsettled).toEqual([]);
    expect(summary.deadLettered).toBe(0);
    expect(summary.settled).toEqual({ 'delivered-once': all.size });
    expect(partner.doubles()).toEqual([]);
    expect(Math.max(...partner.arrivals.newest(20_000).map(({ attempt }) => attempt ?? 0))).toBe(1);
    for (const handle of system.handles) expect(handle.output()).not.toContain('planted');
    expect(JSON.stringify(await evidenceOf(system))).not.toContain('planted');
  }, 180_000);
});
