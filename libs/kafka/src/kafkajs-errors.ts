import { LogError, type LogErrorCode } from './log.port.js';

/** Kafka's name of a broker's error, or '' for anything else (a lost connection, a timeout). */
export function kafkaErrorType(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { type, message, name } = error as { type?: unknown; message?: unknown; name?: unknown };
  if (name === 'KafkaJSSASLAuthenticationError') return 'SASL_AUTHENTICATION_FAILED';
  if (type === 'KAFKAJS_UNKNOWN_ERROR_CODE' && typeof message === 'string') return newerCodes[message.replace(/\D/g, '')] ?? type;
  return typeof type === 'string' ? type : '';
}

/** Codes that are younger than kafkajs. */
const newerCodes: Record<string, string> = { '90': 'PRODUCER_FENCED', '100': 'UNKNOWN_TOPIC_ID', '120': 'TRANSACTION_ABORTABLE' };

const codes: Record<string, LogErrorCode> = {
  PRODUCER_FENCED: 'fenced',
  INVALID_PRODUCER_EPOCH: 'fenced',
  INVALID_PRODUCER_ID_MAPPING: 'fenced',
  INVALID_TXN_STATE: 'fenced', // Ended by the coordinator (its timeout) or by the next owner.
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  OFFSET_OUT_OF_RANGE: 'out-of-range',
  UNKNOWN_TOPIC_OR_PARTITION: 'missing-topic',
  INVALID_TOPIC_EXCEPTION: 'missing-topic',
  TOPIC_AUTHORIZATION_FAILED: 'unauthorized',
  GROUP_AUTHORIZATION_FAILED: 'unauthorized',
  CLUSTER_AUTHORIZATION_FAILED: 'unauthorized',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'unauthorized',
  SASL_AUTHENTICATION_FAILED: 'unauthorized',
};

export const fencedTypes: ReadonlySet<string> = new Set(Object.keys(codes).filter((type) => codes[type] === 'fenced'));

/** A LogError as it is; anything else mapped by Kafka's name, and `unavailable` when it has none. */
export function toLogError(error: unknown, doing: string): LogError {
  if (error instanceof LogError) return error;
  const type = kafkaErrorType(error);
  const text = error instanceof Error ? error.message : String(error);
  return new LogError(codes[type] ?? 'unavailable', `${doing}: ${type ? `${type}: ` : ''}${text}`, error);
}
