import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type ConsoleApi } from './console-api.js';
import { CliError, count, type ExitCode, type Terminal } from './frame.js';

export type Narrow = Readonly<{
  destination?: string;
  type?: string;
  class?: string;
  group?: string;
  from?: string;
  to?: string;
}>;
export type Say = Readonly<{ isJson: boolean; terminal: Terminal }>;

type Item = {
  id: string;
  state: string;
  eventid: string;
  destination: string | null;
  type: string;
  status: number | null;
  class: string | null;
  reason: string;
  attempts: number;
  group: string;
  deadletteredat: number;
};
type Group = {
  group: string;
  destination: string | null;
  class: string | null;
  status: number | null;
  sample: string;
  count: number;
  oldest: number;
  newest: number;
};
type Whole = Item & {
  data: string;
  contenttype: string | null;
  history: {
    attempt: number;
    class: string;
    status: number | null;
    error: string | null;
    body: string | null;
    at: number;
    tookMs: number | null;
  }[];
  correlationid: string;
  position: string;
};
type Operation = { phase: string; total: number; sent: number; delivered: number; failed: number; why: string | null };

const LIST_MAX = 200;
const POLL_MS = 500;
/** A new operation is there after a second or two; longer means that dlq-handler does not run. */
const APPEARS_MAX_MS = 60_000;

const NARROWING = ['destination', 'type', 'class', 'group', 'from', 'to'] as const;
const narrowed = (by: Narrow): Record<string, string> =>
  Object.fromEntries(NARROWING.flatMap((name) => (by[name] ? [[name, by[name]]] : [])));
const time = (ms: number): string => new Date(ms).toISOString();

export async function listDeadLetters(api: ConsoleApi, by: Narrow, limit: number, { isJson, terminal }: Say): Promise<ExitCode> {
  const items: Item[] = [];
  for (let cursor: string | null = ''; cursor !== null && items.length < limit;) {
    const query: URLSearchParams = new URLSearchParams({ ...narrowed(by), limit: String(Math.min(LIST_MAX, limit - items.length)) });
    if (cursor) query.set('cursor', cursor);
    const page: { items: Item[]; nextCursor: string | null } = await api.get(`/api/dead-letters?${query.toString()}`);
    items.push(...page.items);
    cursor = page.nextCursor;
  }
  if (isJson) terminal.out(`${JSON.stringify(items, null, 2)}\n`);
  else if (items.length === 0) terminal.out('no dead letters\n');
  else for (const one of items) terminal.out(`${itemLine(one)}\n`);
  return 0;
}

export async function listGroups(api: ConsoleApi, by: Narrow, { isJson, terminal }: Say): Promise<ExitCode> {
  const { items } = await api.get<{ items: Group[] }>(`/api/dead-letters/groups?${new URLSearchParams(narrowed(by)).toString()}`);
  if (isJson) terminal.out(`${JSON.stringify(items, null, 2)}\n`);
  else if (items.length === 0) terminal.out('no open dead letters\n');
  for (const { group, destination, class: named, status, sample, count: size, oldest, newest } of isJson ? [] : items)
    terminal.out(
      `${group}  ${size} × ${destination ?? '-'} ${named ?? '-'} ${status ?? '-'}  ${time(oldest)} to ${time(newest)}\n  ${plain(sample)}\n`,
    );
  return 0;
}

export async function showDeadLetter(api: ConsoleApi, id: string, { isJson, terminal }: Say): Promise<ExitCode> {
  const one = await api.get<Whole>(`/api/dead-letters/${encodeURIComponent(id)}`);
  if (isJson) {
    terminal.out(`${JSON.stringify(one, null, 2)}\n`);
    return 0;
  }
  const attempts = one.history.map(
    ({ attempt, class: named, status, error, body, at, tookMs }) =>
      `  ${time(at)}  attempt ${attempt}: ${named} ${status ?? ''} ${plain(error ?? body ?? '')} (${tookMs ?? '?'} ms)\n`,
  );
  terminal.out(
    `${itemLine(one)}\n  event ${one.eventid}, correlation id ${one.correlationid}, at ${one.position}, group ${one.group}\n${attempts.join('')}`,
  );
  terminal.out(`${plain(Buffer.from(one.data, 'base64').toString('utf8'))}\n`);
  return 0;
}

export type Act = Readonly<{ kind: 'requeue' | 'discard'; ids: readonly string[]; by: Narrow; reason: string; isWaiting: boolean }>;

/** 1: stopped or aborted, or something failed again. */
export async function actOnDeadLetters(api: ConsoleApi, { kind, ids, by, reason, isWaiting }: Act, say: Say): Promise<ExitCode> {
  const filter = narrowed(by);
  if (ids.length > 0 === Object.keys(filter).length > 0)
    throw new CliError(2, `say what to ${kind}: ids, or a narrowing such as --group; not both, and not nothing`);
  const { operationId, count: size } = await api.post<{ operationId: string; count: number }>(`/api/dead-letters/${kind}`, {
    ...(ids.length > 0 ? { ids } : { filter }),
    reason,
  });
  if (isWaiting) return follow(api, operationId, say);
  const { isJson, terminal } = say;
  terminal.out(isJson ? `${JSON.stringify({ operationId, count: size })}\n` : `operation ${operationId}: ${count(size, 'dead letter')}\n`);
  return 0;
}

export async function follow(api: ConsoleApi, operationId: string, { isJson, terminal }: Say): Promise<ExitCode> {
  let said = '';
  for (const beganMs = Date.now(); ;) {
    const operation = await operationOf(api, operationId);
    if (operation) {
      const line = operationLine(operationId, operation);
      if (line !== said) terminal.err(`${(said = line)}\n`);
      if (['done', 'stopped', 'aborted'].includes(operation.phase)) {
        terminal.out(isJson ? `${JSON.stringify({ operationId, ...operation })}\n` : `${line}\n`);
        return operation.phase === 'done' && operation.failed === 0 ? 0 : 1;
      }
    } else if (Date.now() - beganMs > APPEARS_MAX_MS) {
      throw new CliError(1, `operation ${operationId} is recorded, but nobody carries it out: look at dlq-handler`);
    }
    await sleep(POLL_MS);
  }
}

async function operationOf(api: ConsoleApi, id: string): Promise<Operation | null> {
  try {
    return await api.get<Operation>(`/api/operations/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

const operationLine = (id: string, { phase, total, sent, delivered, failed, why }: Operation): string =>
  `${id} ${phase}: ${sent} of ${total} sent, ${delivered} delivered, ${failed} failed${why ? ` (${plain(why)})` : ''}`;

const itemLine = ({ id, state, deadletteredat, destination, type, class: named, status, reason, attempts }: Item): string =>
  `${id}  ${state}  ${time(deadletteredat)}  ${destination ?? '-'}  ${plain(type)}  ${named ?? '-'} ${status ?? '-'}: ${plain(reason)} (${count(attempts, 'attempt')})`;

/** What partners and senders wrote moves no cursor and hides no line. */
const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
