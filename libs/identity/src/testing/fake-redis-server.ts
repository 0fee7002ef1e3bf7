import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a fake server does: says something, closes the connection without an answer, or never answers. */
export type FakeAnswer = string | typeof hangUp | typeof silence;
export const hangUp = Symbol('hang up');
export const silence = Symbol('silence');

/**
 * Just enough of Redis' protocol to show what no real server does on demand: another run id, a policy that evicts, a connection
 * that is lost between a command and its answer.
 */
export class FakeRedisServer {
  runId = 'run-1';
  policy = 'noeviction';
  evictedKeys = 0;
  readonly heard: string[][] = [];
  answer: (command: string[]) => FakeAnswer = () => '+OK\r\n';
  private readonly sockets = new Set<Socket>();
  private constructor(private readonly server: Server) {}

  static async start(): Promise<FakeRedisServer> {
    const server = createServer();
    const fake = new FakeRedisServer(server);
    server.on('connection', (socket) => fake.serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  dropAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.dropAll();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    let rest = '';
    socket.on('data', (chunk: Buffer) => {
      rest += chunk.toString('utf8');
      for (let parsed = parse(rest); parsed; parsed = parse(rest)) {
        rest = parsed.rest;
        this.reply(socket, parsed.command);
      }
    });
  }

  private reply(socket: Socket, command: string[]): void {
    const name = command[0]!.toLowerCase();
    if (name === 'hello') return void socket.write("-ERR unknown command 'HELLO'\r\n");
    if (name === 'client') return void socket.write('+OK\r\n');
    if (name === 'info')
      return void socket.write(
        bulk(`run_id:${this.runId}\r\nloading:0\r\nmaxmemory_policy:${this.policy}\r\nevicted_keys:${this.evictedKeys}\r\n`),
      );
    this.heard.push(command);
    const answer = this.answer(command);
    if (answer === hangUp) socket.destroy();
    else if (answer !== silence) socket.write(answer);
  }
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** One whole command from the front of what came, or null. ASCII only. */
function parse(text: string): { command: string[]; rest: string } | null {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (!head) return null;
  const command: string[] = [];
  let at = head[0].length;
  for (let n = 0; n < Number(head[1]); n++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at));
    if (!size || text.length < at + size[0].length + Number(size[1]) + 2) return null;
    at += size[0].length;
    command.push(text.slice(at, at + Number(size[1])));
    at += Number(size[1]) + 2;
  }
  return { command, rest: text.slice(at) };
}
