import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartnerAnswer } from './partner-rule.js';

const EMPTY = Buffer.alloc(0);

/** The whole body, or null when it is larger than `bodyMax` (the rest is read and thrown away). */
export function readBody(request: IncomingMessage, bodyMax: number): Promise<Buffer | null> {
  if (request.method === 'GET') return Promise.resolve(EMPTY);
  return new Promise((resolve, reject) => {
    let first: Buffer | null = null;
    let rest: Buffer[] | null = null;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyMax) return;
      if (first === null) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    request.on('end', () => resolve(size > bodyMax ? null : rest ? Buffer.concat(rest) : (first ?? EMPTY)));
    request.on('error', reject);
  });
}

export type Receipt = Readonly<{ status: number; body: string; headers: Record<string, string> }>;

export function reply(response: ServerResponse, { status, body, headers }: Receipt): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Huge bodies and slow drips: written in pieces, and no faster than the reader takes them. */
export function replySlowly(response: ServerResponse, receipt: Receipt, answer: PartnerAnswer): void {
  const total = answer.bodyBytes ?? Buffer.byteLength(receipt.body);
  const piece = answer.drip?.bytes ?? 65_536;
  response.writeHead(receipt.status, { 'content-type': 'application/json', ...receipt.headers, 'content-length': total });
  const source = answer.bodyBytes === null ? Buffer.from(receipt.body) : Buffer.alloc(Math.min(piece, total), 0x20);
  const write = async (): Promise<void> => {
    for (let sent = 0; sent < total && !response.destroyed; sent += piece) {
      const size = Math.min(piece, total - sent);
      const chunk = answer.bodyBytes === null ? source.subarray(sent, sent + size) : source.subarray(0, size);
      if (!response.write(chunk)) await drained(response);
      if (answer.drip && sent + size < total) await sleep(answer.drip.everyMs);
    }
    response.end();
  };
  write().catch(() => response.destroy());
}

const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.on('drain', go).on('close', go);
  });

export function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

export function bearerOf(request: IncomingMessage): string | null {
  const value = request.headers.authorization;
  return value?.startsWith('Bearer ') ? value.slice(7) : null;
}

/** The path's last segment. */
export function entityOf(path: string): string | null {
  const segment = path.slice(path.lastIndexOf('/') + 1);
  return segment === '' ? null : decode(segment);
}

/** The text or number a JSON Pointer finds in a JSON body; null when there is none. */
export function textAt(body: Buffer, pointer: string): string | null {
  try {
    let value: unknown = JSON.parse(body.toString());
    for (const part of pointer.split('/').slice(1)) {
      if (typeof value !== 'object' || value === null) return null;
      value = (value as Record<string, unknown>)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
  } catch {
    return null;
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
