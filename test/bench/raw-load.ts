import { connect, type Socket } from 'node:net';

/** Requests as bytes, sent over kept connections with one under way on each: a sender that costs as little as it can. */
export type RawLoad = Readonly<{ port: number; connections: number; requests: readonly Buffer[]; forMs: number; expect: string }>;
export type RawReport = Readonly<{ answered: number; perSecond: number; tookMs: readonly number[] }>;

const DRAIN_MAX_MS = 10_000;

/**
 * undici's client costs more CPU a request than the server it would measure (see the design's measured limits), and both share
 * this machine. Anything but `expect` at an answer's beginning fails the run: a refused request is cheap and would look fast.
 */
export async function rawLoad(load: RawLoad): Promise<RawReport> {
  const startedMs = performance.now();
  const deadlineMs = startedMs + load.forMs;
  const tookMs: number[] = [];
  let next = 0;
  const take = (): Buffer => load.requests[next++ % load.requests.length]!;
  await Promise.all(Array.from({ length: load.connections }, () => converse(load, { take, deadlineMs, tookMs })));
  const seconds = (performance.now() - startedMs) / 1_000;
  return { answered: tookMs.length, perSecond: tookMs.length / seconds, tookMs };
}

function converse(load: RawLoad, run: { take: () => Buffer; deadlineMs: number; tookMs: number[] }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port: load.port, host: '127.0.0.1', noDelay: true });
    let sentMs = 0;
    let answer = '';
    const send = (): void => {
      sentMs = performance.now();
      socket.write(run.take());
    };
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(DRAIN_MAX_MS, () => fail(new Error('an answer is overdue')));
    socket.on('connect', send);
    socket.on('error', fail);
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      if (!isWhole(answer)) return;
      if (!answer.startsWith(load.expect)) return fail(new Error(`not ${load.expect}: ${answer.slice(0, 500)}`));
      answer = '';
      const nowMs = performance.now();
      run.tookMs.push(nowMs - sentMs);
      if (nowMs < run.deadlineMs) return send();
      socket.destroy();
      resolve();
    });
  });
}

function isWhole(answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(answer.slice(0, head));
  return length !== null && answer.length >= head + 4 + Number(length[1]);
}
