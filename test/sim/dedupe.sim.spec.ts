import { describe, expect, it } from '@jest/globals';
import { memoryCodec } from '../../apps/dedupe/src/testing/dedupe.world.js';
import { dedupeFaults } from './dedupe.faults.js';
import { DedupeWorld, type SimResult } from './dedupe.sim.js';

// Goal: the real pipeline keeps the model's invariants whatever happens at any step, and the simulator would notice if it did not.
// Method: many seeds; every fault of the model, planted, must be found. Replay one: HOLDFAST_SEED=17 node tools/jest.mjs unit dedupe.sim
const codec = await memoryCodec();
const seeds = Number(process.env['HOLDFAST_SEEDS'] ?? 800);
const replay = process.env['HOLDFAST_SEED'];
const first = replay ? Number(replay) : 1;
const faultSeedsMax = 300;

const tell = ({ seed, broken, history }: SimResult): string => `seed ${seed}: ${broken}\n${history.join('\n')}`;

describe('dedupe, simulated', () => {
  it(`holds for seeds ${first} to ${replay ? first : first + seeds - 1}, and every misfortune happens in them`, async () => {
    const met = new Map<string, number>();
    const count = (name: string, line: RegExp, result: SimResult) =>
      line.test(result.history.join('\n')) && met.set(name, (met.get(name) ?? 0) + 1);
    for (let seed = first; seed < first + (replay ? 1 : seeds); seed++) {
      const result = await new DedupeWorld(seed, codec).play();
      if (result.broken) throw new Error(tell(result));
      count('crash', /CRASHES/, result);
      count('zombie', /who is not told/, result);
      count('loss', /REDIS LOSS/, result);
      count('rebuild', /rebuilt/, result);
      count('lost answer', /ANSWER IS LOST/, result);
      count('fenced', /left/, result);
      count('freeze', /freezes/, result);
    }
    if (replay) return;
    for (const name of ['crash', 'zombie', 'loss', 'rebuild', 'lost answer', 'fenced', 'freeze']) {
      expect({ name, share: (met.get(name) ?? 0) / seeds > 0.05 }).toEqual({ name, share: true });
    }
  }, 120_000);

  it.each(dedupeFaults)('finds the planted fault: %s', async (fault) => {
    for (let seed = 1; seed <= faultSeedsMax; seed++) {
      if ((await new DedupeWorld(seed, codec, fault).play()).broken) return;
    }
    throw new Error(`not found in ${faultSeedsMax} seeds`);
  });

  it('plays a seed the same way again', async () => {
    const [one, two] = [await new DedupeWorld(5, codec, 'no fence').play(), await new DedupeWorld(5, codec, 'no fence').play()];
    expect(one).toEqual(two);
  });
});
