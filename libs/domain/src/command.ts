/**
 * What dlq-handler says of an operation, beside the operator's word and under the same id: these ids have `left`, in the
 * transaction that took them; it has `ended`.
 */
export type CommandProgress = 'left' | 'ended';

/** An operator's word (Avro `holdfast.Command`, `hf.commands`): decided once, by id. */
export type Command = {
  id: string;
  kind: 'requeue' | 'discard' | 'resolve' | 'abort' | 'pause' | 'resume' | 'probe' | CommandProgress;
  by: string;
  reason: string;
  at: number;
  destination: string | null;
  /** Positions or delivery ids the command speaks of; the set is frozen. */
  ids: string[];
  detail: Record<string, string>;
};
