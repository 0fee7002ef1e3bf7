import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from './seeded-random.js';

/** Something that can be killed and started again. */
export type ChaosTarget = Readonly<{ name: string; weight: number; kill: () => Promise<unknown>; start: () => unknown }>;
export type Kill = Readonly<{ target: string; atMs: number; downMs: number }>;

export type ChaosOptions = Readonly<{
  random: SeededRandom;
  kills: number;
  targets: readonly ChaosTarget[];
  /** Between two kills: from the first one's restart. */
  pauseMs: readonly [min: number, max: number];
  /** How long the killed one stays down. */
  downMs: readonly [min: number, max: number];
  onKill?: (kill: Kill) => void;
  /** True ends it before all kills are done: the test has failed already. */
  shouldEnd?: () => boolean;
}>;

/** Kills `-9`, one after the other, at moments and in an order that the seed decides; everything runs again when it returns. */
export async function runChaos({ random, kills, targets, pauseMs, downMs, onKill, shouldEnd }: ChaosOptions): Promise<Kill[]> {
  const drawn = targets.flatMap((target) => Array<ChaosTarget>(target.weight).fill(target));
  const done: Kill[] = [];
  const startedMs = performance.now();
  while (done.length < kills && !shouldEnd?.()) {
    await sleep(random.between(...pauseMs));
    const target = random.pick(drawn);
    const kill = { target: target.name, atMs: Math.round(performance.now() - startedMs), downMs: random.between(...downMs) };
    await target.kill();
    onKill?.(kill);
    done.push(kill);
    await sleep(kill.downMs);
    await target.start();
  }
  return done;
}
