import { describe, expect, it } from '@jest/globals';
import type { Interleave } from '#libs/kafka/src/index.js';
import { repairWorld } from './testing/repair.world.js';

// Goal: wherever the owner of the commands dies, each dead letter leaves exactly once, by one operation, with one fact, and Postgres
// hears of the end.
// Method: a requeue of nine and a discard of three, one of them in both; the first process dies at its k-th port call, before and
// behind the effect, for every k; a second one goes on. The queue and the facts are counted.

class Point {
  calls = 0;
  isDead = false;
  onDeath: () => void = () => {};

  constructor(private readonly dieAt: { call: number; behind: boolean } | null) {}

  readonly interleave: Interleave = { before: () => this.pass(false), after: () => this.pass(true) };

  private async pass(behind: boolean): Promise<void> {
    if (this.isDead) return new Promise(() => {});
    if (!behind) this.calls++;
    if (this.dieAt && this.calls === this.dieAt.call && behind === this.dieAt.behind) {
      this.isDead = true;
      this.onDeath();
      return new Promise(() => {});
    }
  }
}

async function run(dieAt: { call: number; behind: boolean } | null) {
  const w = repairWorld();
  const ids = w.dead(11);
  w.command({ id: 'again', ids: ids.slice(0, 9) });
  w.command({ id: 'away', kind: 'discard', reason: 'tests', ids: ids.slice(8) });
  const first = new Point(dieAt);
  const isOver = () =>
    ['again', 'away'].every((id) => w.store.rows.get(id)?.phase === 'done') &&
    (w.committed() ?? 0) > w.log.records(w.topics.commands).at(-1)!.offset;
  const start = async (point: Point) => {
    void w.start(point.interleave, {}, (view) => (point.onDeath = () => view.crash()));
    await w.clock.advance(1);
  };
  await start(first);
  if (dieAt) await w.until(() => first.isDead, 50, 100);
  else await w.until(isOver);
  const calls = first.calls;
  if (dieAt) {
    first.onDeath();
    await start(new Point(null));
    await w.until(isOver);
  }
  const left = w.facts().filter(({ fact }) => fact === 'requeued' || fact === 'discarded');
  return {
    calls,
    isOver: isOver(),
    left: left.map(({ position, fact }) => `${position} ${fact}`).sort(),
    queued: w
      .queue()
      .map(({ id }) => id)
      .sort(),
    states: [...w.store.states].map((one) => one.join(' ')).sort(),
    rows: [...w.store.rows.values()].map(({ id, sent, delivered, failed }) => ({ id, sent, delivered, failed })),
  };
}

describe('a crash of the owner of commands at any port call', () => {
  it('leaves each dead letter gone once', async () => {
    const clean = await run(null);
    expect(clean.isOver).toBe(true);
    // The discard came to the one in both first: the requeue still waited for its canary.
    expect(clean.left).toHaveLength(11);
    expect(clean.queued).toHaveLength(8);
    expect(clean.calls).toBeGreaterThan(60);
    for (let call = 1; call <= clean.calls; call++) {
      for (const behind of [false, true]) {
        const at = `${behind ? 'behind' : 'before'} call ${call}`;
        const { isOver, left, queued, states } = await run({ call, behind });
        expect({ at, isOver, left: left.length, positions: new Set(left.map((one) => one.split(' ')[0])).size }).toEqual({
          at,
          isOver: true,
          left: 11,
          positions: 11,
        });
        const requeued = left.filter((one) => one.endsWith('requeued')).length;
        expect({ at, queued: queued.length, twice: queued.length - new Set(queued).size }).toEqual({ at, queued: requeued, twice: 0 });
        expect({ at, states: states.length }).toEqual({ at, states: 11 });
      }
    }
  }, 120_000);
});
