/**
 * Whether an app can do its job, asked when somebody asks. A check says what is missing and how to mend it.
 *
 * A round of checks runs at most once in FRESH_MS and each check at most CHECK_MAX_MS, so an answer is never older than
 * their sum (3 s; the promise is 10 s). A check that hangs counts as failed.
 */
export type CheckResult = { ok: true } | { ok: false; missing: string; mend: string; partial?: true };
export type Check = (signal: AbortSignal) => CheckResult | Promise<CheckResult>;
export type ReadinessReport = Readonly<{ ready: boolean; app: string; checks: Record<string, CheckResult> }>;

export const CHECK_MAX_MS = 2_000;
export const FRESH_MS = 1_000;

export const passed: CheckResult = { ok: true };
export const failed = (missing: string, mend: string): CheckResult => ({ ok: false, missing, mend });
/** One part of many is missing (a source without its topic): told among the missing, and the app stays ready for the others. */
export const partly = (missing: string, mend: string): CheckResult => ({ ok: false, missing, mend, partial: true });

export class Readiness {
  private readonly checks = new Map<string, Check>();
  private last: { at: number; report: Promise<ReadinessReport> } | null = null;

  constructor(
    private readonly app: string,
    private readonly monotonicMs: () => number = () => performance.now(),
    private readonly checkMaxMs = CHECK_MAX_MS,
  ) {}

  /** A second check under one name takes the first one's place. The name is short and stable: it is a metric's label. */
  register(name: string, check: Check): void {
    this.checks.set(name, check);
    this.last = null;
  }

  report(): Promise<ReadinessReport> {
    const now = this.monotonicMs();
    if (!this.last || now - this.last.at > FRESH_MS) this.last = { at: now, report: this.evaluate() };
    return this.last.report;
  }

  private async evaluate(): Promise<ReadinessReport> {
    const entries = await Promise.all([...this.checks].map(async ([name, check]) => [name, await this.bounded(name, check)] as const));
    return {
      ready: entries.every(([, result]) => result.ok || result.partial === true),
      app: this.app,
      checks: Object.fromEntries(entries),
    };
  }

  private async bounded(name: string, check: Check): Promise<CheckResult> {
    const abort = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<CheckResult>((resolve) => {
      timer = setTimeout(() => {
        abort.abort();
        resolve(failed(`${name} did not answer within ${this.checkMaxMs} ms`, `Look whether ${name} hangs or cannot be reached.`));
      }, this.checkMaxMs);
    });
    try {
      return await Promise.race([Promise.resolve().then(() => check(abort.signal)), late]);
    } catch (error) {
      return failed(`${name}: ${error instanceof Error ? error.message : String(error)}`, `Look into the log of ${this.app}.`);
    } finally {
      clearTimeout(timer);
    }
  }
}
