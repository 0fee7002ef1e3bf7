import type { Actor, Role } from './console.ports.js';

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };
export const mayAct = (actor: Actor, needed: Role): boolean => RANK[actor.role] >= RANK[needed];

/** Who asks, from what came with the request. `tokenOwner`: whose token it is, if it is anybody's. */
export type Credentials = Readonly<{ isDev: boolean; hasTokens: boolean; tokenOwner: Actor | null; actorHeader: string | undefined }>;

const ACTOR_MAX_CHARS = 128;
const ACTOR = /^[\x20-\x7e]+$/;

/**
 * | configured tokens | environment | who may                                               |
 * | ----------------- | ----------- | ----------------------------------------------------- |
 * | some              | any         | the owner of the token, in its role                   |
 * | none              | dev         | everybody, as admin, under the name of X-Holdfast-Actor |
 * | none              | another     | nobody                                                |
 */
export function decideActor({ isDev, hasTokens, tokenOwner, actorHeader }: Credentials): Actor | null {
  if (hasTokens || !isDev) return tokenOwner;
  const name = actorHeader?.trim() ?? '';
  return { name: name !== '' && name.length <= ACTOR_MAX_CHARS && ACTOR.test(name) ? name : 'anonymous', role: 'admin' };
}
