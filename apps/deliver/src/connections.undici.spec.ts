import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Dispatcher } from 'undici';
import { Connections, type Borrower } from './connections.undici.js';

// Goal: one request a connection, never more connections than allowed, and a free one is used again. Method: a server that answers when told.
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function world(connectionsMax: number) {
  const answers: ServerResponse[] = [];
  const ports: (number | undefined)[] = [];
  const server = createServer((request, response) => {
    ports.push(request.socket.remotePort);
    answers.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connections = new Connections(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, connectionsMax, {});
  closing.push(
    () => connections.destroy(),
    () => server.closeAllConnections(),
    () => server.close(),
  );
  const ask = (): Promise<string> =>
    new Promise((resolve) => {
      const borrower: Borrower = {
        connection: null,
        onRequestStart: () => {},
        onResponseStart: () => {},
        onResponseData: () => {},
        onResponseEnd: () => {
          connections.giveBack(borrower);
          connections.giveBack(borrower); // Once is enough.
          resolve('answered');
        },
        onResponseError: (_controller: Dispatcher.DispatchController, error: Error) => {
          connections.giveBack(borrower);
          resolve(error.message);
        },
      };
      connections.dispatch({ method: 'GET', path: '/' }, borrower);
    });
  const arrived = async (count: number): Promise<void> => {
    while (answers.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  return { connections, answers, ports, ask, arrived };
}

describe('the connections of a destination', () => {
  it('carry one request each; the next takes the one that became free', async () => {
    const { answers, ports, ask, arrived } = await world(8);
    const [first, second] = [ask(), ask()];
    await arrived(2);
    expect(new Set(ports).size).toBe(2);
    answers[1]!.end();
    await Promise.race([first, second]);
    const third = ask();
    await arrived(3);
    expect(ports[2]).toBe(ports[1]);
    for (const answer of answers) answer.end();
    expect(await Promise.all([first, second, third])).toEqual(['answered', 'answered', 'answered']);
  });

  it('are never more than allowed: a request waits until one comes back', async () => {
    const { answers, ports, ask, arrived } = await world(1);
    const both = [ask(), ask()];
    await arrived(1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(answers).toHaveLength(1);
    answers[0]!.end();
    await arrived(2);
    answers[1]!.end();
    expect(await Promise.all(both)).toEqual(['answered', 'answered']);
    expect(new Set(ports).size).toBe(1);
  });

  it('tell everybody when they are closed, who waits and who comes later too', async () => {
    const { connections, ask, arrived } = await world(1);
    const both = [ask(), ask()];
    await arrived(1);
    await connections.destroy();
    expect(await Promise.all([...both, ask()])).toEqual(Array(3).fill('the connections were closed'));
  });
});
