import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Env } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { AgentError, type HostAgent, type MetadataResponder } from '../contract.ts';
import { acrossMachines } from './across-machines.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { sendFile } from './file-stream.ts';
import type { Line } from './line.ts';
import { OwnMachine } from './own-machine.ts';
import { serveHost } from './serve-host.ts';
import { verbs } from './verbs.ts';

const real = realEnv();
/** Nobody rests long between tries; whoever may still say something gets the time for it. */
const env: Env = { ...real, sleep: (ms, signal) => real.sleep(ms > 5000 ? ms : Math.min(ms, 50), signal) };
/** Nobody is given time at all. */
const hasty: Env = { ...real, sleep: (ms, signal) => real.sleep(Math.min(ms, 50), signal) };
const identity = { hostId: 'h', key: 'k' };
const facts = { networkId: 'n', address: '10.0.0.5', method: 'GET', path: '/openstack' };

/** A host that does what is said here, and nothing else. */
const fakeHost = (does: object) =>
  ({ ...Object.fromEntries(verbs.map((verb) => [verb, async () => {}])), ...does }) as unknown as HostAgent;

let folder: string;
let machine: OwnMachine;
let server: Server;
let askMetadata: MetadataResponder;
let stop: () => void;
const opened: Connection[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-line-'));
  machine = await OwnMachine.open(env, join(folder, 'lent'));
  const host = {
    describe: async () => ({ hostname: 'far' }),
    watchGuests: () => () => {},
    serveMetadata(responder: MetadataResponder) {
      askMetadata = responder;
      return () => {};
    },
  } as unknown as HostAgent;
  server = createServer();
  stop = serveHost(env, server, { host, machine, identity, program: 'test', stop() {} });
  server.listen({ path: join(folder, 'sock') });
  await once(server, 'listening');
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  stop();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function line(path = join(folder, 'sock')): Line {
  const sockets: Socket[] = [];
  return {
    identity,
    async open() {
      const socket = connect(path);
      sockets.push(socket);
      socket.on('error', () => {});
      await once(socket, 'connect');
      return socket;
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function connection(options: Partial<ConnectionOptions> = {}): Connection {
  const one = new Connection({ env, name: 'far', connect: async () => line(), ...options });
  opened.push(one);
  return one;
}

describe('the connection to a far host', () => {
  test('does not wait for the rest of a file that never comes', async () => {
    const path = join(folder, 'file');
    await writeFile(path, Buffer.alloc(3 * 1024 ** 2, 7));
    const whole = new PassThrough({ highWaterMark: 2 ** 24 });
    await sendFile(path, whole);
    const sent: Buffer = whole.read();
    const far = connection();
    await far.connect();
    await far.write(join(folder, 'whole'), Readable.from([sent.subarray(0, 5), sent.subarray(5)]));
    const cut = far.write(join(folder, 'cut'), Readable.from([sent.subarray(0, -1)]));
    await expect(cut).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('has nobody go on sending what can’t be kept', async () => {
    const bytes = new PassThrough();
    const disk = { ...machine, name: 'far', borrowFolder: () => machine.borrowFolder(), read: async () => bytes };
    const host = fakeHost({ exportDisk: async () => ({ size: 1, virtualSize: 1 }) });
    const far = acrossMachines(env, host, disk as never, () => machine);
    bytes.write(Buffer.alloc(12, 255));
    const target = { kind: 'file' as const, path: join(folder, 'exported') };
    await expect(far.exportDisk({ diskId: 'd', format: 'raw', target })).rejects.toThrow('was announced');
    expect(bytes.destroyed).toBe(true);
  });

  test('takes no file of a guest for one elsewhere', async () => {
    const from = { files: async () => [{ name: '../../planted', size: 1 }], read: async () => new PassThrough() };
    const far = acrossMachines(env, fakeHost({}), machine, () => from as never);
    const files = { kind: 'folder' as const, path: '/guest', machine: 'other' };
    await expect(far.acceptGuest('s', { files } as never)).rejects.toThrow('is no name of a file');
  });

  test('is made again by the way that leads there now, whatever has begun before', async () => {
    let isMoved = false;
    const tried = Promise.withResolvers<void>();
    const given = Promise.withResolvers<void>();
    const far = connection({
      async connect() {
        if (isMoved) return line();
        tried.resolve();
        await given.promise;
        throw new AgentError('unreachable', 'nobody is there');
      },
    });
    far.keep();
    await tried.promise;
    isMoved = true;
    const made = far.reconnect();
    given.resolve();
    await expect(made).resolves.toMatchObject({ hostname: 'far' });
  });

  test('is not waited for when it is let go', async () => {
    const tried = Promise.withResolvers<void>();
    const given = Promise.withResolvers<void>();
    let isClosed = false;
    const far = connection({
      async connect() {
        tried.resolve();
        await given.promise;
        return { ...line(), close: () => (isClosed = true) };
      },
    });
    far.keep();
    await tried.promise;
    await far.close();
    given.resolve();
    await expect.poll(() => isClosed).toBe(true);
    expect(far.isConnected).toBe(false);
  });

  test('is made again where it takes no more conversations', async () => {
    let isFull = false;
    const far = connection({
      async connect() {
        const made = line();
        isFull = false;
        const open = async () => {
          if (isFull) throw new AgentError('unreachable', 'permission denied');
          return await made.open();
        };
        return { ...made, open };
      },
    });
    await far.connect();
    isFull = true;
    await expect(far.borrowFolder()).rejects.toThrow('permission denied');
    await expect.poll(() => far.isConnected).toBe(true);
    await using borrowed = await far.borrowFolder();
    expect(borrowed.path).toContain('lent');
  });

  test('is given up where an agent is there and says nothing', async () => {
    const silent = createServer(() => {}).listen({ path: join(folder, 'silent') });
    await once(silent, 'listening');
    const far = connection({ env: hasty, connect: async () => line(join(folder, 'silent')) });
    await expect(far.connect()).rejects.toMatchObject({ code: 'unreachable' });
    silent.close();
  });

  test('asks the control plane that knows, when a guest asks for its metadata', async () => {
    await expect(askMetadata(facts)).rejects.toThrow('no control plane is connected');
    const answer = { status: 200, contentType: 'text/plain', body: 'yes' };
    const knowing = connection();
    knowing.serveMetadata(async () => answer);
    await knowing.connect();
    await connection().connect();
    expect(await askMetadata(facts)).toEqual(answer);
  });
});
