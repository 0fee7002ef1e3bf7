import { type Writable } from 'node:stream';
import pretty from 'pino-pretty';

const lineBytesMax = 1024 * 1024;

/** Where an app's output goes: its log lines to our standard output (readable on a terminal, JSON otherwise), all else to our standard error. */
export interface Output {
  stdout: Writable;
  stderr: Writable;
}

export function processOutput(): Output {
  if (!process.stdout.isTTY) return { stdout: process.stdout, stderr: process.stderr };
  return { stdout: pretty({ colorize: true, singleLine: true, ignore: 'pid,hostname', sync: true }), stderr: process.stderr };
}

/** Passes on whole lines only, so that the lines of several apps do not run into each other. */
export function lineWriter(output: Output): (chunk: Buffer, stream: keyof Output) => void {
  const pending = { stdout: '', stderr: '' };
  return (chunk, stream) => {
    const text = pending[stream] + chunk.toString('utf8');
    const end = text.length > lineBytesMax ? text.length : text.lastIndexOf('\n') + 1;
    pending[stream] = text.slice(end);
    if (end > 0) output[stream].write(text.slice(0, end));
  };
}
