import { getEventListeners, once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Env, newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { HostAgent } from '../contract.ts';
import { emptyQcow2 } from '../disks/qcow2-header.ts';
import { acrossMachines } from './across-machines.ts';
import { openAgentLog } from './agent-log.ts';
import { Connection } from './connection.ts';
import { listenForOwner } from './listen-for-owner.ts';
import { openingLine, protocol } from './opening.ts';
import { OwnMachine } from './own-machine.ts';
import { serveHost } from './serve-host.ts';
import { Talk } from './talk.ts';
import { verbs } from './verbs.ts';
import { firstLine, readLines } from './wire.ts';

const real = realEnv();
/** Nobody waits long. */
const env: Env = { ...real, sleep: (ms, signal) => real.sleep(Math.min(ms, 200), signal) };

describe('lines', () => {
  const nobody = { answer: async () => {}, notice() {}, over() {} };

  /** What is said reaches a talk; gives why it ended. */
  async function endOf(said: string, listener: Partial<typeof nobody> = {}): Promise<string> {
    const [near, far] = duplexPair();
    const ended = Promise.withResolvers<string>();
    new Talk(env, near, { ...nobody, ...listener, over: ended.resolve });
    far.on('error', () => {});
    far.write(said);
    return await ended.promise;
  }

  test.each(['null', '5', '"ask"', '[]', '{}', '{"ask":1}', '{"ask":1,"verb":7,"args":[]}', '{"notice":3}', '{', ''])(
    'that say %j end the talk, and nothing else',
    async (line) => {
      expect(await endOf(`${line}\n`)).toBe('the other side speaks another language');
    },
  );

  test('that nobody can take in end the talk, and nothing else', async () => {
    const notice = () => {
      throw new Error('nobody expected that');
    };
    expect(await endOf('{"notice":"guest","value":null}\n', { notice })).toBe('nobody expected that');
  });

  test('are taken in pieces of any size, and not when they have no end', async () => {
    const [near, far] = duplexPair();
    const heard: string[] = [];
    readLines(near, (line) => void heard.push(line), 8);
    for (const byte of 'häl\n') far.write(byte);
    far.write('a\nb\n\nc');
    far.write('d\n');
    await expect.poll(() => heard).toEqual(['häl', 'a', 'b', '', 'cd']);
    const failed = once(near, 'error');
    far.write('123456789');
    expect(String((await failed)[0])).toContain('a line is longer than 8 bytes');
  });

  test('of an opening are short', async () => {
    const [near, far] = duplexPair();
    near.on('error', () => {});
    far.on('error', () => {});
    const first = firstLine(near);
    far.write('x'.repeat(2 ** 20 + 1));
    await expect(first).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('wait for somebody who reads, and not for ever', async () => {
    const [near] = duplexPair();
    const ended = Promise.withResolvers<string>();
    const talk = new Talk(env, near, { ...nobody, over: ended.resolve });
    const long = 'x'.repeat(40 * 2 ** 20);
    const asked = [1, 2, 3, 4].map((number) => talk.ask('keep', [number, long]).catch((error: Error) => error.message));
    expect(await ended.promise).toBe('the other side does not read what it is told');
    for (const words of await Promise.all(asked)) expect(words).toContain('the connection to the host is gone');
  });

  test('ask for no more at once than can be answered', async () => {
    const [near, far] = duplexPair();
    const never = new Promise<never>(() => {});
    new Talk(env, near, { ...nobody, answer: () => never });
    const heard: string[] = [];
    readLines(far, (line) => void heard.push(line));
    for (let ask = 1; ask <= 1001; ask += 1) far.write(`{"ask":${ask},"verb":"metadata","args":[]}\n`);
    await expect.poll(() => heard.find((line) => line.includes('1001'))).toContain('questions are open already');
  });
});

describe('an agent', () => {
  const identity = { hostId: newId(env), key: newId(env) };
  let folder: string;
  let server: Server;
  let stop: () => void;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-hostile-'));
    const host = {
      describe: async () => ({ hostname: 'far' }),
      watchGuests: () => () => {},
      serveMetadata: () => () => {},
    } as unknown as HostAgent;
    server = await listenForOwner(join(folder, 'agent.sock'), undefined);
    const machine = await OwnMachine.open(env, join(folder, 'lent'));
    stop = serveHost(env, server, { host, machine, identity, program: 'test', stop() {} });
  });
  afterEach(async () => {
    stop();
    server.close();
    await rm(folder, { recursive: true });
  });

  async function dial(): Promise<Socket> {
    const socket = connect(join(folder, 'agent.sock'));
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }
  async function answerTo(line: string): Promise<string> {
    const socket = await dial();
    socket.write(line);
    return await firstLine(socket);
  }

  test('has ears for those alone who know its host', async () => {
    const talk = { open: 'talk' } as const;
    expect(await answerTo(openingLine(identity, talk))).toBe('{}');
    for (const other of [{ key: 'guess' }, { hostId: newId(env) }]) {
      expect(await answerTo(openingLine({ ...identity, ...other }, talk))).toContain('a host of another cloud');
    }
    expect(await answerTo('{"open":"talk"}\n')).toContain('a host of another cloud');
    expect(await answerTo(openingLine({ ...identity, key: 7 as never }, talk))).toContain('a host of another cloud');
  });

  test.each(['null\n', '7\n', '{\n', '"talk"\n'])('refuses %j, and goes on', async (line) => {
    expect(await answerTo(line)).toContain('error');
    expect(await answerTo(openingLine(identity, { open: 'talk' }))).toBe('{}');
  });

  test('refuses what it does not know, and ends a connection that says nothing', async () => {
    expect(await answerTo(openingLine(identity, { open: 'sesame' } as never))).toContain('what the connection is for');
    const silent = await dial();
    silent.resume();
    await once(silent, 'close');
  });
});

describe('a far host', () => {
  const hello = { protocol, program: 'test', description: { hostname: 'far' } };

  /** A host that answers as `says` does. */
  function connectionTo(says: (stream: Duplex, opening: { open: string }) => void) {
    const connection = new Connection({
      env,
      name: 'far',
      connect: async () => ({
        identity: { hostId: 'h', key: 'k' },
        async open() {
          const [near, far] = duplexPair();
          far.on('error', () => {});
          void firstLine(far).then(
            (line) => says(far, JSON.parse(line) as { open: string }),
            () => {},
          );
          return near;
        },
        close() {},
      }),
    });
    return connection;
  }
  const greets = (stream: Duplex) => {
    stream.write('{}\n');
    readLines(stream, (line) => {
      const { ask } = JSON.parse(line) as { ask?: number };
      if (ask !== undefined) stream.write(`${JSON.stringify({ answer: ask, value: hello })}\n`);
    });
  };

  test('that is off for weeks leaves nothing of each try', async () => {
    const signals = new Set<EventTarget>();
    const add = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (this: EventTarget, ...args: Parameters<typeof add>) {
      if (this instanceof AbortSignal) signals.add(this);
      return add.apply(this, args);
    };
    let tries = 0;
    const connection = new Connection({
      env: { ...env, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
      name: 'far',
      async connect() {
        tries += 1;
        throw new Error('nobody is there');
      },
    });
    try {
      connection.keep();
      await expect.poll(() => tries).toBeGreaterThan(100);
      const most = Math.max(...[...signals].map((signal) => getEventListeners(signal, 'abort').length));
      expect(most).toBeLessThan(5);
    } finally {
      EventTarget.prototype.addEventListener = add;
      await connection.close();
    }
  });

  test('that answers no opening is not waited for', async () => {
    const connection = connectionTo((stream, { open }) => (open === 'talk' ? greets(stream) : undefined));
    await connection.connect();
    await expect(connection.borrowFolder()).rejects.toMatchObject({ code: 'unreachable' });
    await connection.close();
  });

  test('that tells of connections without end, or of none, is not listened to', async () => {
    for (const news of ['{"connection":1}\n'.repeat(1000), 'null\n', '{\n']) {
      let opened = 0;
      const connection = connectionTo((stream, { open }) => {
        opened += 1;
        if (open === 'talk') greets(stream);
        else stream.write(open === 'listen' ? `{}\n${news}` : '{}\n');
      });
      await connection.connect();
      const heard: Duplex[] = [];
      await using _ = await connection.listen('/socket', (stream) => void heard.push(stream));
      await new Promise((next) => setImmediate(next));
      expect(opened).toBeLessThan(30);
      await connection.close();
    }
  });
});

test('a disk from another machine names no file of this one, but what it is a layer over where that is replaced', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-named-'));
  const machine = await OwnMachine.open(env, join(folder, 'lent'));
  const write = async (change: (disk: Buffer) => void, isLayer: boolean) => {
    const disk = emptyQcow2(2 ** 20);
    change(disk);
    await writeFile(join(folder, 'disk'), disk);
    const path = join(folder, newId(env));
    await machine.write(path, await machine.read(join(folder, 'disk'), { flat: false }), { isLayer });
  };
  const layer = (disk: Buffer) => {
    disk.write('/etc/shadow', 512);
    disk.writeBigUInt64BE(512n, 8);
    disk.writeUInt32BE(11, 16);
  };
  const beside = (disk: Buffer) => disk.writeBigUInt64BE(4n, 72);
  await write(() => {}, false);
  await write((disk) => disk.fill(1, 0, 4), false);
  await write(layer, true);
  await expect(write(layer, false)).rejects.toMatchObject({ code: 'bad_image' });
  await expect(write(beside, true)).rejects.toMatchObject({ code: 'bad_image' });
  const verbless = Object.fromEntries(verbs.map((verb) => [verb, async () => ({ size: 1, virtualSize: 1 })]));
  const host = verbless as unknown as HostAgent;
  const layered = emptyQcow2(2 ** 20);
  layer(layered);
  await writeFile(join(folder, 'disk'), layered);
  const read = () => machine.read(join(folder, 'disk'), { flat: false });
  const rogue = { name: 'far', borrowFolder: () => machine.borrowFolder(), read } as unknown as OwnMachine;
  const target = { kind: 'file' as const, path: join(folder, 'image') };
  const exporting = acrossMachines(env, host, rogue, () => machine).exportDisk({
    diskId: 'd',
    format: 'qcow2',
    target,
  });
  await expect(exporting).rejects.toMatchObject({ code: 'bad_image' });
  expect(await readdir(folder)).not.toContain('image');
  await rm(folder, { recursive: true });
});

test('an agent’s log takes a bounded part of the disk, and no room for it ends nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-log-'));
  const log = openAgentLog(join(folder, 'agent.log'), 1000);
  for (let line = 0; line < 100; line += 1) log.info({ line }, 'something happened');
  expect(await readdir(folder)).toEqual(['agent.log', 'agent.log.1']);
  for (const name of await readdir(folder)) {
    const { size, mode } = await stat(join(folder, name));
    expect(size).toBeLessThan(1200);
    expect(mode & 0o777).toBe(0o600);
  }
  openAgentLog(join(folder, 'nowhere', 'agent.log')).warn({}, 'there is no room');
  await rm(folder, { recursive: true });
});
