/**
 * One number for a position of either log that a partition's owner reads: offsets of the deliveries' topic as they are, those of the
 * parked topic above them. So one set of marks, one window's keys and one standing serve both. Exact up to 2^53.
 */
const besideFrom = 2 ** 52;

export const besideKey = (offset: number): number => besideFrom + offset;
export const isBeside = (key: number): boolean => key >= besideFrom;
export const offsetOf = (key: number): number => (key >= besideFrom ? key - besideFrom : key);
