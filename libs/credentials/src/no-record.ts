import type { TokenRecord } from './token.js';

export const noRecord: TokenRecord = { token: null, failing: null, refreshToken: null };
