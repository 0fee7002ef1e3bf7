import { decideAssignment } from './decide-assignment.js';
import { MemberAssignment, MemberMetadata, type JoinAnswer, type KafkaBroker } from './kafkajs-internals.kafka.js';
import { kafkaErrorType } from './kafkajs-errors.js';
import { endsWithin } from './retrying.js';
import { Wire, type WireContext } from './kafkajs-wire.js';

/** Told of every new generation, with the partitions that are mine in it. */
export type Assigned = (partitions: readonly number[]) => void;

const protocolName = 'holdfast-sticky';
const rejoinFirstMs = 100;
const rejoinMaxMs = 5_000;
/** Heartbeats without an answer after which nobody should say that we are in the group: a broker that hangs refuses nothing, for minutes. */
const unansweredMaxBeats = 5;

/**
 * One member of one group on one topic, by Kafka's own protocol (join, sync, heartbeat, leave) and nothing else: it fetches
 * nothing and commits nothing, so no offset can move behind our back (rule 4).
 *
 * | state       | entered by                                            | left by                                  |
 * | ----------- | ----------------------------------------------------- | ---------------------------------------- |
 * | outside     | start, an unknown member id, a lost coordinator       | joined and synced → member; stop → gone  |
 * | member      | an assignment                                         | a rebalance → rejoining; error → outside |
 * | rejoining   | a heartbeat's answer                                  | joined and synced → member               |
 * | gone        | stop                                                  |                                          |
 *
 * Only a member whose heartbeat was answered within a session timeout may start anything. What it had stays with it through a
 * rebalance until the new assignment says otherwise (rule 10).
 */
export class Membership {
  private readonly wire: Wire;
  private readonly stopping = new AbortController();
  private ended: Promise<void> = Promise.resolve();
  private memberId = '';
  private generation = -1;
  private has: readonly number[] = [];
  private member = false;
  private answeredMs = -Infinity;
  /** The wall clock's time of the last heartbeat that was answered. */
  lastHeartbeatMs: number | null = null;
  missingTopic = false;

  constructor(
    private readonly context: WireContext,
    private readonly name: Readonly<{ group: string; topic: string; beside?: string }>,
    private readonly assigned: Assigned,
  ) {
    this.wire = new Wire(context);
  }

  /** In the group, and its coordinator answers. */
  get joined(): boolean {
    const { clock, tuning } = this.context;
    return this.member && clock.monotonicMs() - this.answeredMs < tuning.heartbeatMs * unansweredMaxBeats;
  }

  /** By both clocks: the monotonic one may stand still while a machine is suspended, the other may be set back. */
  mayStart(): boolean {
    const { clock, tuning } = this.context;
    if (!this.member || this.lastHeartbeatMs === null) return false;
    return (
      clock.monotonicMs() - this.answeredMs < tuning.sessionTimeoutMs && clock.nowMs() - this.lastHeartbeatMs < tuning.sessionTimeoutMs
    );
  }

  start(): void {
    this.ended = this.run().catch((error: unknown) => this.context.logger.error({ ...this.name, err: error }, 'a membership ended'));
  }

  /** Leaves the group, so that others take over at once. The caller has ended the works before. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const { clock, tuning } = this.context;
    await endsWithin(clock, tuning.heartbeatMs * 2, this.ended);
    if (this.memberId) await endsWithin(clock, tuning.heartbeatMs * 2, this.leave());
    this.member = false;
    this.wire.close();
  }

  private async run(): Promise<void> {
    const { clock, logger } = this.context;
    for (let failures = 0; !this.stopping.signal.aborted;) {
      try {
        await this.join();
        failures = 0;
        await this.beat();
      } catch (error) {
        this.member = false;
        if (this.stopping.signal.aborted) return;
        const type = kafkaErrorType(error);
        if (type === 'UNKNOWN_MEMBER_ID' || type === 'FENCED_INSTANCE_ID') this.memberId = '';
        this.wire.forgetCoordinator('group', this.name.group);
        const quick = type === 'REBALANCE_IN_PROGRESS' || type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID';
        if (quick && failures < 3) continue; // Expected: join again at once.
        failures += 1;
        if (failures === 1) logger.warn({ ...this.name, err: error }, 'not in the group; joining is tried again until it passes');
        await clock.sleep(Math.min(rejoinMaxMs, rejoinFirstMs * 2 ** Math.min(failures, 10)), this.stopping.signal);
      }
    }
  }

  private async join(): Promise<void> {
    const { group, topic, beside } = this.name;
    const { tuning, clock, logger } = this.context;
    const count = await this.partitionCount();
    const coordinator = await this.wire.coordinator('group', group);
    // Kafka lets the offsets of a topic expire that nobody of the group subscribes to, even while its members live.
    const metadata = MemberMetadata.encode({
      version: 1,
      topics: beside === undefined ? [topic] : [topic, beside],
      userData: Buffer.from(JSON.stringify(this.has)),
    });
    const joined = await coordinator.joinGroup({
      groupId: group,
      sessionTimeout: tuning.sessionTimeoutMs,
      rebalanceTimeout: tuning.rebalanceTimeoutMs,
      memberId: this.memberId,
      protocolType: 'consumer',
      groupProtocols: [{ name: protocolName, metadata }],
    });
    this.memberId = joined.memberId;
    const groupAssignment = joined.leaderId === joined.memberId ? this.share(joined, count) : [];
    const askedMs = clock.monotonicMs();
    const { memberAssignment } = await coordinator.syncGroup({
      groupId: group,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupAssignment,
    });
    const mine = MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [];
    this.generation = joined.generationId;
    this.has = [...mine].sort((a, b) => a - b);
    this.answered(askedMs);
    this.member = true;
    logger.info({ group, topic, partitions: this.has, generation: this.generation, members: joined.members.length }, 'joined the group');
    if (!this.stopping.signal.aborted) this.assigned(this.has);
  }

  /** Until an error or a stop ends it. */
  private async beat(): Promise<void> {
    const { clock, tuning } = this.context;
    const { group, topic } = this.name;
    const count = await this.wire.partitionCount(topic);
    while (!this.stopping.signal.aborted) {
      await clock.sleep(tuning.heartbeatMs, this.stopping.signal);
      if (this.stopping.signal.aborted) return;
      await this.heartbeat(await this.wire.coordinator('group', group));
      const now = await this.wire.partitionCount(topic).catch(() => count);
      if (now !== null && now !== count) return; // A producer's topic has grown: join again, so that it is shared anew.
    }
  }

  private async heartbeat(coordinator: KafkaBroker): Promise<void> {
    const askedMs = this.context.clock.monotonicMs();
    try {
      await coordinator.heartbeat({ groupId: this.name.group, groupGenerationId: this.generation, memberId: this.memberId });
      this.answered(askedMs);
    } catch (error) {
      const type = kafkaErrorType(error);
      // A coordinator that moves or a lost connection is not yet a lost membership: the session runs on, and so do the works.
      const ended =
        type === 'REBALANCE_IN_PROGRESS' ||
        type === 'ILLEGAL_GENERATION' ||
        type === 'UNKNOWN_MEMBER_ID' ||
        type === 'FENCED_INSTANCE_ID' ||
        !this.mayStart();
      if (ended) throw error;
      this.wire.forgetCoordinator('group', this.name.group);
    }
  }

  private async partitionCount(): Promise<number> {
    const { clock, tuning, logger } = this.context;
    for (;;) {
      const count = await this.wire.partitionCount(this.name.topic, 0);
      if (count !== null) {
        this.missingTopic = false;
        return count;
      }
      if (!this.missingTopic)
        logger.warn(this.name, 'the topic does not exist; it is looked for again until it does (`holdfast topics apply` creates it)');
      this.missingTopic = true;
      await clock.sleep(tuning.heartbeatMs, this.stopping.signal);
      if (this.stopping.signal.aborted) throw new Error('stopped');
    }
  }

  private share({ members }: JoinAnswer, partitions: number): { memberId: string; memberAssignment: Buffer }[] {
    const claims = members.map(({ memberId, memberMetadata }) => ({ member: memberId, has: claimed(memberMetadata) }));
    return [...decideAssignment(claims, partitions)].map(([memberId, mine]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [this.name.topic]: mine } }),
    }));
  }

  /** Counted from when it was asked: the coordinator's own clock began no earlier. */
  private answered(askedMs: number): void {
    const { clock } = this.context;
    this.lastHeartbeatMs = clock.nowMs() - (clock.monotonicMs() - askedMs);
    this.answeredMs = askedMs;
  }

  private async leave(): Promise<void> {
    try {
      const coordinator = await this.wire.coordinator('group', this.name.group);
      await coordinator.leaveGroup({ groupId: this.name.group, memberId: this.memberId });
    } catch (error) {
      this.context.logger.debug({ ...this.name, err: error }, 'leaving the group was not answered; the session will end by itself');
    }
  }
}

function claimed(memberMetadata: Buffer): number[] {
  try {
    const { userData } = MemberMetadata.decode(memberMetadata);
    const has: unknown = JSON.parse(userData?.toString() || '[]');
    return Array.isArray(has) ? has.filter((one): one is number => Number.isInteger(one)) : [];
  } catch {
    return []; // A stranger's metadata: it simply has no claim.
  }
}
