import { connect, type Socket } from 'node:net';
import { Pool } from 'undici';

export type DoorRequest = Readonly<{ path: string; headers: Readonly<Record<string, string>>; body: Buffer }>;
export type DoorLoad = Readonly<{ port: number; connections: number; requests: readonly DoorRequest[]; forMs: number }>;
/** How long each answer took, in ms, and over how many seconds they came. */
export type DoorReport = Readonly<{ tookMs: readonly number[]; seconds: number }>;
/** Keeps one request under way on each connection. Any answer but 202 fails the run: a refused request is cheap and would look fast. */
export type Sender = (load: DoorLoad) => Promise<DoorReport>;

const ANSWER_MAX_MS = 10_000;

/** As a sender in Node would be written: undici, whose own CPU a request is about that of a bare server. */
export const undiciSender: Sender = async ({ port, connections, requests, forMs }) => {
  const pool = new Pool(`http://127.0.0.1:${port}`, {
    connections,
    pipelining: 1,
    headersTimeout: ANSWER_MAX_MS,
    bodyTimeout: ANSWER_MAX_MS,
  });
  try {
    return await timed(connections, forMs, async (run) => {
      for (let sentMs = performance.now(); sentMs < run.deadlineMs; sentMs = performance.now()) {
        const answer = await pool.request({ method: 'POST', ...requests[run.next() % requests.length]! });
        await answer.body.dump();
        if (answer.statusCode !== 202) throw new Error(`answered ${answer.statusCode}`);
        run.tookMs.push(performance.now() - sentMs);
      }
    });
  } finally {
    await pool.destroy();
  }
};

/** Requests as bytes on sockets: costs so little that the server has a core almost to itself. The harder comparison. */
export const rawSender: Sender = ({ port, connections, requests, forMs }) => {
  const bytes = requests.map(bytesOf);
  return timed(connections, forMs, (run) => converse(port, { ...run, take: () => bytes[run.next() % bytes.length]! }));
};

type Run = { deadlineMs: number; tookMs: number[]; next(): number };

async function timed(connections: number, forMs: number, sender: (run: Run) => Promise<void>): Promise<DoorReport> {
  const startedMs = performance.now();
  let taken = 0;
  const run: Run = { deadlineMs: startedMs + forMs, tookMs: [], next: () => taken++ };
  await Promise.all(Array.from({ length: connections }, () => sender(run)));
  return { tookMs: run.tookMs, seconds: (performance.now() - startedMs) / 1_000 };
}

function bytesOf({ path, headers, body }: DoorRequest): Buffer {
  const lines = Object.entries({ host: 'localhost', ...headers, 'content-length': String(body.length) });
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n`), body]);
}

function converse(port: number, run: Run & { take(): Buffer }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
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
    socket.setTimeout(ANSWER_MAX_MS, () => fail(new Error('an answer is overdue')));
    socket.on('connect', send);
    socket.on('error', fail);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (!isWhole(answer)) return;
      if (!answer.startsWith('HTTP/1.1 202')) return fail(new Error(`answered ${answer.slice(0, 300)}`));
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
