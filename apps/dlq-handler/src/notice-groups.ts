import type { Clock } from '#libs/kafka/src/index.js';
import type { Notices } from '#libs/notices/src/index.js';
import { decideGroupText, type OpenGroup } from './decide-group-text.js';
import type { GroupStore } from './dlq-handler.ports.js';
import { foldGroups, type GroupTelling, type KnownGroups } from './notice-groups.fold.js';

export type NoticeGroupsParts = Readonly<{
  store: GroupStore;
  notices: Notices;
  clock: Clock;
  /** The destination's own, if it names one. */
  runbookOf(destination: string): string | null;
}>;

const everyMs = 5_000;
const soonestMs = 500;
/** What ended while no replica ran is resolved when it is not older. */
const endedMaxMs = 7 * 86_400_000;

/** Tells of groups of dead letters and invalid events, beside the partitions: whatever fails here, they go on. */
export class NoticeGroups {
  private readonly stopped = new AbortController();
  private wake: () => void = () => {};
  private known: KnownGroups<OpenGroup> | null = null;

  constructor(private readonly parts: NoticeGroupsParts) {}

  /** Something was stored: look soon. */
  changed(): void {
    this.wake();
  }

  async run(onError: (error: unknown) => void): Promise<void> {
    const { signal } = this.stopped;
    const { clock } = this.parts;
    while (!signal.aborted) {
      const woken = new AbortController();
      this.wake = () => woken.abort();
      await this.look().catch(onError);
      await clock.sleep(everyMs, AbortSignal.any([signal, woken.signal]));
      await clock.sleep(soonestMs, signal);
    }
  }

  stop(): void {
    this.stopped.abort();
  }

  async look(): Promise<void> {
    const { store, clock } = this.parts;
    const groups = await store.groups(this.known === null ? clock.nowMs() - endedMaxMs : undefined);
    const { known, tellings } = foldGroups<OpenGroup>(this.known ?? new Map(), groups, clock.nowMs());
    this.known = known;
    for (const telling of tellings) this.tell(telling);
  }

  private tell(telling: GroupTelling<OpenGroup>): void {
    const { notices, runbookOf } = this.parts;
    const { group } = telling;
    const { kind, signature, destination, type } = group;
    const about = { alert: kind, group: signature, ...(destination !== null && { destination }), ...(type !== null && { type }) };
    const runbook = (destination !== null && runbookOf(destination)) || `docs/runbooks/${kind}.md`;
    if (telling.state === 'raised') {
      const { open: count, correlationIds } = group;
      notices.raise({ ...about, step: telling.step }, async () => ({ text: decideGroupText(group), count, correlationIds, runbook }));
    } else {
      const text = `nothing of this kind is open any more at ${destination ?? group.source}: requeued, discarded or resolved`;
      notices.resolve(about, async () => ({ text, count: 0, correlationIds: [], runbook }));
    }
  }
}
