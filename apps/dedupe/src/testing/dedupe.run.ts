import type { Codec } from '#libs/contracts/src/index.js';
import type { HoldfastEvent } from '#libs/domain/src/index.js';
import { MemorySeenState, MemorySeenStore, type SeenStore } from '#libs/identity/src/index.js';
import { MemoryLog, type Clock, type Interleave, type OutRecord } from '#libs/kafka/src/index.js';
import { createDedupeProcess, type DedupeProcess } from '../dedupe.process.js';
import type { DedupeConfig, DedupeNews } from '../dedupe.ports.js';
import { eventRecord, factWords, readFact, testConfig, testEvent } from './dedupe.world.js';

/** Sleeps end at once in real time and move the clock. */
export function quickClock(): Clock & { nowMs(): number; elapse(ms: number): void } {
  let now = 1_700_000_000_000;
  return {
    nowMs: () => now,
    monotonicMs: () => now,
    elapse: (ms) => void (now += ms),
    sleep: async (ms, signal) => {
      if (signal?.aborted) return;
      now += ms;
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  };
}

export type RunOptions = {
  config?: Partial<DedupeConfig>;
  seen?: (state: MemorySeenState) => SeenStore;
  log?: ConstructorParameters<typeof MemoryLog>[0];
};

/** Dedupe over the memory log, in as many processes as a test starts; `stopAll` ends them. */
export function memoryRun(codec: Codec, options: RunOptions = {}) {
  const clock = quickClock();
  const log = new MemoryLog({ clock, ...options.log });
  const config = testConfig('t.', options.config);
  const { topics } = config;
  for (const topic of [topics.events, topics.ledger, topics.invalid, topics.deliveries('portal'), topics.deliveries('crm')])
    log.createTopic(topic);
  // As `topics apply` does it.
  log.broker.setCommitted({ group: 't.dedupe', topic: topics.events, partition: 0, offset: 0, metadata: '' });
  const state = new MemorySeenState(() => clock.nowMs());
  const news: DedupeNews[] = [];
  const running: DedupeProcess[] = [];
  const start = (name = 'a', over: { codec?: Codec; seen?: SeenStore; interleave?: Interleave } = {}) => {
    const cluster = log.process(over.interleave, name);
    const seen = over.seen ?? options.seen?.(state) ?? new MemorySeenStore(state);
    const dedupe = createDedupeProcess({
      cluster,
      seen,
      codec: over.codec ?? codec,
      clock,
      config,
      prefix: 't.',
      tell: (one) => void news.push(one),
    });
    running.push(dedupe);
    let joined = false;
    const started = dedupe.start().then(() => void (joined = true));
    return { cluster, dedupe, started, joined: () => joined };
  };
  const append = (records: OutRecord[]) => log.broker.write(records, null);
  const send = (...events: Partial<HoldfastEvent & { key: string }>[]) =>
    append(events.map((one) => eventRecord(codec, topics.events, testEvent(one))));
  const facts = () => log.records(topics.ledger).map((record) => readFact(codec, record));
  const verdicts = () => facts().map(factWords);
  const committed = () => log.broker.committed('t.dedupe', topics.events, 0)?.offset ?? 0;
  const until = async (what: () => boolean) => {
    for (let n = 0; !what(); n++) {
      if (n > 2_000) throw new Error(`never came: ${String(what)}; ${JSON.stringify(verdicts())}; ${JSON.stringify(news.slice(-5))}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const settledTo = (offset: number) => until(() => committed() >= offset);
  return {
    log,
    clock,
    config,
    topics,
    state,
    news,
    start,
    append,
    send,
    facts,
    verdicts,
    committed,
    until,
    settledTo,
    stopAll: () => Promise.all(running.splice(0).map((one) => one.stop())),
  };
}
