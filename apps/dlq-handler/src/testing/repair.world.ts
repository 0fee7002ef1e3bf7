import { MemoryRegistry, openCodec, type Codec } from '#libs/contracts/src/index.js';
import { groupNames, topicNames, type Command, type Delivery, type Fact } from '#libs/domain/src/index.js';
import { MemoryLog, PartitionOwner, type Interleave, type MemoryProcess } from '#libs/kafka/src/index.js';
import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryOperationStore } from '../operation-store.memory.js';
import { carryOut } from '../repair.pipeline.js';
import type { RepairPorts } from '../repair.ports.js';
import { delivery, event } from './entry.builder.js';

export const codec: Codec = await openCodec(new MemoryRegistry(), { register: true });
const topics = topicNames('s.');
const groups = groupNames('s.');

export type Answer = 'delivered' | 'dead-lettered';
const through: Interleave = { before: async () => {}, after: async () => {} };

/** The commands' owner over the log in memory, and a partner behind `portal` that answers whatever is in its queue. */
export function repairWorld(answer: (delivery: Delivery, nth: number) => Answer | null = () => 'delivered') {
  const clock = new ManualClock();
  const log = new MemoryLog({ clock });
  for (const topic of [topics.commands, topics.dlq, topics.invalid, topics.ledger, topics.deliveries('portal')]) log.createTopic(topic);
  const store = new MemoryOperationStore();
  const openBreakers = new Set<string>();
  let answered = 0;
  const write = (topic: string, key: string, value: Buffer) => log.broker.write([{ topic, key, value, headers: {} }], null);
  const queue = (): Delivery[] =>
    log.records(topics.deliveries('portal')).map(({ value }) => (codec.decodeSync('Delivery', value!) as { value: Delivery }).value);
  const partner = (): void => {
    const all = queue();
    for (; answered < all.length; answered++) {
      const one = all[answered]!;
      const word = answer(one, answered);
      if (word === null) return;
      const ended = { ...blankFact(one), position: `s.deliveries.portal/0/${answered}` };
      const fact: Fact =
        word === 'delivered'
          ? { ...ended, fact: 'settled', verdict: 'delivered-once' }
          : { ...ended, fact: 'dead-lettered', class: 'business', reason: 'rejected' };
      write(topics.ledger, one.event.id, codec.encode('Fact', fact));
    }
  };
  return {
    ...{ clock, log, store, topics, openBreakers, queue, partner },
    facts: (): Fact[] => log.records(topics.ledger).map(({ value }) => (codec.decodeSync('Fact', value!) as { value: Fact }).value),
    committed: () => log.broker.committed(groups.commands, topics.commands, 0)?.offset ?? null,
    /** `count` dead letters come to rest. */
    dead(count: number, over: Partial<Delivery> = {}): string[] {
      const first = log.records(topics.dlq).length;
      return Array.from({ length: count }, (_, i) => {
        const n = first + i;
        const one = delivery({
          id: `dlv-${n}`,
          hop: 2,
          eventposition: `s.events/0/${n}`,
          event: event({ id: `evt-${n}`, subject: `order-${n}` }),
          ...over,
        });
        write(topics.dlq, one.event.subject, codec.encode('Delivery', one));
        store.add({ room: 'dlq', partition: 0, offset: n }, { eventposition: one.eventposition, destination: 'portal', hop: one.hop });
        return `dlq-0-${n}`;
      });
    },
    command(over: Partial<Command>): void {
      const command: Command = {
        id: 'op',
        kind: 'requeue',
        by: 'ann',
        reason: 'mended',
        at: clock.nowMs(),
        destination: null,
        ids: [],
        detail: {},
        ...over,
      };
      write(topics.commands, command.id, codec.encode('Command', command));
    },
    async start(interleave: Interleave = through, over: Partial<RepairPorts> = {}, born: (view: MemoryProcess) => void = () => {}) {
      const view = log.process(interleave);
      born(view);
      const inTurn =
        <A extends unknown[], R>(call: string, act: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          await interleave.before(call);
          const result = await act(...args);
          await interleave.after(call);
          return result;
        };
      const ports: RepairPorts = {
        owner: (partition) => new PartitionOwner(partition, { begin: 'earliest' }),
        codec: async () => codec,
        cluster: view,
        store: {
          keep: inTurn('keep', (row) => store.keep(row)),
          mark: inTurn('mark', (places, state) => store.mark(places, state)),
          find: inTurn('find', (position, destination) => store.find(position, destination)),
        },
        breakers: { isOpen: async (destination) => openBreakers.has(destination) },
        topics,
        destinations: new Set(['portal']),
        telling: { operation: () => {}, waiting: () => {} },
        clock,
        ...over,
      };
      await view.source({ group: groups.commands, topic: topics.commands }).start(carryOut(ports));
      return view;
    },
    /** Time passes, and the partner answers, until it is true; false when it never was. */
    async until(isTrue: () => boolean, stepMs = 50, steps = 200): Promise<boolean> {
      for (let n = 0; n < steps && !isTrue(); n++) {
        await clock.advance(stepMs);
        partner();
      }
      return isTrue();
    },
  };
}

const blankFact = ({ id, hop, destination, event: of, eventposition }: Delivery): Fact => ({
  ...{ id: of.id, correlationid: of.correlationid, fact: 'settled', at: 1, app: 'deliver', type: of.type, source: of.source },
  ...{ eventposition, position: '', destination, delivery: id, hop, verdict: null, duplicateof: null, class: null, attempt: 1 },
  ...{ attempts: [], destinations: [], tier: null, until: null, reason: null, by: null, faults: [], externalid: null },
});
