import { afterEach, describe, expect, it } from '@jest/globals';
import type { Interleave } from '#libs/kafka/src/index.js';
import { memoryRun } from './testing/dedupe.run.js';
import { memoryCodec } from './testing/dedupe.world.js';

// Goal: no crash point loses an event, judges one twice, or makes a duplicate of itself.
// Method: die at the k-th port call, before its effect and behind it, for every k of a clean run; then another process takes over.
const codec = await memoryCodec();
let run: ReturnType<typeof memoryRun>;
afterEach(() => run.stopAll());

const expected = ['0 accepted → portal', '1 accepted → portal', '2 duplicate of 0', '3 accepted → portal', '4 duplicate of 1'];

/** Stops answering at the k-th call: nothing of the process goes on. */
function dieAt(k: number, behind: boolean): { interleave: Interleave; calls(): number; died(): boolean } {
  let calls = 0;
  let died = false;
  const die = (): Promise<void> => {
    died = true;
    return new Promise(() => {});
  };
  return {
    interleave: {
      before: async () => {
        if (died || (++calls === k && !behind)) return die();
      },
      after: async () => {
        if (died || (calls === k && behind)) return die();
      },
    },
    calls: () => calls,
    died: () => died,
  };
}

async function play(k: number, behind: boolean): Promise<number> {
  run = memoryRun(codec, { config: { batchMaxRecords: 2 }, log: { assignment: 'by-hand' } });
  run.send({ id: 'a' }, { id: 'b' }, { id: 'c', key: 'a' }, { id: 'd' }, { id: 'e', key: 'b' });
  const group = run.log.group('t.dedupe', run.topics.events);
  const { interleave, calls, died } = dieAt(k, behind);
  const first = run.start('first', { interleave });
  await run.until(() => died() || first.joined());
  if (first.joined()) group.moveTo(0, 'first');
  await run.until(() => died() || run.committed() === 5);
  const clean = calls();
  if (died()) {
    first.cluster.crash();
    const second = run.start('second');
    await second.started;
    group.moveTo(0, 'second');
    await run.settledTo(5);
  }
  expect(run.verdicts()).toEqual(expected);
  expect(run.log.records(run.topics.deliveries('portal'))).toHaveLength(3);
  return clean;
}

describe('dedupe, killed at every port call', () => {
  it('makes a known number of calls in a clean run', async () => {
    expect(await play(Infinity, false)).toBeGreaterThan(15);
  });

  const ks = Array.from({ length: 24 }, (_, n) => n + 1);
  it.each(ks)('survives call %i, before its effect and behind it', async (k) => {
    await play(k, false);
    await run.stopAll();
    await play(k, true);
  });
});
