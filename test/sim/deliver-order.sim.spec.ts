import { describe, expect, it } from '@jest/globals';
import { memoryCodec } from '../../apps/deliver/src/testing/deliver.world.js';
import { DeliverWorld } from './deliver.sim.js';

// Goal: on ordered routes no crash, freeze, takeover, loss of Redis or lost answer brings an entity's deliveries out of order, and none is lost.
// Method: as deliver.sim.spec.ts; HOLDFAST_SEED replays one. Long runs: npm run simulate -- strict, npm run simulate -- latest-wins.
const SEEDS = Number(process.env['HOLDFAST_SIM_SEEDS'] ?? 100);
const codec = await memoryCodec();

describe.each(['latest-wins', 'strict'] as const)('simulated %s', (ordering) => {
  it(`keeps order and loses nothing over ${SEEDS} seeds`, async () => {
    const given = process.env['HOLDFAST_SEED'];
    const seeds = given ? [Number(given)] : Array.from({ length: SEEDS }, (_, i) => i + 1);
    for (const seed of seeds) {
      const { broken, history } = await new DeliverWorld(seed, codec, { ordering }).play();
      if (broken) throw new Error(`seed ${seed}: ${broken}\n${history.slice(-80).join('\n')}`);
    }
    expect(seeds.length).toBeGreaterThan(0);
  }, 120_000);
});
