import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOwnStack, type OwnStack } from '#libs/testkit/src/stack.js';
import {
  erpTopic,
  faultsOf,
  runChaos,
  runSeed,
  seededRandom,
  servicesFrom,
  startPartner,
  System,
  testConfiguration,
  waitFor,
  type Partner,
} from '#libs/testkit/src/index.js';
import { everythingEnded } from '../fixtures/end-to-end.js';
import { produceRevisions, storedRevisions } from '../fixtures/ordered-orders.js';

// Goal: order per entity. Strict: the partner sees an entity's revisions in order, without a gap; latest-wins: never an older one after a
// newer one, and the last one in the end. Over 5 % failures, answers that are lost, kill -9 of deliver, restarts and wipes of Redis.
// Method: what the partners' own books say took effect, in their order. HOLDFAST_KILLS (default 10) and HOLDFAST_SEED set length and replay.

const KILLS = Number(process.env['HOLDFAST_KILLS'] ?? 10);
const ENTITIES = Array.from({ length: 60 }, (_, i) => `o-${i}`);
const REVISIONS = 50;
const arrivalsMax = 500_000;
const pointers = { entity: '/entity', revision: '/revision' };

const seed = runSeed();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
let stack: OwnStack;
let strict: Partner;
let newest: Partner;
let system: System;

beforeAll(async () => {
  say(`ordering: seed ${seed}, ${KILLS} kills; again with HOLDFAST_SEED=${seed}`);
  stack = await startOwnStack();
  const rules = [{ share: 0.05, status: 503 }, { share: 0.02, fault: 'reset-after-commit' as const }, { latencyMs: { min: 0, max: 30 } }];
  strict = await startPartner({ seed, pointers, arrivalsMax, rules });
  newest = await startPartner({ seed: seed + 1, pointers, arrivalsMax, rules });
  // Failures are planted: no breaker, and as many attempts as it takes.
  const more = { breaker: { failures: 10_000, rate: { atLeast: 10_000 } } };
  const tiers = ['300ms', '500ms', '1s', '2s', '3s', '4s'];
  const times = { timeout: '2s', settle: '500ms', more };
  system = await System.start({
    services: servicesFrom(stack.environment)!,
    replicas: { deliver: 2 },
    sourceTopics: (prefix) => [erpTopic(prefix)],
    configuration: (prefix) =>
      testConfiguration({
        prefix,
        tiers,
        sources: ['erp'],
        destinations: [
          { name: 'strict', url: `${strict.url}/orders/{entity}`, ordering: 'strict', ...times },
          { name: 'newest', url: `${newest.url}/orders/{entity}`, ordering: 'latest-wins', ...times },
        ],
      }),
  });
}, 300_000);
afterAll(async () => {
  await system?.stop();
  await Promise.all([strict?.close(), newest?.close()]);
  await stack?.stop();
}, 120_000);

describe(`5 % failures and ${KILLS} kills -9 (seed ${seed})`, () => {
  it(
    'leave every entity its order',
    async () => {
      const deliverers = system.handles.filter(({ app }) => app === 'deliver');
      const producing = produceRevisions(system, { entities: ENTITIES, revisions: REVISIONS, pauseMs: 300 });
      await runChaos({
        random: seededRandom(seed),
        kills: KILLS,
        targets: [
          ...deliverers.map((handle) => ({ name: handle.name, weight: 2, kill: () => handle.kill(), start: () => handle.start() })),
          { name: 'redis', weight: 2, kill: () => stack.redis.kill(), start: () => stack.redis.start() },
        ],
        pauseMs: [500, 3_000],
        downMs: [0, 1_000],
        onKill: ({ target, atMs }) => say(`  ${(atMs / 1_000).toFixed(1)} s: kill -9 ${target}`),
      });
      await producing;
      const isDone = (partner: Partner): boolean => ENTITIES.every((entity) => partner.store.byEvent(`${entity}-${REVISIONS}`));
      await waitFor(() => isDone(strict) && isDone(newest), {
        what: 'the last revision of each entity at both partners',
        withinMs: 240_000,
        everyMs: 500,
        seen: () => [strict.stats(), newest.stats()],
      });
      const summary = await everythingEnded(system, ENTITIES.length * REVISIONS, 120_000);
      expect(faultsOf(summary)).toEqual({});
      expect(summary.deadLettered).toBe(0);

      const inOrder = Array.from({ length: REVISIONS }, (_, i) => i + 1);
      const bySentence = (stored: Map<string, number[]>, isWrong: (revisions: number[]) => boolean): string[] =>
        [...stored].filter(([, revisions]) => isWrong(revisions)).map(([entity, revisions]) => `${entity}: ${revisions.join(' ')}`);
      const ofStrict = storedRevisions(strict.arrivals.newest(arrivalsMax));
      const ofNewest = storedRevisions(newest.arrivals.newest(arrivalsMax));
      say(`  strict: ${strict.stats().unique} stored; newest: ${newest.stats().unique} stored of ${ENTITIES.length * REVISIONS}`);
      expect([ofStrict.size, ofNewest.size]).toEqual([ENTITIES.length, ENTITIES.length]);
      expect(bySentence(ofStrict, (revisions) => revisions.join() !== inOrder.join())).toEqual([]);
      expect(bySentence(ofNewest, (revisions) => revisions.some((revision, i) => i > 0 && revision <= revisions[i - 1]!))).toEqual([]);
      expect([...ofNewest.values()].map((revisions) => revisions.at(-1))).toEqual(ENTITIES.map(() => REVISIONS));
    },
    KILLS * 10_000 + 600_000,
  );
});
