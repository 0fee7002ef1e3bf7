import type { Outcome } from '#libs/delivery/src/index.js';
import type { Delivery } from '#libs/domain/src/index.js';
import type { LookupAnswer, OutboundRequest, Resolver, Sender } from '../../apps/deliver/src/deliver.ports.js';
import type { Scheduler, SimProcess } from './scheduler.js';

/** How often the partner and the way to it misbehave, each a share in [0, 1]. */
export type PartnerMood = Readonly<{
  requestLost: number;
  answerLost: number;
  refuses: number;
  /** A 500 without, and one behind, the effect. */
  fails: number;
  failsAfter: number;
  rejects: number;
  throttles: number;
  lookupFails: number;
  /** Of the requests that take long on the way: up to what the assumptions allow. */
  slow: number;
}>;

export type PartnerOptions = Readonly<{
  mood: PartnerMood;
  timeoutMs: number;
  settleMs: number;
  /** The partner remembers idempotency keys. */
  dedupes: boolean;
  /** Planted: the sender does not look at the deadline. */
  ignoresDeadline: boolean;
}>;

/**
 * The partner and the network before it. A request that was handed over is the network's: it lands when the scheduler says so,
 * whatever became of its sender. ASSUMPTIONS WAIT and QUIET of the model: behind deadline + settle it does not land any more.
 */
export class SimPartner {
  readonly effects = new Map<string, number>();
  /** Ids, one for each effect, in the order in which they took effect. */
  readonly inOrder: string[] = [];
  private readonly network: SimProcess;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly options: PartnerOptions,
  ) {
    this.network = scheduler.process('network');
  }

  sender(sim: SimProcess): Sender {
    return {
      send: async (request, deadline) => {
        const id = idOf(request);
        await sim.interleave.before(`partner.send ${id}`);
        if (!this.options.ignoresDeadline && sim.clock.nowMs() >= deadline.wallMs) return { kind: 'not-sent' };
        const flight = this.land(id, Math.max(deadline.wallMs, sim.clock.nowMs()));
        const late: Outcome = { kind: 'unreachable', when: 'after', code: 'HF_DEADLINE', error: 'no answer before the deadline' };
        const answered = new AbortController();
        const waitMs = Math.max(0, deadline.wallMs - sim.clock.nowMs());
        const outcome = await Promise.race([flight, sim.clock.sleep(waitMs, answered.signal).then(() => late)]);
        answered.abort();
        await sim.interleave.after(`partner.send ${id}`);
        return outcome;
      },
    };
  }

  resolver(sim: SimProcess): Resolver {
    return {
      ask: async (delivery: Delivery): Promise<LookupAnswer> => {
        await sim.interleave.before(`partner.ask ${delivery.id}`);
        const found = (this.effects.get(delivery.id) ?? 0) > 0;
        const fails = this.scheduler.chance(this.options.mood.lookupFails);
        await sim.interleave.after(`partner.ask ${delivery.id}`);
        if (fails) return { kind: 'no-answer', outcome: { kind: 'responded', status: 503, retryAfterMs: null, body: null } };
        return { kind: found ? 'found' : 'not-found' };
      },
    };
  }

  private async land(id: string, deadlineMs: number): Promise<Outcome> {
    const { scheduler, options } = this;
    const { mood, timeoutMs, settleMs } = options;
    if (scheduler.chance(mood.slow)) await this.network.clock.sleep(Math.floor(scheduler.random() * (timeoutMs + settleMs)));
    await this.network.interleave.before(`request ${id}`);
    if (scheduler.now() >= deadlineMs + settleMs || scheduler.chance(mood.requestLost)) {
      scheduler.note(`request ${id} is lost on the way`);
      return new Promise(() => {});
    }
    const outcome = this.answer(id);
    scheduler.note(`request ${id} reaches the partner: ${outcome.kind === 'responded' ? outcome.status : outcome.kind}`);
    await this.network.interleave.after(`request ${id}`);
    return scheduler.chance(mood.answerLost) ? new Promise(() => {}) : outcome;
  }

  private answer(id: string): Outcome {
    const { scheduler } = this;
    const { mood, dedupes } = this.options;
    const responded = (status: number, retryAfterMs: number | null = null): Outcome => ({
      kind: 'responded',
      status,
      retryAfterMs,
      body: null,
    });
    if (scheduler.chance(mood.refuses)) return responded(503);
    if (scheduler.chance(mood.throttles)) return responded(429, scheduler.chance(0.5) ? 20 : 70);
    if (scheduler.chance(mood.rejects)) return responded(400);
    if (scheduler.chance(mood.fails)) return responded(500);
    const before = this.effects.get(id) ?? 0;
    if (before === 0 || !dedupes) this.inOrder.push(id);
    this.effects.set(id, dedupes ? 1 : before + 1);
    return responded(scheduler.chance(mood.failsAfter) ? 500 : 200);
  }
}

const idOf = ({ path }: OutboundRequest): string => path;
