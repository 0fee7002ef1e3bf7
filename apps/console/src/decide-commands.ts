import type { Command } from '#libs/domain/src/index.js';

/** What an operator asked for. `ids`: the frozen set. */
export type Asked = Readonly<{
  kind: Command['kind'];
  destination: string | null;
  ids: readonly string[];
  reason: string;
  by: string;
  detail: Readonly<Record<string, string>>;
}>;

/** Ids of one record: some 20 bytes each, far below what a broker takes. */
export const COMMAND_IDS_MAX = 5_000;

/**
 * One operation as records of `hf.commands`, all under its id as the key and so in one partition and in order. A large set is cut:
 * `detail.part` counts from 1 to `detail.parts`, `detail.total` is the size of the whole set.
 */
export function decideCommands(asked: Asked & Readonly<{ operationId: string; at: number }>): Command[] {
  const { operationId, ids, detail, ...rest } = asked;
  const parts = Math.max(1, Math.ceil(ids.length / COMMAND_IDS_MAX));
  return Array.from({ length: parts }, (_, index) => ({
    ...rest,
    id: operationId,
    ids: ids.slice(index * COMMAND_IDS_MAX, (index + 1) * COMMAND_IDS_MAX),
    detail: { ...detail, part: String(index + 1), parts: String(parts), total: String(ids.length) },
  }));
}
