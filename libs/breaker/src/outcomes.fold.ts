/** Outcomes in a part of the window: `at` is its number since the epoch. */
export type Slot = Readonly<{ at: number; failures: number; successes: number }>;

/**
 * A sequence of outcomes, as much of it as a breaker looks at: how many, when, and the runs of failures at its begin, its end and
 * the longest within. Two of them join to the one of the whole, so what several replicas saw is reported in small batches.
 */
export type Outcomes = Readonly<{
  failures: number;
  successes: number;
  leading: number;
  longest: number;
  trailing: number;
  slots: readonly Slot[];
}>;

export const noOutcomes: Outcomes = { failures: 0, successes: 0, leading: 0, longest: 0, trailing: 0, slots: [] };

export const oneFailure = (at: number): Outcomes => ({
  failures: 1,
  successes: 0,
  leading: 1,
  longest: 1,
  trailing: 1,
  slots: [{ at, failures: 1, successes: 0 }],
});

export const successes = (slots: readonly Slot[]): Outcomes => ({
  ...noOutcomes,
  successes: slots.reduce((sum, slot) => sum + slot.successes, 0),
  slots,
});

export const joined = (a: Outcomes, b: Outcomes): Outcomes => ({
  failures: a.failures + b.failures,
  successes: a.successes + b.successes,
  leading: a.successes > 0 ? a.leading : a.failures + b.leading,
  longest: Math.max(a.longest, b.longest, a.trailing + b.leading),
  trailing: b.successes > 0 ? b.trailing : a.trailing + b.failures,
  slots: merged(a.slots, b.slots),
});

function merged(a: readonly Slot[], b: readonly Slot[]): Slot[] {
  const slots = [...a];
  for (const slot of b) {
    const n = slots.findIndex(({ at }) => at === slot.at);
    if (n < 0) slots.push(slot);
    else slots[n] = { at: slot.at, failures: slots[n]!.failures + slot.failures, successes: slots[n]!.successes + slot.successes };
  }
  return slots;
}
