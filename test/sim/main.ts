import { parseArgs } from 'node:util';
import { memoryCodec } from '../../apps/deliver/src/testing/deliver.world.js';
import { DedupeWorld } from './dedupe.sim.js';
import { DeliverWorld } from './deliver.sim.js';

/** The simulator for long runs: many seeds, one JSON line a minute and one at the end; the first broken seed is told whole and ends it. */
const usage = `usage: npm run simulate -- dedupe|deliver|latest-wins|strict [--first 1] [--count 10000]

Plays the real pipeline over in-memory ports, one seeded run after the other. Exit code 0: every invariant held;
1: a seed broke one, printed with what happened last and the command that replays it; 2: wrong use.`;
const reportEveryMs = 60_000;

const orderedWorld = async (ordering: 'latest-wins' | 'strict') => {
  const codec = await memoryCodec();
  return (seed: number) => new DeliverWorld(seed, codec, { ordering }).play();
};

const worlds = {
  dedupe: async () => {
    const codec = await memoryCodec();
    return (seed: number) => new DedupeWorld(seed, codec).play();
  },
  deliver: async () => {
    const codec = await memoryCodec();
    return (seed: number) => new DeliverWorld(seed, codec).play();
  },
  'latest-wins': () => orderedWorld('latest-wins'),
  strict: () => orderedWorld('strict'),
};

function wrongUse(why: string): never {
  console.error(`${why}\n\n${usage}`);
  process.exit(2);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    first: { type: 'string', default: '1' },
    count: { type: 'string', default: '10000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
const world = positionals[0] as keyof typeof worlds;
if (!Object.hasOwn(worlds, world ?? '')) wrongUse(`say which pipeline: ${Object.keys(worlds).join(' or ')}`);
const [first, count] = [Number(values.first), Number(values.count)];
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) wrongUse('--first and --count are whole numbers');

const play = await worlds[world]();
const startedAt = performance.now();
let told = startedAt;
let steps = 0;
const report = (seeds: number): void => {
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(JSON.stringify({ world, first, seeds, steps, seconds: Math.round(seconds), seedsPerSecond: Math.round(seeds / seconds) }));
};
for (let seed = first; seed < first + count; seed++) {
  const result = await play(seed);
  steps += result.steps;
  if (result.broken) {
    console.log(`seed ${seed}: ${result.broken}\n${result.history.join('\n')}`);
    console.log(`replay: HOLDFAST_SEED=${seed} node tools/jest.mjs unit ${world === 'dedupe' ? 'dedupe' : 'deliver'}.sim`);
    process.exit(1);
  }
  if (performance.now() - told > reportEveryMs) {
    told = performance.now();
    report(seed - first + 1);
  }
}
report(count);
