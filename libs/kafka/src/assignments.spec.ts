import { describe, expect, it } from '@jest/globals';
import { Assignments } from './assignments.js';
import type { PartitionLog } from './log.port.js';
import { silentLogger } from './logger.port.js';
import { systemClock } from './system-clock.js';

describe('Assignments', () => {
  it('begins nothing once it stops: a rebalance meanwhile assigns to a member that is still in its group', async () => {
    const begun: number[] = [];
    const assignments = new Assignments({
      work: async (log, lease) => {
        begun.push(log.partition);
        await new Promise((resolve) => lease.revoked.addEventListener('abort', resolve, { once: true }));
        await systemClock.sleep(20);
      },
      open: (partition) => ({ log: { partition } as PartitionLog, close: () => {} }),
      mayStart: () => true,
      clock: systemClock,
      logger: silentLogger,
      name: { group: 'g', topic: 't' },
    });
    assignments.set([0]);
    await systemClock.sleep(5);
    const stopping = assignments.stop(1_000);
    assignments.set([0, 1]);
    expect(await stopping).toBe(true);
    await systemClock.sleep(30);
    expect({ begun, partitions: assignments.partitions() }).toEqual({ begun: [0], partitions: [] });
  });
});
