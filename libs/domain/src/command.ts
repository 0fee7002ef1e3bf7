/** An operator's word (Avro `holdfast.Command`, `hf.commands`): decided once, by id. */
export type Command = {
  id: string;
  kind: 'requeue' | 'discard' | 'resolve' | 'pause' | 'resume' | 'probe';
  by: string;
  reason: string;
  at: number;
  destination: string | null;
  /** Positions or delivery ids the command speaks of; the set is frozen. */
  ids: string[];
  detail: Record<string, string>;
};
