import { describe, expect, it } from '@jest/globals';
import { LogError, systemClock, type OutRecord, type RecordSink } from '#libs/kafka/src/index.js';
import { AppendBatcher, type BatcherBounds } from './append-batcher.js';

// Goal: no acknowledgement before the append, in order, within bounds; a failure answers exactly those it concerns.
// Method: a sink whose rounds end when the test says so.
const bounds: BatcherBounds = { inFlightMaxBytes: 1_000, batchMaxRecords: 3, batchMaxBytes: 500, appendMaxMs: 10_000 };
/** For the tests that wait for it. */
const SHORT_MS = 60;
const record = (name: string): OutRecord => ({ topic: 't', key: name, value: Buffer.from(name), headers: {} });
const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

class HandSink implements RecordSink {
  readonly rounds: { names: string[]; end: (error?: Error) => void }[] = [];
  append(records: readonly OutRecord[]): Promise<never[]> {
    return new Promise((resolve, reject) => {
      this.rounds.push({ names: records.map(({ key }) => String(key)), end: (error) => (error ? reject(error) : resolve([])) });
    });
  }
  get names() {
    return this.rounds.map(({ names }) => names);
  }
}

function world(over: Partial<BatcherBounds> = {}) {
  const sink = new HandSink();
  const batcher = new AppendBatcher(sink, { ...bounds, ...over }, systemClock);
  const answers: string[] = [];
  const append = (name: string, bytes = 10) => {
    const answer = batcher.append(record(name), bytes);
    void answer.then((outcome) => answers.push(`${name} ${outcome}`));
    return answer;
  };
  return { sink, batcher, append, answers };
}

describe('the batcher', () => {
  it('answers nothing before its round ended, and fills the next batch meanwhile', async () => {
    const { sink, append, answers } = world();
    for (const name of ['a', 'b']) void append(name);
    await turn();
    for (const name of ['c', 'd', 'e', 'f']) void append(name);
    await turn();
    expect(sink.names).toEqual([['a', 'b']]);
    expect(answers).toEqual([]);
    sink.rounds[0]!.end();
    await turn();
    expect(answers).toEqual(['a appended', 'b appended']);
    expect(sink.names).toEqual([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ]);
    sink.rounds[1]!.end();
    await turn();
    expect(sink.names[2]).toEqual(['f']);
    sink.rounds[2]!.end();
    await turn();
    expect(answers.length).toBe(6);
  });

  it('bounds a round by bytes, and lets a large record go alone', async () => {
    const { sink, append } = world();
    void append('big', 700);
    void append('b', 200);
    await turn();
    expect(sink.names).toEqual([['big']]);
    sink.rounds[0]!.end();
    await turn();
    expect(sink.names[1]).toEqual(['b']);
  });

  it('is busy past the bound on bytes, until a round has ended', async () => {
    const { sink, append } = world();
    void append('a', 900);
    expect(await append('b', 101)).toBe('busy');
    await turn();
    expect(await append('c', 101)).toBe('busy');
    sink.rounds[0]!.end();
    await turn();
    void append('d', 101);
    await turn();
    expect(sink.names[1]).toEqual(['d']);
  });

  it('answers a failed round to its own records only, and goes on', async () => {
    const { sink, append, answers } = world();
    void append('a');
    await turn();
    void append('b');
    sink.rounds[0]!.end(new LogError('unknown-end', 'the answer was lost'));
    await turn();
    expect(answers).toEqual(['a unavailable']);
    sink.rounds[1]!.end();
    await turn();
    expect(answers).toEqual(['a unavailable', 'b appended']);
  });

  it('halves a batch that is too large until one record stands alone', async () => {
    const { sink, append, answers } = world();
    for (const name of ['a', 'huge', 'c']) void append(name);
    const tooLarge = () => new LogError('too-large', 'no');
    const ends = (names: string[]): Error | undefined => (names.includes('huge') ? tooLarge() : undefined);
    for (let at = 0; at < 10; at++) {
      await turn();
      const round = sink.rounds[at];
      round?.end(ends(round.names));
    }
    expect(answers.sort()).toEqual(['a appended', 'c appended', 'huge too-large']);
  });

  it('answers in time when the log does not, is busy at once from then on, and recovers with the round', async () => {
    const { sink, append, answers } = world({ appendMaxMs: SHORT_MS });
    void append('a');
    await turn();
    void append('waits');
    await new Promise((resolve) => setTimeout(resolve, 2 * SHORT_MS));
    expect(answers).toEqual(['a timeout', 'waits timeout']);
    expect(await append('b')).toBe('busy');
    sink.rounds[0]!.end();
    await turn();
    expect(sink.names).toEqual([['a']]);
    void append('c');
    await turn();
    sink.rounds[1]!.end();
    await turn();
    expect(answers.at(-1)).toBe('c appended');
  });

  it('counts the bytes of a hanging round until it has really ended', async () => {
    const { sink, append, batcher } = world({ appendMaxMs: SHORT_MS });
    void append('a', 900);
    await new Promise((resolve) => setTimeout(resolve, 2 * SHORT_MS));
    expect(batcher.stalled).toBe(true);
    sink.rounds[0]!.end();
    await turn();
    expect(batcher.stalled).toBe(false);
    void append('b', 900);
    await turn();
    expect(sink.names[1]).toEqual(['b']);
  });

  it('stops by answering what it took and taking nothing more', async () => {
    const { sink, append, answers, batcher } = world();
    void append('a');
    await turn();
    void append('b');
    const stopped = batcher.stop();
    expect(await append('c')).toBe('stopping');
    sink.rounds[0]!.end();
    await turn();
    sink.rounds[1]!.end();
    await stopped;
    expect(answers.filter((answer) => answer.endsWith('appended'))).toEqual(['a appended', 'b appended']);
  });

  it('stops in time although the log hangs', async () => {
    const { append, answers, batcher } = world({ appendMaxMs: SHORT_MS });
    void append('a');
    await turn();
    await batcher.stop();
    expect(answers).toEqual(['a timeout']);
  });
});
