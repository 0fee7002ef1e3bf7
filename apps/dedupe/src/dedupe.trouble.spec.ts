// Goal: one verdict a position, the offset with it, and nothing lost by any broken part.
import { afterEach, describe, expect, it } from '@jest/globals';
import { RegistryError } from '#libs/contracts/src/index.js';
import { MemorySeenStore, StoreUnavailableError } from '#libs/identity/src/index.js';
import { LogError } from '#libs/kafka/src/index.js';
import { memoryRun, type RunOptions } from './testing/dedupe.run.js';
import { memoryCodec } from './testing/dedupe.world.js';

const codec = await memoryCodec();
const runs: ReturnType<typeof memoryRun>[] = [];
const world = (options?: RunOptions) => {
  const run = memoryRun(codec, options);
  runs.push(run);
  return run;
};
afterEach(() => Promise.all(runs.splice(0).map((run) => run.stopAll())));

describe('dedupe pipeline, in trouble', () => {
  it('waits while Redis is away, says so, and loses nothing', async () => {
    let away = 5;
    const w = world({
      seen: (state) => {
        const store = new MemorySeenStore(state);
        return {
          claim: async (batch) =>
            away-- > 0 ? Promise.reject(new StoreUnavailableError('not-connected', 'redis: not connected')) : store.claim(batch),
        };
      },
    });
    w.send({ id: 'a' }, { id: 'b', key: 'a' });
    const { dedupe } = w.start();
    await w.settledTo(2);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal', '1 duplicate of 0']);
    const waits = w.news.flatMap((one) => (one.kind === 'waiting' ? [one.afterMs] : []));
    expect(waits).toEqual([50, 100, 200, 400, 800]);
    expect(w.news.some((one) => one.kind === 'going-on')).toBe(true);
  });

  it('waits for the registry rather than to call a record unreadable', async () => {
    const w = world();
    let away = 3;
    const fresh = await memoryCodec();
    const waiting = {
      ...codec,
      encode: codec.encode.bind(codec),
      decodeSync: (kind, bytes) => (away > 0 ? { ok: false, code: 'need-schema', schemaId: 1 } : fresh.decodeSync(kind, bytes)),
      learn: async () => (away-- > 1 ? Promise.reject(new RegistryError('unreachable', 'registry: connection refused')) : true),
    } as typeof codec;
    w.send({ id: 'a' });
    const { dedupe } = w.start('a', { codec: waiting });
    await w.settledTo(1);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(['0 accepted → portal']);
  });

  it('finds that Redis forgot in mid-load, judges the missing range again, and lets no duplicate pass', async () => {
    const w = world({ config: { batchMaxRecords: 7 } });
    const sendMany = (from: number, count: number) =>
      w.send(...Array.from({ length: count }, (_, n) => ({ id: `e${from + n}`, key: `k${(from + n) % 40}` })));
    sendMany(0, 60);
    const { dedupe } = w.start();
    await w.settledTo(60);
    w.state.wipe();
    sendMany(60, 60);
    await w.settledTo(120);
    await dedupe.stop();
    const verdicts = w.verdicts();
    expect(verdicts.filter((one) => one.includes('accepted'))).toHaveLength(40);
    expect(verdicts[119]).toBe('119 duplicate of 39');
    expect(w.news.filter((one) => one.kind === 'rebuilt')).toMatchObject([{ from: 0, upTo: 60 }]);
  });

  it('rebuilds from a snapshot only what is missing', async () => {
    const w = world({ config: { batchMaxRecords: 5 } });
    w.send(...Array.from({ length: 10 }, (_, n) => ({ id: `e${n}` })));
    const { dedupe } = w.start();
    await w.settledTo(10);
    const snapshot = w.state.snapshot();
    w.send(...Array.from({ length: 10 }, (_, n) => ({ id: `f${n}` })));
    await w.settledTo(20);
    w.state.fallBack(snapshot);
    w.send({ id: 'again', key: 'f9' });
    await w.settledTo(21);
    await dedupe.stop();
    expect(w.news.filter((one) => one.kind === 'rebuilt')).toMatchObject([{ from: 10, upTo: 20 }]);
    expect(w.verdicts().at(-1)).toBe('20 duplicate of 19');
  });

  it('begins a rebuild where a key can still matter: at the window, and behind what retention took', async () => {
    const w = world({ config: { windowMs: () => 600_000, windowMaxMs: 600_000, slackMs: 1_000 } });
    w.send({ id: 'old' });
    w.clock.elapse(10_000_000);
    w.send({ id: 'a' }, { id: 'b' });
    w.clock.elapse(100_000);
    const { dedupe } = w.start();
    await w.settledTo(3);
    w.state.wipe();
    w.send({ id: 'c', key: 'b' }, { id: 'd', key: 'old' });
    await w.settledTo(5);
    w.state.wipe();
    w.log.trim(w.topics.events, 0, 3);
    w.send({ id: 'e', key: 'old' }, { id: 'f', key: 'b' });
    await w.settledTo(7);
    await dedupe.stop();
    expect(w.news.filter((one) => one.kind === 'rebuilt')).toMatchObject([
      { from: 1, upTo: 3 },
      { from: 3, upTo: 5 },
    ]);
    // The first `b` is gone from log and Redis alike: retention must be longer than the window.
    expect(w.verdicts().slice(3)).toEqual(['3 duplicate of 2', '4 accepted → portal', '5 duplicate of 4', '6 duplicate of 3']);
  });

  it('takes the rest of the log of a group that begins behind a trimmed start', async () => {
    const w = world();
    w.send({ id: 'a' }, { id: 'b' }, { id: 'c' });
    const first = w.start();
    await w.settledTo(3);
    await first.dedupe.stop();
    w.state.wipe();
    w.log.trim(w.topics.events, 0, 3);
    w.send({ id: 'd' });
    const second = w.start('b');
    await w.settledTo(4);
    await second.dedupe.stop();
    expect(w.verdicts()).toHaveLength(4);
  });

  it('reads what stands when the answer to a commit is lost: one verdict a position', async () => {
    const w = world({ config: { batchMaxRecords: 3 } });
    w.send(...Array.from({ length: 12 }, (_, n) => ({ id: `e${n}` })));
    let commits = 0;
    const lossy = {
      before: async () => {},
      after: async (call: string) => {
        if (call.startsWith('log.commit.end') && ++commits % 2 === 0) throw new LogError('unknown-end', 'the answer to the commit is lost');
      },
    };
    const { dedupe } = w.start('a', { interleave: lossy });
    await w.settledTo(12);
    await dedupe.stop();
    expect(w.verdicts()).toEqual(Array.from({ length: 12 }, (_, n) => `${n} accepted → portal`));
  });

  it('gives a partition up to its new owner: what the old one had under way is refused', async () => {
    const w = world({ config: { batchMaxRecords: 2 } });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let commits = 0;
    const slow = {
      before: async (call: string) => (call.startsWith('log.commit.write') && ++commits === 2 ? held : undefined),
      after: async () => {},
    };
    w.send({ id: 'a' }, { id: 'b', key: 'a' }, { id: 'c' }, { id: 'd', key: 'a' });
    const { dedupe: old } = w.start('old', { interleave: slow });
    await w.until(() => commits === 2);
    const { dedupe } = w.start('new');
    await new Promise((resolve) => setTimeout(resolve, 5));
    w.log.group('t.dedupe', w.topics.events).moveTo(0, 'new', { told: false });
    await w.settledTo(4);
    release();
    await w.until(() => w.news.some((one) => one.kind === 'left'));
    await Promise.all([old.stop(), dedupe.stop()]);
    expect(w.verdicts()).toEqual(['0 accepted → portal', '1 duplicate of 0', '2 accepted → portal', '3 duplicate of 0']);
  });
});
