import { hash } from 'node:crypto';

/** 132 bits of SHA-256 over the parts, base64url: a bounded key whatever the sender puts into his. A NUL keeps ['a','b'] and ['ab',''] apart. */
export const claimKey = (...parts: readonly string[]): string => hash('sha256', parts.join('\0'), 'base64url').slice(0, 22);
