import { settledWindowMax } from '#libs/kafka/src/index.js';

/** Bounds of the deliver app. Each is a maximum, and its unit stands last. */
export type DeliverBounds = Readonly<{
  /** Offsets between the committed one and the furthest looked after: what the commit metadata can carry. */
  windowMaxOffsets: number;
  /** Deliveries of one partition held in memory, and their bytes. */
  windowMaxRecords: number;
  windowMaxBytes: number;
  /** Deliveries of one partition that wait for a slot; with so many nothing more is read. */
  slotWaitersMax: number;
  /** The same, where a destination is shared fairly and fewer groups wait than that: so far is looked for somebody else's. */
  fairWaitersMax: number;
  readMaxRecords: number;
  readWaitMs: number;
  /** How long what has ended waits at most for more to be settled with it; with so many it waits no longer. */
  settleWaitMs: number;
  settleAtRecords: number;
  settleMaxRecords: number;
  settleMaxBytes: number;
  claimMaxRecords: number;
  /**
   * How long a revoked partition waits for what is in flight: longer than the usual `http.timeout`, so that a rebalance or a stop leaves
   * no doubt. Within the bounds of a source's and of a process's stop.
   */
  drainMaxMs: number;
  /** How long a source waits for its partitions to be drained and settled. */
  stopMaxMs: number;
  retryAfterMaxMs: number;
  retryAfterDefaultMs: number;
  backoffFirstMs: number;
  backoffMaxMs: number;
  /** How often a group's standing is asked for while it forbids starts. */
  standingPollMs: number;
  /** Latest-wins entities of one partition of which a delivery is on its way through a delay line; beyond that the log is asked. */
  awayMaxEntities: number;
  /** How long a latest-wins delivery waits at most for what stands behind it to be read. */
  lookAheadMaxMs: number;
  /**
   * Parked deliveries of one partition; with so many nothing more is read of its queue. A quarter of what a commit can carry: each
   * takes two offsets where it is written anew, and what is in flight when it is reached may be parked as well.
   */
  parkedMaxRecords: number;
  /** How often Redis is asked, while what an earlier owner started may still land, whether it has ended. */
  doneCheckMs: number;
  /** How long a delay line keeps what is for a destination that this process does not know: longer than a deployment takes. */
  strangeMaxMs: number;
  /** Records of one transaction of a delay line. */
  delayMaxRecords: number;
}>;

export const deliverBoundsDefault: DeliverBounds = {
  windowMaxOffsets: settledWindowMax(),
  windowMaxRecords: 2_000,
  windowMaxBytes: 16 * 1024 * 1024,
  slotWaitersMax: 16,
  fairWaitersMax: 1_000,
  readMaxRecords: 128,
  readWaitMs: 500,
  settleWaitMs: 250,
  settleAtRecords: 400,
  settleMaxRecords: 1_000,
  settleMaxBytes: 2 * 1024 * 1024,
  claimMaxRecords: 500,
  drainMaxMs: 15_000,
  stopMaxMs: 18_000,
  retryAfterMaxMs: 3_600_000,
  retryAfterDefaultMs: 1_000,
  backoffFirstMs: 50,
  backoffMaxMs: 2_000,
  standingPollMs: 50,
  awayMaxEntities: 50_000,
  lookAheadMaxMs: 2_000,
  parkedMaxRecords: Math.floor(settledWindowMax() / 4),
  doneCheckMs: 1_000,
  strangeMaxMs: 600_000,
  delayMaxRecords: 500,
};
