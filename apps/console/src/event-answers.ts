import type { Codec } from '#libs/contracts/src/index.js';
import type { Fact, HoldfastEvent } from '#libs/domain/src/index.js';
import { foldHistories, type EventHistory, type FoundRows, type LedgerReader, type ReceivedEvent } from '#libs/ledger/src/index.js';

export type EventAnswer = Readonly<{
  event: Record<string, unknown>;
  verdict: EventHistory['verdict'];
  verdicts: EventHistory['verdicts'];
  timeline: EventHistory['timeline'];
  faults: EventHistory['faults'];
  /** Of a duplicate, or what superseded it: the position, and whose it is. */
  duplicateof: Readonly<{ position: string; id: string | null }> | null;
  /** Facts that contradict each other; each one is a bug of ours. */
  conflicts: readonly string[];
  /** Other events under the same id or correlation id, newest first. */
  others: readonly Readonly<{ id: string; position: string; verdict: string }>[];
}>;

export type EventAnswersParts = Readonly<{ ledger: LedgerReader; codec: Pick<Codec, 'decode'> }>;

/** The whole story of an event, by the same fold as `holdfast prove`, over the projection. Null: nothing is known under this id. */
export async function answerEvent(id: string, { ledger, codec }: EventAnswersParts): Promise<EventAnswer | null> {
  const found = await ledger.find(id);
  const { received, facts } = await decoded(found, codec);
  const histories = foldHistories({ received, facts, traces: [], passed: () => null });
  const chosen = chooseHistory(histories);
  if (!chosen) return null;
  const event = received.find(({ position }) => position === chosen.event.position)?.event ?? null;
  const doubled = chosen.duplicateof === null ? null : await ledger.eventAt(chosen.duplicateof);
  const { verdict, verdicts, timeline, faults, conflicts } = chosen;
  return {
    event: event ? eventBody(event, chosen.event.position) : { ...chosen.event, entity: chosen.event.entity },
    ...{ verdict, verdicts, timeline, faults, conflicts },
    duplicateof: chosen.duplicateof === null ? null : { position: chosen.duplicateof, id: doubled?.id ?? null },
    others: histories
      .filter((history) => history !== chosen)
      .reverse()
      .map((history) => ({ id: history.event.id, position: history.event.position, verdict: history.verdict })),
  };
}

/** The one that was accepted speaks for its duplicates under the same id; otherwise the newest. */
const chooseHistory = (histories: readonly EventHistory[]): EventHistory | undefined =>
  histories.findLast(({ verdict }) => verdict === 'accepted') ?? histories.at(-1);

async function decoded({ events, facts }: FoundRows, codec: Pick<Codec, 'decode'>) {
  const received: ReceivedEvent[] = [];
  for (const { position, record } of events) {
    const event = await codec.decode('Event', record);
    if (event.ok) received.push({ position, event: event.value });
  }
  const said: Fact[] = [];
  for (const { record } of facts) {
    const fact = await codec.decode('Fact', record);
    if (fact.ok) said.push(fact.value);
  }
  return { received, facts: said };
}

/** Envelope names as in INTERFACES; the body in base64, since it may be anything. */
const eventBody = ({ data, ...envelope }: HoldfastEvent, position: string): Record<string, unknown> => ({
  ...envelope,
  entity: envelope.subject,
  position,
  data: data.toString('base64'),
});
