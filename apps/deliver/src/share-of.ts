import type { DestinationConfig, FairnessConfig } from '#libs/config/src/index.js';
import { asText, at, parseExact, type Delivery } from '#libs/domain/src/index.js';
import type { Destination } from './deliver.ports.js';
import type { Share } from './fair-queue.js';

/** A large one costs more, for it takes the partner and the line more. */
const bytesOfOne = 64 * 1024;

/** Nothing where slots are not shared fairly. */
export const fairnessOf = ({ fairness }: Pick<DestinationConfig, 'fairness'>): Pick<Destination, 'fairness'> =>
  fairness ? { fairness: { groupsMax: fairness.groupsMax, shareOf: shareOf(fairness) } } : {};

/** Whom a delivery counts towards where destinations are shared fairly. What cannot be told is a group of its own. */
export function shareOf({ by }: FairnessConfig): (delivery: Delivery) => Share {
  const groupOf = grouping(by);
  return (delivery) => ({ group: groupOf(delivery) ?? '', cost: 1 + Math.floor(delivery.event.data.length / bytesOfOne) });
}

function grouping(by: FairnessConfig['by']): (delivery: Delivery) => string | null {
  switch (by.kind) {
    case 'source':
      return ({ event }) => event.source;
    case 'type':
      return ({ event }) => event.type;
    case 'entity':
      return ({ event }) => event.subject;
    case 'attribute':
      return ({ event }) => event.attributes[by.name] ?? null;
    case 'pointer':
      return ({ event }) => {
        const read = parseExact(event.data.toString('utf8'));
        return read ? asText(at(read.value, by.pointer)) : null;
      };
  }
}
