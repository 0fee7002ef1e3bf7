import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import jsonata from 'jsonata';
import { parseExact } from '#libs/domain/src/index.js';
import type { TransformEvent, TransformFault, TransformHandler, TransformScript } from './transform.port.js';

/** One job, and its answer: JSON as bytes, or a fault. */
export type ThreadJob = Readonly<{ script: TransformScript; data: Uint8Array; event: TransformEvent }>;
export type ThreadAnswer = Readonly<{ body: Uint8Array }> | Readonly<{ code: TransformFault; error: string }>;

type Transform = (data: unknown, event: TransformEvent) => unknown;

/** Recursion and sequences within an expression; time and memory are bounded from outside, by ending the thread. */
const DEPTH_MAX = 1_000;
const SEQUENCE_MAX = 1_000_000;
const errorMaxLength = 300;
const RealDate = Date;
const loaded = new Map<string, Promise<Transform>>();

parentPort?.on('message', (job: ThreadJob) => {
  void answerTo(job).then((answer) => parentPort!.postMessage(answer, 'body' in answer ? [answer.body.buffer as ArrayBuffer] : []));
});
parentPort?.postMessage('ready');

async function answerTo({ script, data, event }: ThreadJob): Promise<ThreadAnswer> {
  const input = parsed(data);
  if (!input) return { code: 'transform-input', error: 'the data is not JSON' };
  let transform: Transform;
  try {
    transform = await (loaded.get(script.path) ?? load(script));
  } catch (error) {
    return { code: 'transform-unusable', error: `${script.path} cannot be used: ${said(error)}` };
  }
  let text: string | undefined;
  try {
    standStill(event);
    text = JSON.stringify(await transform(input.value, event));
  } catch (error) {
    return { code: 'transform-failed', error: `${script.path}: ${said(error)}` };
  }
  if (text === undefined) return { code: 'transform-no-result', error: `${script.path} gives nothing for this data` };
  const body = new TextEncoder().encode(text);
  if (body.length <= script.outputMaxBytes) return { body };
  return { code: 'transform-output-too-large', error: `${script.path} gives ${body.length} bytes, over ${script.outputMaxBytes}` };
}

function load(script: TransformScript): Promise<Transform> {
  const loading = script.language.kind === 'jsonata' ? expression(script.language.text) : handler(script.path);
  loaded.set(script.path, loading);
  return loading;
}

async function expression(text: string): Promise<Transform> {
  const compiled = jsonata(text, { stack: DEPTH_MAX, sequence: SEQUENCE_MAX });
  return (data, event) => compiled.evaluate(data, { event });
}

async function handler(path: string): Promise<Transform> {
  const { default: made } = (await import(pathToFileURL(path).href)) as { default?: unknown };
  if (typeof made !== 'function') throw new TypeError('its default export is not a function');
  return made as TransformHandler;
}

/** Every attempt of a delivery, here or on another machine, must make the same bytes: the clock and the dice are the event's. */
function standStill({ receivedAt, deliveryId }: TransformEvent): void {
  globalThis.Date = class extends RealDate {
    constructor(...args: [] | [number | string | Date]) {
      super(...((args.length === 0 ? [receivedAt] : args) as [number]));
    }
    static override now(): number {
      return receivedAt;
    }
  } as DateConstructor;
  let state = createHash('sha256').update(deliveryId).digest().readUInt32LE(0);
  Math.random = () => {
    // mulberry32: small, and good enough for dice.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function parsed(data: Uint8Array): { value: unknown } | null {
  try {
    return parseExact(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return null;
  }
}

/** JSONata throws plain objects with a code, a position and a message. */
function said(error: unknown): string {
  const { code, position, message } = (typeof error === 'object' && error !== null ? error : { message: String(error) }) as {
    code?: string;
    position?: number;
    message?: string;
  };
  const at = typeof position === 'number' ? ` at ${position}` : '';
  return `${typeof code === 'string' ? `${code}${at}: ` : ''}${message ?? 'failed without a message'}`.slice(0, errorMaxLength);
}
