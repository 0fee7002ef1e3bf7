import { readFileSync } from 'node:fs';
import type { SecretRef } from './configuration.js';
import { Secret, type SecretStore } from './secret.js';

/** Well below the 15 s within which a changed file must be in use. */
const POLL_MS = 5_000;
const SECRET_MAX_BYTES = 64 * 1024;

/** A secret that cannot be read. The message names where it should be, and never what it is. */
export class SecretError extends Error {
  constructor(
    readonly code: 'missing' | 'unreadable',
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'SecretError';
  }
}

export type SecretStoreOptions = Readonly<{
  env?: Readonly<Record<string, string | undefined>>;
  pollMs?: number;
  /** Told once per change of a file's state: for the log. */
  onChange?: (change: Readonly<{ ref: SecretRef; kind: 'changed' | 'unreadable' | 'readable'; reason: string | null }>) => void;
}>;

/**
 * Reads all secrets at once, so that a missing one ends the start and not the first event, and watches their files by
 * polling: mounted secrets are swapped by renaming, which watchers miss.
 *
 * A file that becomes unreadable later keeps its last value: a rotation that goes wrong must not stop what works.
 *
 * @throws SecretError for the first that is not there
 */
export function openSecrets(
  refs: readonly SecretRef[],
  { env = process.env, pollMs = POLL_MS, onChange }: SecretStoreOptions = {},
): SecretStore {
  const values = new Map<string, Secret>(refs.map((ref) => [keyOf(ref), readSecret(ref, env)]));
  const unreadable = new Set<string>();

  const look = (ref: SecretRef): void => {
    const key = keyOf(ref);
    try {
      const current = readSecret(ref, env);
      if (unreadable.delete(key)) onChange?.({ ref, kind: 'readable', reason: null });
      if (values.get(key)!.equals(current)) return;
      values.set(key, current);
      onChange?.({ ref, kind: 'changed', reason: null });
    } catch (error) {
      if (unreadable.has(key)) return;
      unreadable.add(key);
      onChange?.({ ref, kind: 'unreadable', reason: (error as Error).message });
    }
  };
  const files = [...new Map(refs.filter(({ kind }) => kind === 'file').map((ref) => [keyOf(ref), ref])).values()];
  const timer = setInterval(() => files.forEach(look), pollMs);
  timer.unref();

  return {
    get: (wanted) =>
      wanted.map((ref) => {
        const secret = values.get(keyOf(ref));
        if (!secret) throw new RangeError(`a secret that the store was not opened with: ${keyOf(ref)}`);
        return secret;
      }),
    close: () => clearInterval(timer),
  };
}

const keyOf = (ref: SecretRef): string => (ref.kind === 'file' ? `file ${ref.path}` : `env ${ref.name}`);

/** One trailing newline of a file is the editor's, not the secret's. */
export function readSecret(ref: SecretRef, env: Readonly<Record<string, string | undefined>> = process.env): Secret {
  if (ref.kind === 'env') {
    const value = env[ref.name];
    if (!value) throw new SecretError('missing', `the environment variable ${ref.name} holds no secret; set it`);
    return new Secret(value);
  }
  let bytes: Buffer;
  try {
    bytes = readFileSync(ref.path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new SecretError(
      code === 'ENOENT' ? 'missing' : 'unreadable',
      `the secret file ${ref.path} cannot be read (${code}); write the secret into it`,
      cause,
    );
  }
  if (bytes.length > SECRET_MAX_BYTES)
    throw new SecretError('unreadable', `the secret file ${ref.path} is larger than ${SECRET_MAX_BYTES} bytes`);
  const end = bytes.at(-1) !== 0x0a ? bytes.length : bytes.at(-2) === 0x0d ? bytes.length - 2 : bytes.length - 1;
  if (end === 0) throw new SecretError('missing', `the secret file ${ref.path} is empty; write the secret into it`);
  return new Secret(bytes.subarray(0, end));
}
