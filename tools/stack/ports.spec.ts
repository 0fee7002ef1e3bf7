/** Goal: ports are where INTERFACES says, and a wrong or taken one is told by the variable that mends it. */
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { anotherPort, freePorts, freeStackPorts, isPortFree, portFrom, requireFreePort, stackPorts } from './ports.js';

describe('the ports of the stack', () => {
  it('are the well-known ones unless a base is given', () => {
    expect(stackPorts({})).toEqual({ kafka: 9092, redis: 6379, registry: 8085, postgres: 5432, kafkaController: 9093 });
  });

  it('are taken from the base upward', () => {
    const ports = stackPorts({ HOLDFAST_PORT_BASE: '21000' });
    expect(ports).toEqual({ kafka: 21_000, redis: 21_001, registry: 21_002, postgres: 21_003, kafkaController: 21_004 });
  });

  it.each(['0', '-1', '80.5', 'http', '70000', '65533'])('refuses the base %s with exit code 2', (base) => {
    expect(() => stackPorts({ HOLDFAST_PORT_BASE: base })).toThrow(expect.objectContaining({ exitCode: 2 }));
    expect(() => stackPorts({ HOLDFAST_PORT_BASE: base })).toThrow(/HOLDFAST_PORT_BASE/);
  });

  it('takes an empty variable as none', () => {
    expect(portFrom({ INGEST_PORT: '' }, 'INGEST_PORT', 8080)).toBe(8080);
  });

  it('names a port in use together with its use and the variable', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(requireFreePort(port, 'ingest', anotherPort('INGEST_PORT'))).rejects.toThrow(
      `Port ${port} for ingest is in use. End the program that holds it, or set INGEST_PORT to another port.`,
    );
    await new Promise((resolve) => server.close(resolve));
    await expect(requireFreePort(port, 'ingest', anotherPort('INGEST_PORT'))).resolves.toBeUndefined();
  });

  it('finds different free ports below the range of outgoing connections', async () => {
    const ports = await freePorts(5);
    expect(new Set(ports).size).toBe(5);
    for (const port of ports) {
      expect(port).toBeLessThan(32_768);
      expect(await isPortFree(port)).toBe(true);
    }
    expect(new Set(Object.values(await freeStackPorts())).size).toBe(5);
  });
});
