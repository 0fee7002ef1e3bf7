import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cuttableLink, type CuttableLink } from './cuttable-link.js';
import { seededRandom, withSeed } from './seeded-random.js';
import { waitFor, WaitedTooLongError } from './wait-for.js';

describe('seededRandom', () => {
  it('repeats itself for a seed, and only for that', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed).next);
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
  });

  it('stays within its bounds and reaches both ends', () => {
    const random = seededRandom(1);
    const drawn = new Set(Array.from({ length: 500 }, () => random.between(3, 6)));
    expect([...drawn].sort()).toEqual([3, 4, 5, 6]);
  });

  it('shuffles without losing anything', () => {
    const list = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = seededRandom(9).shuffle(list);
    expect(shuffled).not.toEqual(list);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(list);
  });

  it('names the seed of a failing run', async () => {
    await expect(withSeed(async () => Promise.reject(new Error('boom')), 77)).rejects.toThrow(/HOLDFAST_SEED=77.*boom/);
  });
});

describe('waitFor', () => {
  it('returns what it found as soon as it is there', async () => {
    let looks = 0;
    expect(await waitFor(() => (++looks === 3 ? 'there' : null), { what: 'it', everyMs: 1 })).toBe('there');
  });

  it('says what did not come true, what was seen, and why the last look failed', async () => {
    const late = waitFor(() => Promise.reject(new Error('no door')), {
      what: 'the door',
      withinMs: 20,
      everyMs: 1,
      seen: () => ({ door: 0 }),
    });
    await expect(late).rejects.toThrow(WaitedTooLongError);
    await expect(late).rejects.toThrow(/the door did not come true within 20 ms; seen instead: {"door":0}; the last look failed: no door/);
  });
});

describe('cuttableLink', () => {
  let echo: Server;
  let link: CuttableLink;
  const sockets: Socket[] = [];

  const dial = async (): Promise<{ socket: Socket; got: () => string; ended: () => boolean }> => {
    const socket = connect(link.port, link.host);
    sockets.push(socket);
    let text = '';
    let over = false;
    socket.on('data', (chunk) => void (text += chunk.toString()));
    socket.on('error', () => void (over = true));
    socket.on('close', () => void (over = true));
    await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
    return { socket, got: () => text, ended: () => over };
  };

  beforeEach(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    link = await cuttableLink({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await link.close();
    await new Promise((resolve) => echo.close(resolve));
  });

  it('passes bytes both ways, late when told so', async () => {
    const { socket, got } = await dial();
    socket.write('one');
    await waitFor(() => got() === 'one', { what: 'the echo' });
    link.setLatency(60);
    const startedMs = performance.now();
    socket.write('two');
    await waitFor(() => got() === 'onetwo', { what: 'the late echo', everyMs: 2 });
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(110);
  });

  it('resets what is open and what comes while cut, and passes again when mended', async () => {
    const first = await dial();
    link.cut();
    await waitFor(first.ended, { what: 'the reset' });
    const second = await dial();
    await waitFor(second.ended, { what: 'the reset of a new one' });
    link.mend();
    const third = await dial();
    third.socket.write('hello');
    await waitFor(() => third.got() === 'hello', { what: 'the echo after the mend' });
  });

  it('half-open: keeps the connection and swallows the bytes', async () => {
    const { socket, got, ended } = await dial();
    socket.write('a');
    await waitFor(() => got() === 'a', { what: 'the echo' });
    link.halfOpen();
    socket.write('b');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([got(), ended()]).toEqual(['a', false]);
    link.mend();
    await waitFor(ended, { what: 'the reset of a link whose bytes are gone' });
  });
});
