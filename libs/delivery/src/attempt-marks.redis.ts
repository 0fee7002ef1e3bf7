import { randomBytes } from 'node:crypto';
import { StoreUnavailableError } from '#libs/identity/src/index.js';
import {
  MarksUnavailableError,
  type AttemptEnd,
  type AttemptMarks,
  type AttemptMarksStore,
  type Claim,
  type ClaimAnswer,
  type ClaimRequest,
  type MarkNote,
  type MarkedPartition,
  type OffsetRange,
  type Progress,
  type ProgressAnswer,
  type Registration,
  type Standing,
} from './attempt-marks.port.js';
import { IDENTITY, REGISTER, CLAIM, END, PROGRESS, CLEAR, FORGET, type Script } from './attempt-marks.scripts.redis.js';
import type { DoneAs } from './outcome.js';

/** What is needed of a connection to one Redis process; libs/identity's RedisConnection fits as it is. Errors: StoreUnavailableError. */
export type MarksConnection = Readonly<{
  session(): Readonly<{
    /** The server's run id, read once per connection. */
    identity: string;
    script(operation: string, script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  }>;
}>;

/**
 * AttemptMarks on Redis (6.2 or later): one script call a batch. The keys of one partition share a hash tag, so they lie on one
 * shard and what survives a loss is a prefix of what was written.
 *
 *   <prefix>{d:<topic>/<partition>:<incarnation>}:owner   the owner's number
 *   <prefix>{d:<topic>/<partition>:<incarnation>}:token   random; with the run id it names this Redis's memory of the partition
 *   <prefix>{d:<topic>/<partition>:<incarnation>}:marks   hash: offset → `starts|done|claim id|since ms`; done is '', o, p or m.
 *       Where there is more to say, `|f|parts:note` follows: f once Redis has forgotten, the note in base64url
 *
 * Errors  MarksUnavailableError, with its cause.
 */
export class RedisAttemptMarksStore implements AttemptMarksStore {
  constructor(
    private readonly redis: MarksConnection,
    private readonly keyPrefix = 'hf:',
  ) {}

  of({ topic, partition, incarnation }: MarkedPartition): AttemptMarks {
    return new RedisAttemptMarks(this.redis, `${this.keyPrefix}{d:${topic}/${partition}:${incarnation}}`);
  }
}

const LETTERS: Readonly<Record<DoneAs, string>> = { once: 'o', proof: 'p', 'maybe-twice': 'm' };
const WORDS: Readonly<Record<string, DoneAs>> = { o: 'once', p: 'proof', m: 'maybe-twice' };
const forgetMax = 1_000;

class RedisAttemptMarks implements AttemptMarks {
  private readonly keys: readonly string[];

  constructor(
    private readonly redis: MarksConnection,
    tag: string,
  ) {
    this.keys = [`${tag}:owner`, `${tag}:token`, `${tag}:marks`];
  }

  async identity(): Promise<string> {
    return this.ask('identity', async (session) => {
      const token = await session.script('identity', IDENTITY, this.keys, [randomBytes(12).toString('base64url')]);
      return `${session.identity}:${String(token)}`;
    });
  }

  async register(registration: Registration): Promise<'registered' | 'later-owner' | 'other-identity'> {
    const { number, offset, settled, doubts } = registration;
    const answer = await this.under('register', registration, REGISTER, [number, offset, packed(runsOf(settled)), packed(doubts)]);
    return answer as 'registered' | 'later-owner' | 'other-identity';
  }

  async claim(standing: Standing, requests: readonly ClaimRequest[]): Promise<ClaimAnswer> {
    const flat = requests.flatMap(({ offset, again, claimId, atMs }) => [offset, again ? 1 : 0, claimId, Math.floor(atMs)]);
    const answer = await this.under('claim', standing, CLAIM, [standing.number, ...flat]);
    if (answer === 'other-identity' || answer === 'owner-missing' || answer === 'later-owner') return { kind: 'refused', why: answer };
    return { kind: 'claims', claims: answer === '' ? [] : answer.split(',').map(readClaim) };
  }

  async end(ends: readonly AttemptEnd[]): Promise<void> {
    const flat = ends.flatMap(({ offset, how, note }) => [offset, LETTERS[how], note === undefined ? '' : packedNote(note)]);
    await this.ask('end', (session) => session.script('end', END, this.keys, flat));
  }

  async progress(standing: Standing, steps: readonly Progress[]): Promise<ProgressAnswer> {
    const flat = steps.flatMap(({ offset, claimId, parts, note }) => [offset, claimId, parts, packedNote(note)]);
    const answer = await this.under('progress', standing, PROGRESS, [standing.number, ...flat]);
    if (answer === 'other-identity' || answer === 'owner-missing' || answer === 'later-owner') return { kind: 'refused', why: answer };
    return { kind: 'noted' };
  }

  async clear(standing: Standing, claims: readonly Readonly<{ offset: number; claimId: string }>[]): Promise<void> {
    const flat = claims.flatMap(({ offset, claimId }) => [offset, claimId]);
    await this.under('clear', standing, CLEAR, [standing.number, ...flat]);
  }

  async forget(offsets: readonly number[]): Promise<void> {
    for (let from = 0; from < offsets.length; from += forgetMax) {
      const some = offsets.slice(from, from + forgetMax);
      await this.ask('forget', (session) => session.script('forget', FORGET, this.keys, some));
    }
  }

  /** Run id by the connection, token by the script: both halves of the identity, or nothing is touched. */
  private async under(operation: string, standing: Standing, script: Script, args: readonly (string | number)[]): Promise<string> {
    const colon = standing.identity.indexOf(':');
    const [runId, token] = [standing.identity.slice(0, colon), standing.identity.slice(colon + 1)];
    return this.ask(operation, async (session) =>
      session.identity === runId ? String(await session.script(operation, script, this.keys, [token, ...args])) : 'other-identity',
    );
  }

  private async ask<T>(operation: string, call: (session: ReturnType<MarksConnection['session']>) => Promise<T>): Promise<T> {
    try {
      return await call(this.redis.session());
    } catch (error) {
      if (error instanceof StoreUnavailableError) throw new MarksUnavailableError(operation, error);
      throw error;
    }
  }
}

function readClaim(answer: string): Claim {
  const cut = answer.indexOf('|');
  const text = cut < 0 ? answer : answer.slice(0, cut);
  const beside = cut < 0 ? null : { note: readNote(answer.slice(cut + 1)) };
  if (text.startsWith('g')) return { kind: 'granted', starts: Number(text.slice(1)), ...beside };
  if (text.startsWith('d')) return { kind: 'done', how: WORDS[text[1]!]!, starts: Number(text.slice(2)), ...beside };
  const [starts, since] = text.slice(1).split(':') as [string, string];
  return { kind: 'started', starts: Number(starts), sinceMs: since === '' ? null : Number(since), ...beside };
}

/** Neither a bar, a comma nor a colon. */
const packedNote = (note: string): string => Buffer.from(note, 'utf8').toString('base64url');

function readNote(tail: string): MarkNote {
  const [forgot = '', kept = ''] = tail.split('|');
  return { text: Buffer.from(kept.slice(kept.indexOf(':') + 1), 'base64url').toString('utf8'), isSure: forgot === '' };
}

const packed = (ranges: readonly OffsetRange[]): string => ranges.map(({ from, to }) => `${from}-${to}`).join(',');

function runsOf(offsets: readonly number[]): OffsetRange[] {
  const runs: { from: number; to: number }[] = [];
  for (const offset of offsets) {
    const last = runs.at(-1);
    if (last?.to === offset) last.to++;
    else runs.push({ from: offset, to: offset + 1 });
  }
  return runs;
}
