import type { Outcome } from '#libs/delivery/src/index.js';
import { concealedOutcome } from './concealing.js';
import type { Credential, CredentialAnswer } from './credential.js';

type Request = Readonly<{ path: string; headers: Readonly<Record<string, string>> }>;
type Sends<R extends Request, D> = Readonly<{ send(request: R, deadline: D): Promise<Outcome> }>;

/**
 * A sender whose requests show who we are, and whose outcomes hold nothing of it. The token is taken when the request is handed
 * over, so that its age is that of the request and not of the rendering, and an answer is told of the very token that it answers.
 * `isAuth`: whether the destination's rules call an answer one about credentials.
 */
export function authorized<R extends Request, D>(
  sender: Sends<R, D>,
  credential: Credential,
  isAuth: (outcome: Extract<Outcome, { kind: 'responded' }>) => boolean,
): Sends<R, D> {
  return {
    send: async (request, deadline) => {
      const { tid, headers, query, words } = credential.parts();
      const path = query === null ? request.path : `${request.path}${request.path.includes('?') ? '&' : '?'}${query}`;
      const outcome = await sender.send({ ...request, path, headers: { ...request.headers, ...headers } }, deadline);
      if (outcome.kind === 'responded') credential.answered(tid, answerOf(outcome, isAuth), outcome.status);
      return concealedOutcome(outcome, words);
    },
  };
}

function answerOf(
  outcome: Extract<Outcome, { kind: 'responded' }>,
  isAuth: (outcome: Extract<Outcome, { kind: 'responded' }>) => boolean,
): CredentialAnswer {
  if (isAuth(outcome)) return 'rejected';
  // A server that fails or sheds load may not have looked at the credentials.
  return outcome.status < 500 && outcome.status !== 429 ? 'accepted' : 'nothing';
}
