import { describe, expect, it } from '@jest/globals';
import { memoryCodec } from '../../apps/deliver/src/testing/deliver.world.js';
import { deliverFaults } from './deliver.faults.js';
import { DeliverWorld, type DeliverResult } from './deliver.sim.js';

// Goal: the real pipelines keep the model's invariants whatever happens at any step, and the simulator would notice if they did not.
// Method: many seeds; every fault of the model, planted, must be found. Replay one: HOLDFAST_SEED=17 node tools/jest.mjs unit deliver.sim
const codec = await memoryCodec();
const seeds = Number(process.env['HOLDFAST_SEEDS'] ?? 800);
const replay = process.env['HOLDFAST_SEED'];
const first = replay ? Number(replay) : 1;
const faultSeedsMax = 1_500;

const tell = ({ seed, broken, history }: DeliverResult): string => `seed ${seed}: ${broken}\n${history.join('\n')}`;

const misfortunes: Readonly<Record<string, RegExp>> = {
  crash: /CRASHES/,
  freeze: /freezes/,
  zombie: /who is not told/,
  'loss of Redis': /REDIS LOSS/,
  'loss noticed': /notices that Redis forgot/,
  'lost answer of a commit': /THE ANSWER IS LOST/,
  'lost answer of Redis': /THE ANSWER OF REDIS IS LOST/,
  'rebalance under way': /may start nothing/,
  'lost request': /is lost on the way/,
  'look-up': /partner\.ask/,
  'counted duplicate': /counts a duplicate/,
  fenced: /epoch \d+ is over/,
  delayed: /: delayed/,
  'dead letter': /: dead-lettered/,
  held: /: held/,
  'breaker opens': /opens its breaker/,
  'breaker closes': /closes its breaker/,
  'held, not spent': /keeps .* in its lane: breaker/,
  throttled: /holds the destination/,
};

describe('deliver, simulated', () => {
  it(`holds for seeds ${first} to ${replay ? first : first + seeds - 1}, and every misfortune happens in them`, async () => {
    const met = new Map<string, number>();
    for (let seed = first; seed < first + (replay ? 1 : seeds); seed++) {
      const result = await new DeliverWorld(seed, codec).play();
      if (result.broken) throw new Error(tell(result));
      const told = result.history.join('\n');
      for (const [name, line] of Object.entries(misfortunes)) if (line.test(told)) met.set(name, (met.get(name) ?? 0) + 1);
    }
    if (replay) return;
    for (const name of Object.keys(misfortunes)) {
      expect({ name, share: (met.get(name) ?? 0) / seeds > 0.01 }).toEqual({ name, share: true });
    }
  }, 180_000);

  it.each(deliverFaults)(
    'finds the planted fault: %s (%s)',
    async (fault, rule) => {
      for (let seed = 1; seed <= faultSeedsMax; seed++) {
        if ((await new DeliverWorld(seed, codec, { fault, rule }).play()).broken) return;
      }
      throw new Error(`not found in ${faultSeedsMax} seeds`);
    },
    60_000,
  );

  it('plays a seed the same way again', async () => {
    const scene = { fault: 'starts not counted', rule: 'resend' } as const;
    const [one, two] = [await new DeliverWorld(5, codec, scene).play(), await new DeliverWorld(5, codec, scene).play()];
    expect(one).toEqual(two);
  });
});
