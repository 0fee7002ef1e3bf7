import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { outboundGuard } from '#libs/config/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryNoticeBook } from './notice-book.memory.js';
import { NoticeBoard, type AlertBody } from './notice-board.js';
import { webhookPost } from './webhook-post.undici.js';

// Goal: a ticket is sent once over all replicas, updated rarely, resolved once, tried again within bounds, and tells no secret.
// Method: two boards over one book and one clock, and a webhook that is scripted.
function world(refusals = 0) {
  const clock = new ManualClock();
  const book = new MemoryNoticeBook(clock);
  const sent: AlertBody[] = [];
  let refused = 0;
  const warnings: object[] = [];
  const board = () =>
    new NoticeBoard({
      alerts: [
        { name: 'ops', webhook: { url: 'https://alerts.example/hook' }, on: ['breaker'] },
        { name: 'others', webhook: { url: 'https://others.example' }, on: ['credentials'] },
      ],
      book,
      clock,
      logger: { warn: (facts) => void warnings.push(facts) },
      post: async (_url, body) => {
        if (refused++ < refusals) throw new Error('the webhook answered 503');
        sent.push(JSON.parse(body) as AlertBody);
      },
    });
  return { clock, sent, warnings, boards: [board(), board()] as const };
}
const about = { alert: 'breaker', destination: 'portal' } as const;
const say = (text: string) => async () => ({
  text,
  correlationIds: ['c-1'],
  runbook: 'https://runbooks.example/portal',
  breaker: 'open' as const,
});

describe('NoticeBoard', () => {
  it('sends a ticket once, to whom it concerns, in the words of the interface', async () => {
    const { boards, sent, clock } = world();
    for (const board of boards) board.raise(about, say('portal is down; see https://user:secret@portal.example'));
    await clock.advance(10);
    expect(sent).toEqual([
      {
        alert: 'breaker',
        state: 'raised',
        destination: 'portal',
        text: 'portal is down; see https://[redacted]@portal.example',
        correlationIds: ['c-1'],
        runbook: 'https://runbooks.example/portal',
        breaker: 'open',
      },
    ]);
  });

  it('updates it at growing intervals however often it is raised, and resolves it once', async () => {
    const { boards, sent, clock } = world();
    for (let second = 0; second < 3_600; second += 5) {
      for (const board of boards) board.raise(about, say(`at ${second}`));
      await clock.advance(5_000);
    }
    expect(sent.map(({ text }) => text)).toEqual(['at 0', 'at 60', 'at 180', 'at 420', 'at 900', 'at 1860']);
    for (let round = 0; round < 3; round++) {
      for (const board of boards) board.resolve(about, say('over'));
      await clock.advance(5_000);
    }
    expect(sent.slice(6).map(({ state, text }) => `${state} ${text}`)).toEqual(['resolved over']);
    boards[1].raise(about, say('again'));
    await clock.advance(10);
    expect(sent.at(-1)).toMatchObject({ state: 'raised', text: 'again' });
  });

  it('tries a webhook that refuses again, within bounds, and later anew', async () => {
    const { boards, sent, clock, warnings } = world(4);
    boards[0].raise(about, say('down'));
    await clock.advance(10_000);
    expect([sent.length, warnings.length]).toEqual([0, 1]);
    boards[1].raise(about, say('down'));
    await clock.advance(10_000);
    expect(sent).toEqual([]);
    await clock.advance(20_000);
    boards[1].raise(about, say('still down'));
    await clock.advance(10_000);
    expect(sent.map(({ text }) => text)).toEqual(['still down']);
  });
});

describe('webhookPost', () => {
  let server: Server | null = null;
  afterEach(() => void server?.close());

  it('posts JSON, takes 2xx alone for taken, and calls nobody it may not', async () => {
    const bodies: string[] = [];
    server = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => bodies.push(`${request.headers['content-type']} ${chunk.toString()}`));
      request.on('end', () => response.writeHead(request.url === '/ok' ? 204 : 302, { location: '/ok' }).end());
    });
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const open = webhookPost(outboundGuard({ dev: true, allow: [] }));
    await open.post(`${url}/ok`, '{}');
    expect(bodies).toEqual(['application/json {}']);
    await expect(open.post(`${url}/moved`, '{}')).rejects.toThrow('answered 302');
    await open.close();
    const guarded = webhookPost(outboundGuard({ dev: false, allow: [] }));
    await expect(guarded.post(`${url}/ok`, '{}')).rejects.toThrow('private or reserved');
    await guarded.close();
    expect(bodies).toHaveLength(2);
  });
});
