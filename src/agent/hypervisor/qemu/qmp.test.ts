import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { realEnv } from '../../../env/real.ts';
import { QmpConnection } from './qmp.ts';

const env = realEnv();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-qmp-'));
});

interface Request {
  execute: string;
  id: number;
}

/** A monitor that answers as the test says. */
async function serve(answer: (request: Request, socket: Socket) => void, greeting = '{"QMP": {}}\r\n'): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write(greeting);
    socket.on('data', (data) => {
      for (const line of data.toString().trim().split('\n')) {
        const request = JSON.parse(line) as Request;
        if (request.execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${request.id}}\r\n`);
        else answer(request, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'qmp.sock'), resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
}

const unreachable = expect.objectContaining({ code: 'unreachable' });

test('answers belong to their commands, in whatever order and pieces they come', async () => {
  const requests: Request[] = [];
  await serve((request, socket) => {
    requests.push(request);
    if (requests.length < 2) return;
    const text = requests.toReversed().map(({ id, execute }) => `{"return": "雲 ${execute}", "id": ${id}}\r\n`);
    const bytes = Buffer.from(text.join(''));
    for (const byte of bytes) socket.write(Buffer.of(byte));
  });
  const qmp = await QmpConnection.connect(folder, 'qmp.sock', env);
  expect(await Promise.all([qmp.execute('one'), qmp.execute('two')])).toEqual(['雲 one', '雲 two']);
  qmp.close();
});

test('a refusal has its class, and events reach the listeners', async () => {
  await serve(({ id }, socket) => {
    socket.write('{"event": "STOP", "data": {"x": 1}}\r\n');
    socket.write(`{"error": {"class": "DeviceNotFound", "desc": "no such disk"}, "id": ${id}}\r\n`);
  });
  const qmp = await QmpConnection.connect(folder, 'qmp.sock', env);
  const events: unknown[] = [];
  const stop = qmp.onEvent((event) => events.push(event));
  const refusal = { code: 'hypervisor_failed', className: 'DeviceNotFound', message: 'eject: no such disk' };
  await expect(qmp.execute('eject')).rejects.toMatchObject(refusal);
  stop();
  await expect(qmp.execute('eject')).rejects.toMatchObject(refusal);
  expect(events).toEqual([{ event: 'STOP', data: { x: 1 } }]);
  qmp.close();
});

test('silence is unreachable after the time, and an end at once', async () => {
  await serve(({ execute }, socket) => {
    if (execute === 'quit') socket.destroy();
  });
  const qmp = await QmpConnection.connect(folder, 'qmp.sock', env);
  await expect(qmp.execute('query-status', undefined, 10)).rejects.toEqual(unreachable);
  const waiting = qmp.execute('query-status', undefined, 60_000);
  await Promise.all([
    expect(waiting).rejects.toEqual(unreachable),
    expect(qmp.execute('quit')).rejects.toEqual(unreachable),
  ]);
  expect(qmp.closed.aborted).toBe(true);
  await expect(qmp.execute('query-status')).rejects.toEqual(unreachable);
});

test('nobody there, somebody silent and somebody else are all unreachable', async () => {
  await expect(QmpConnection.connect(folder, 'none.sock', env)).rejects.toEqual(unreachable);
  await serve(() => {}, '');
  await expect(QmpConnection.connect(folder, 'qmp.sock', env, 10)).rejects.toEqual(unreachable);
});

test('what does not speak QMP is left', async () => {
  await serve(() => {}, 'SSH-2.0-x\r\n');
  await expect(QmpConnection.connect(folder, 'qmp.sock', env)).rejects.toEqual(unreachable);
});
