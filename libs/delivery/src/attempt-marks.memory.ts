import { straightThrough, type Interleave } from '#libs/kafka/src/index.js';
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
  type Progress,
  type ProgressAnswer,
  type Registration,
  type Standing,
} from './attempt-marks.port.js';
import { weaker } from './decide-resolution.js';
import type { DoneAs } from './outcome.js';

/** Faults of the models' README that live in this store; the simulator plants them and must find each. */
export type MarksFault = 'start bit without epoch' | 'Redis identity not compared' | 'doubts not written down' | 'starts not counted';

type Mark = {
  starts: number;
  done: DoneAs | null;
  claimId: string;
  sinceMs: number | null;
  parts: number;
  note: string | null;
  isSure: boolean;
};
type Room = { owner: number | null; token: string | null; marks: Map<number, Mark> };

/** One Redis in memory, shared by every simulated process: it can forget, and fall back to what it saved. */
export class MemoryMarksServer {
  private rooms = new Map<string, Room>();
  private saved = new Map<string, Room>();
  private runId = 1;
  private tokens = 0;
  isReachable = true;

  constructor(readonly fault: MarksFault | null = null) {}

  /** The store as one process sees it. */
  store(interleave: Interleave = straightThrough): AttemptMarksStore {
    return { of: (partition) => new MemoryAttemptMarks(this, partition, interleave) };
  }

  snapshot(): void {
    this.saved = copy(this.rooms);
  }

  /** A restart that lost what came after the snapshot: another run id, the old tokens. */
  fallBack(): void {
    this.rooms = copy(this.saved);
    this.runId++;
  }

  /** FLUSHALL: the run id stays, the tokens are gone. */
  wipe(): void {
    this.rooms = new Map();
  }

  room(name: string): Room {
    let room = this.rooms.get(name);
    if (!room) this.rooms.set(name, (room = { owner: null, token: null, marks: new Map() }));
    return room;
  }

  identityOf(room: Room): string {
    return this.fault === 'Redis identity not compared' ? 'one:and-the-same' : `run-${this.runId}:${room.token}`;
  }

  newToken(): string {
    return `token-${++this.tokens}`;
  }
}

const copy = (rooms: Map<string, Room>): Map<string, Room> =>
  new Map([...rooms].map(([name, room]) => [name, { ...room, marks: new Map([...room.marks].map(([at, mark]) => [at, { ...mark }])) }]));

class MemoryAttemptMarks implements AttemptMarks {
  private readonly name: string;

  constructor(
    private readonly server: MemoryMarksServer,
    { topic, partition, incarnation }: MarkedPartition,
    private readonly interleave: Interleave,
  ) {
    this.name = `${topic}/${partition}/${incarnation}`;
  }

  identity(): Promise<string> {
    return this.call('marks.identity', (room) => {
      room.token ??= this.server.newToken();
      return this.server.identityOf(room);
    });
  }

  register({ number, identity, offset, settled, doubts }: Registration): Promise<'registered' | 'later-owner' | 'other-identity'> {
    return this.call('marks.register', (room) => {
      if (this.server.identityOf(room) !== identity) return 'other-identity';
      if (room.owner !== null && room.owner > number) return 'later-owner';
      room.owner = number;
      const passed = new Set(settled);
      for (const at of room.marks.keys()) if (at < offset || passed.has(at)) room.marks.delete(at);
      for (const { from, to } of this.server.fault === 'doubts not written down' ? [] : doubts) {
        for (let at = from; at < to; at++) Object.assign(mark(room, at), { starts: 2, claimId: '', isSure: false });
      }
      return 'registered';
    });
  }

  claim(standing: Standing, requests: readonly ClaimRequest[]): Promise<ClaimAnswer> {
    return this.call('marks.claim', (room) => {
      const why = this.refusal(room, standing);
      return why ? { kind: 'refused', why } : { kind: 'claims', claims: requests.map((request) => this.claimOne(room, request)) };
    });
  }

  end(ends: readonly AttemptEnd[]): Promise<void> {
    return this.call('marks.end', (room) => {
      for (const { offset, how, note } of ends) {
        const one = mark(room, offset);
        if (note !== undefined) one.note = note;
        one.done = one.done ? weaker(one.done, how) : how;
      }
    });
  }

  progress(standing: Standing, steps: readonly Progress[]): Promise<ProgressAnswer> {
    return this.call('marks.progress', (room) => {
      const why = this.refusal(room, standing);
      if (why) return { kind: 'refused', why };
      for (const { offset, claimId, parts, note } of steps) {
        const one = mark(room, offset);
        if (one.done || parts < one.parts || (one.claimId !== claimId && one.claimId !== '')) continue;
        Object.assign(one, { parts, note, claimId: '' });
        if (one.isSure) one.starts = 0;
      }
      return { kind: 'noted' };
    });
  }

  clear(standing: Standing, claims: readonly Readonly<{ offset: number; claimId: string }>[]): Promise<void> {
    return this.call('marks.clear', (room) => {
      if (this.refusal(room, standing)) return;
      for (const { offset, claimId } of claims) {
        const one = room.marks.get(offset);
        if (one?.claimId !== claimId) continue;
        one.starts--;
        one.claimId = '';
        if (one.starts <= 0 && !one.done && one.note === null) room.marks.delete(offset);
      }
    });
  }

  forget(offsets: readonly number[]): Promise<void> {
    return this.call('marks.forget', (room) => offsets.forEach((offset) => room.marks.delete(offset)));
  }

  private refusal(room: Room, { number, identity }: Standing): 'other-identity' | 'owner-missing' | 'later-owner' | null {
    if (this.server.fault === 'start bit without epoch') return null;
    if (this.server.identityOf(room) !== identity) return 'other-identity';
    if (room.owner === number) return null;
    return room.owner !== null && room.owner > number ? 'later-owner' : 'owner-missing';
  }

  private claimOne(room: Room, { offset, again, claimId, atMs }: ClaimRequest): Claim {
    const one = mark(room, offset);
    const beside = noteOf(one);
    const isCounting = this.server.fault !== 'starts not counted';
    if (one.done) return { kind: 'done', how: isCounting ? one.done : 'once', starts: isCounting ? one.starts : 1, ...beside };
    if (one.claimId === claimId) return { kind: 'granted', starts: one.starts, ...beside };
    if (one.starts > 0 && !again) return { kind: 'started', starts: one.starts, sinceMs: one.sinceMs, ...beside };
    if (one.starts === 0) one.sinceMs = atMs;
    one.starts = isCounting ? one.starts + 1 : 1;
    one.claimId = claimId;
    return { kind: 'granted', starts: one.starts, ...beside };
  }

  private async call<T>(name: string, effect: (room: Room) => T): Promise<T> {
    await this.interleave.before(name);
    if (!this.server.isReachable) throw new MarksUnavailableError(name, new Error('unreachable'));
    const answer = effect(this.server.room(this.name));
    await this.interleave.after(name);
    return answer;
  }
}

function mark(room: Room, offset: number): Mark {
  let one = room.marks.get(offset);
  if (!one) room.marks.set(offset, (one = { starts: 0, done: null, claimId: '', sinceMs: null, parts: 0, note: null, isSure: true }));
  return one;
}

const noteOf = ({ note, isSure }: Mark): { note?: MarkNote } => (note === null && isSure ? {} : { note: { text: note ?? '', isSure } });
