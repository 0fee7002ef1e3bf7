import { closeSync, mkdirSync, openSync, fstatSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A log file that keeps at most twice `bytesMax`: when it is full it becomes `<path>.1` (replacing the last one) and a new one begins. */
export class BoundedLog {
  private file: number;
  private bytes: number;

  constructor(
    private readonly path: string,
    private readonly bytesMax = 10 * 1024 * 1024,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.file = openSync(path, 'a');
    this.bytes = fstatSync(this.file).size;
  }

  write(chunk: Buffer): void {
    if (this.bytes + chunk.length > this.bytesMax && this.bytes > 0) this.turn();
    writeSync(this.file, chunk);
    this.bytes += chunk.length;
  }

  close(): void {
    closeSync(this.file);
  }

  private turn(): void {
    closeSync(this.file);
    renameSync(this.path, `${this.path}.1`);
    this.file = openSync(this.path, 'a');
    this.bytes = 0;
  }
}
