import { ManualClock } from '#libs/kafka/src/testing/manual-clock.js';
import { MemoryHoldBoard } from './hold-board.memory.js';
import { holdBoardContract } from './testing/hold-board.contract.js';

holdBoardContract('memory', async () => {
  const clock = new ManualClock();
  return { board: new MemoryHoldBoard(clock), elapse: (ms) => clock.advance(ms) };
});
