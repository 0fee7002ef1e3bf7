import type { DestinationConfig, SecretStore } from '#libs/config/src/index.js';
import type { Clock } from '#libs/kafka/src/index.js';
import { standardWebhooksSigner } from '#libs/shaping/src/index.js';
import type { Signing } from './render-request.js';

export function signingOf({ name, signing }: DestinationConfig, secrets: SecretStore, clock: Clock): Signing | null {
  if (signing === null) return null;
  const { secrets: refs } = signing;
  try {
    return { sign: standardWebhooksSigner(() => secrets.get(refs)), nowMs: () => clock.nowMs() };
  } catch (error) {
    throw new RangeError(`destination ${name}: ${(error as Error).message}`, { cause: error });
  }
}
