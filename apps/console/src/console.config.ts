import { timingSafeEqual } from 'node:crypto';
import type { HoldfastConfig, SecretRef, SecretStore } from '#libs/config/src/index.js';
import type { Actor } from './console.ports.js';
import { decideActor } from './decide-access.js';

export const secretsOf = ({ console }: Pick<HoldfastConfig, 'console'>): SecretRef[] => console.tokens.map(({ token }) => token);

const BEARER = /^Bearer ([\x21-\x7e]{1,512})$/i;

/** Who asks. Every token is compared, whether or not one has fitted, so that the time taken does not tell which. */
export function actorOf({ console, dev }: Pick<HoldfastConfig, 'console' | 'dev'>, secrets: Pick<SecretStore, 'get'>) {
  return (header: (name: string) => string | undefined): Actor | null => {
    const given = BEARER.exec(header('authorization') ?? '')?.[1];
    let tokenOwner: Actor | null = null;
    for (const { name, role, token } of console.tokens) {
      for (const secret of secrets.get([token])) {
        const [ours, theirs] = [secret.reveal(), Buffer.from(given ?? '')];
        if (ours.length > 0 && ours.length === theirs.length && timingSafeEqual(ours, theirs)) tokenOwner = { name, role };
      }
    }
    return decideActor({ isDev: dev, hasTokens: console.tokens.length > 0, tokenOwner, actorHeader: header('x-holdfast-actor') });
  };
}
