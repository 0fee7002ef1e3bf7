import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryNoticeBook, NoticeBoard, type AlertBody, type NoticeBook } from '#libs/notices/src/index.js';
import type { OpenGroup } from './decide-group-text.js';
import { NoticeGroups } from './notice-groups.js';

// Goal: a group is one ticket over all replicas, told by growth and closed with it, and nothing here stands in the way of storing.
// Method: two replicas with real boards over one book, on a clock by hand; the store is scripted.
const group = (over: Partial<OpenGroup> = {}): OpenGroup => ({
  ...{ kind: 'dead-letter', signature: 'a', open: 1, sinceMs: new ManualClock().nowMs(), destination: 'portal', source: 'erp' },
  ...{ type: 'order.updated', class: 'business', status: 422, sample: 'no', correlationIds: ['c-1'] },
  ...over,
});

function world(book?: NoticeBook) {
  const clock = new ManualClock();
  const state: { groups: readonly OpenGroup[] } = { groups: [] };
  const sent: AlertBody[] = [];
  const shared = book ?? new MemoryNoticeBook(clock);
  const replica = () => {
    const notices = new NoticeBoard({
      ...{ book: shared, clock, logger: { warn: () => {} } },
      alerts: [{ name: 'ops', webhook: { url: 'https://ops.example' }, on: ['dead-letter', 'invalid'] }],
      post: async (_url, body) => void sent.push(JSON.parse(body) as AlertBody),
    });
    const runbookOf = (destination: string) => (destination === 'portal' ? 'https://runbooks.example/portal' : null);
    return new NoticeGroups({ store: { groups: async () => state.groups }, notices, clock, runbookOf });
  };
  const replicas = [replica(), replica()];
  const look = async (...groups: OpenGroup[]) => {
    state.groups = groups;
    for (const each of replicas) await each.look();
    await clock.advance(5_000);
  };
  return { look, sent, clock, replica };
}

describe('notices of groups', () => {
  it('are one for a group at first, in the words of the interface', async () => {
    const { look, sent } = world();
    for (let round = 0; round < 3; round++) await look(group());
    expect(sent).toEqual([
      {
        alert: 'dead-letter',
        state: 'raised',
        destination: 'portal',
        type: 'order.updated',
        count: 1,
        text: expect.stringContaining('1 dead letter of portal (order.updated)'),
        correlationIds: ['c-1'],
        runbook: 'https://runbooks.example/portal',
      },
    ]);
  });

  it('do not follow a flood: once a minute at the most, and only past a power of two', async () => {
    const { look, sent } = world();
    for (let open = 1; open <= 360; open++) await look(group({ open }));
    expect(sent.map(({ count }) => count)).toEqual([1, 13, 25, 37, 64, 128, 256]);
  });

  it('keep groups apart, and resolve each once when none of it is open', async () => {
    const { look, sent } = world();
    await look(group(), group({ kind: 'invalid', signature: 'b', destination: null }));
    for (let round = 0; round < 3; round++) await look(group());
    expect(sent.map(({ alert, state, destination }) => [alert, state, destination])).toEqual([
      ['dead-letter', 'raised', 'portal'],
      ['invalid', 'raised', undefined],
      ['invalid', 'resolved', undefined],
    ]);
    expect(sent[2]).toMatchObject({ count: 0, runbook: 'docs/runbooks/invalid.md' });
  });

  it('are resolved by a process that began after the group had ended', async () => {
    const { look, sent, replica, clock } = world();
    await look(group());
    await look(group({ open: 0 }));
    await replica().look();
    await clock.advance(5_000);
    expect(sent.map(({ state }) => state)).toEqual(['raised', 'resolved']);
  });

  it('that cannot be claimed or looked up harm nobody', async () => {
    const away = () => Promise.reject(new Error('away'));
    const { look, sent, clock } = world({ claim: away, sent: away });
    await look(group());
    expect(sent).toEqual([]);
    const errors: unknown[] = [];
    const notices = { raise: () => {}, resolve: () => {} };
    const groups = new NoticeGroups({ store: { groups: away }, notices, clock, runbookOf: () => null });
    const running = groups.run((error) => errors.push(error));
    await clock.advance(20_000);
    groups.stop();
    await clock.advance(20_000);
    await running;
    expect(errors.length).toBeGreaterThan(1);
  });
});
