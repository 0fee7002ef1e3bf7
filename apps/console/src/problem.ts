/** An answer that is not what was asked for, as RFC 9457 has it. `detail` says what, where and how to mend it. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(`${title}: ${detail}`);
    this.name = 'Problem';
  }

  body(correlationId: string): Record<string, unknown> {
    return { type: 'about:blank', title: this.title, status: this.status, detail: this.detail, correlationId, ...this.more };
  }
}

export const notFound = (what: string, mend: string): Problem => new Problem(404, `There is no such ${what}`, mend);
