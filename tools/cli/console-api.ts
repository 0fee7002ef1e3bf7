import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { CliError, type Terminal } from './frame.js';

const DEFAULT_PORT = 8081;
const CALL_MAX_MS = 30_000;

/** The console's API, as an operator's terminal asks it. */
export class ConsoleApi {
  private constructor(
    private readonly url: string,
    private readonly headers: Readonly<Record<string, string>>,
  ) {}

  /** `CONSOLE_URL`, or the console of this machine; `HOLDFAST_TOKEN_FILE` or `HOLDFAST_TOKEN` where the console asks for one. */
  static of({ env }: Terminal): ConsoleApi {
    const url = (env['CONSOLE_URL'] || `http://127.0.0.1:${env['CONSOLE_PORT'] || DEFAULT_PORT}`).replace(/\/+$/, '');
    if (!URL.canParse(url)) throw new CliError(2, `CONSOLE_URL is not a URL: ${url}; write it like https://console.example`);
    const token = tokenOf(env);
    // Who acts where the console knows nobody (dev): the user of this terminal.
    const actor = env['HOLDFAST_ACTOR'] || userInfo().username;
    return new ConsoleApi(url, { 'x-holdfast-actor': actor, ...(token ? { authorization: `Bearer ${token}` } : {}) });
  }

  get<T>(path: string): Promise<T> {
    return this.ask(path, { headers: this.headers });
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.ask(path, { method: 'POST', headers: { ...this.headers, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  private async ask<T>(path: string, init: RequestInit): Promise<T> {
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(`${this.url}${path}`, { ...init, redirect: 'error', signal: AbortSignal.timeout(CALL_MAX_MS) });
      text = await answer.text();
    } catch (error) {
      const why = error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
      throw new CliError(1, `the console at ${this.url} does not answer (${why}); start it, or set CONSOLE_URL`);
    }
    const body = parsed(text);
    if (answer.ok && body !== null) return body as T;
    throw new ApiError(answer.status, body as ProblemBody | null, this.url);
  }
}

type ProblemBody = { title?: string; detail?: string; errors?: { where?: string; problem?: string; message?: string }[] };

/** What the console refused, in its own words. 4xx but 404 is wrong use. */
export class ApiError extends CliError {
  constructor(
    readonly status: number,
    body: ProblemBody | null,
    url: string,
  ) {
    const said = body?.title
      ? [body.title, body.detail].filter(Boolean).join(': ')
      : `${url} answered ${status}, and not as a console does`;
    const errors = (body?.errors ?? []).map(({ where, problem, message }) => `  ${where ?? ''}: ${problem ?? message ?? ''}`);
    const mend = status === 401 ? ['Set HOLDFAST_TOKEN_FILE to a file with your token.'] : [];
    super(status >= 400 && status < 500 && status !== 404 && status !== 429 ? 2 : 1, [said, ...errors, ...mend].join('\n'));
  }
}

function tokenOf(env: Terminal['env']): string | null {
  const file = env['HOLDFAST_TOKEN_FILE'];
  if (!file) return env['HOLDFAST_TOKEN']?.trim() || null;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CliError(2, `HOLDFAST_TOKEN_FILE cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
