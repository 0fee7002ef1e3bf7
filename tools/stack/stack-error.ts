/**
 * Something outside our code keeps the stack from starting. The message says what, where and how to mend it, and is printed without a stack trace.
 * `exitCode` 2 is a wrong configuration or use, 1 anything else.
 */
export class StackError extends Error {
  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 1,
  ) {
    super(message);
    this.name = 'StackError';
  }
}
