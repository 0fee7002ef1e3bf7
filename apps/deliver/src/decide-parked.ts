/**
 * Decides what becomes of a strict delivery that has ended a turn. Pure.
 *
 * | its end                | `onDeadLetter: stop`            | `continue`                  |
 * | ---------------------- | ------------------------------- | --------------------------- |
 * | delivered, resolved    | leaves; the next one goes       | leaves; the next one goes   |
 * | to be retried          | parked until its tier has passed | parked until its tier has passed |
 * | dead-lettered, or held | parked, stopped: an operator decides | to the DLQ; the next one goes |
 *
 * A wait within the lane (a hold of the destination) is no end: the lane keeps it.
 */
export type StrictEnd = 'delivered' | 'resolved' | 'superseded' | 'delayed' | 'dead-lettered' | 'held' | 'parked';
export type ParkedStep = 'leave' | 'park-until-due' | 'park-stopped' | 'as-it-is';

export function decideParked(end: StrictEnd, continues: boolean): ParkedStep {
  switch (end) {
    case 'delivered':
    case 'resolved':
    case 'superseded':
      return 'leave';
    case 'delayed':
      return 'park-until-due';
    case 'dead-lettered':
    case 'held':
      return continues ? 'leave' : 'park-stopped';
    case 'parked':
      return 'as-it-is';
  }
}
