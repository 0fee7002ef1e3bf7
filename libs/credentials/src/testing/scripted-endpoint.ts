import type { Granted, NotGranted, TokenEndpoint } from '../token-endpoint.port.js';

/** A token endpoint that does as it is told, and keeps the books of what it was asked. */
export class ScriptedEndpoint implements TokenEndpoint {
  readonly asked: (string | null)[] = [];
  lifeMs = 10_000;
  down: NotGranted | null = null;
  /** Each grant brings a new refresh token, and the old one works no more. */
  rotates = false;
  scope: string | null = null;
  /** Resolved by the test; until then nobody is answered. */
  gate: Promise<void> = Promise.resolve();
  given = 0;

  async ask(refreshToken: string | null): Promise<Granted | NotGranted> {
    this.asked.push(refreshToken);
    await this.gate;
    if (this.down) return this.down;
    this.given++;
    return {
      kind: 'granted',
      accessToken: `access-${this.given}`,
      expiresInMs: this.lifeMs,
      scope: this.scope,
      refreshToken: this.rotates ? `refresh-${this.given}` : null,
    };
  }

  async close(): Promise<void> {}
}
